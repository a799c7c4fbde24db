"""YAML as text with positions: what is refused, where, and that nothing hurts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.errors import ConfigError
from softswitch.yamltext import MAX_DEPTH, MAX_PROBLEMS, Mapping, Scalar, Sequence, compose, locate, plain


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compose(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_every_scalar_stays_text() -> None:
    tree = compose("a: no\nb: 0170\nc: 22:30\nd: 2026-12-24\ne: ~\nf: [1, 1.0, null]\n", "f.yaml")
    assert plain(tree) == {
        "a": "no", "b": "0170", "c": "22:30", "d": "2026-12-24", "e": "~", "f": ["1", "1.0", "null"],
    }  # fmt: skip


def test_positions_count_from_one_and_in_characters() -> None:
    tree = compose("grün: ä\nb:\n  - {k: v}\n", "f.yaml")
    assert isinstance(tree, Mapping)
    value = tree.get("grün")
    assert isinstance(value, Scalar)
    assert (value.line, value.column) == (1, 7)
    node, key = locate(tree, ("b", 0, "k"))
    assert isinstance(node, Scalar)
    assert key is not None
    assert (node.line, node.column, key.column) == (3, 9, 6)


def test_locate_stops_where_the_path_ends() -> None:
    tree = compose("a:\n  b: 1\n", "f.yaml")
    node, key = locate(tree, ("a", "missing", 3))
    assert isinstance(node, Mapping)
    assert key is not None
    assert (node.line, key.text) == (2, "a")


def test_values_left_out_are_left_out_but_quoted_ones_stay() -> None:
    assert plain(compose("a:\nb: ''\n", "f.yaml")) == {"b": ""}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert plain(compose(text, "f.yaml")) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ['f.yaml:3:1: "a" is here twice; the first is in line 1']),
        ("a: &x 1\n", ["f.yaml:1:4: anchors (&x) are not used here; write the value out"]),
        (
            "a: &x [1]\nb: *x\n",
            [
                "f.yaml:1:4: anchors (&x) are not used here; write the value out",
                "f.yaml:2:4: aliases (*x) are not used here; write the value out",
            ],
        ),
        (
            "a: !!int 1\n",
            ["f.yaml:1:4: tags (tag:yaml.org,2002:int) are not used here; a text starting with ! wants quotes"],
        ),
        ("a: 1\n---\nb: 2\n", ["f.yaml:2:1: a second document (---) in the same file"]),
        (
            "[a, b]: 1\nc: {[d]: 2}\n",
            [
                "f.yaml:1:1: a key must be a text, not a list or a mapping",
                "f.yaml:2:5: a key must be a text, not a list or a mapping",
            ],
        ),
        (
            "a: b: c\n",
            ["f.yaml:1:5: a colon where none can be: is the line indented rightly, or does the text want quotes?"],
        ),
        (
            "a:\n\t- b\n",
            ["f.yaml:2:1: a value that starts with a special character or a tab; put it in quotes"],
        ),
        ("a: \x01\n", ["f.yaml:1:4: a character that YAML does not allow: U+0001"]),
    ],
)
def test_refused(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_a_key_that_is_no_text_does_not_confuse_what_follows() -> None:
    assert problems("? {x: [y]}\n: {z: 1}\na: 1\na: 2\n") == [
        "f.yaml:1:3: a key must be a text, not a list or a mapping",
        'f.yaml:4:1: "a" is here twice; the first is in line 3',
    ]


def test_too_many_levels_are_told_where_they_are() -> None:
    assert problems("[" * (MAX_DEPTH + 1)) == [f"f.yaml:1:{MAX_DEPTH + 1}: nested deeper than {MAX_DEPTH} levels"]


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{" * 1_000_000, "- " * 500_000, "[{a: " * 200_000])
def test_a_million_brackets_are_one_problem(text: str) -> None:
    (problem,) = problems(text)  # where it is seen first differs among releases of libyaml
    assert re.fullmatch(rf"f.yaml:1:\d+: nested deeper than {MAX_DEPTH} levels", problem)


def test_a_bomb_of_aliases_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 200)]
    assert len(problems("\n".join(lines))) <= MAX_PROBLEMS + 3


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(ConfigError, match=r"x.yaml:0:0: cannot be read: No such file"):
        compose(path, "x.yaml")
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert plain(compose(path, "x.yaml")) == {"a": "1"}
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"x.yaml:2:4: not UTF-8 text"):
        compose(path, "x.yaml")
    path.write_bytes(b"#" * 101)
    with pytest.raises(ConfigError, match=r"x.yaml:0:0: larger than 100 bytes"):
        compose(path, "x.yaml", max_bytes=100)


@given(st.text(alphabet=st.sampled_from("ab:,-[]{}\"'&*!|>?%#~ \n\t\0ä"), max_size=60))
def test_only_configuration_errors_escape(text: str) -> None:
    try:
        tree = compose(text, "f.yaml")
    except ConfigError:
        return
    assert isinstance(tree, (Scalar, Sequence, Mapping))
    plain(tree)
