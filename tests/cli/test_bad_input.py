"""Whatever lies where a file should be, every command names it in a sentence, and never ends with a traceback."""

from __future__ import annotations

import encodings.utf_8_sig  # noqa: F401 - who acts as nobody may not be able to read Python's own files any more
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from softswitch.cli.main import main

from .conftest import Command

Spoil = Callable[[Path], None]


def replaced_by(content: bytes) -> Spoil:
    return lambda path: void(path.write_bytes(content))


def void(_: object) -> None:
    return None


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60))])
SPOILED: dict[str, tuple[Spoil, str]] = {
    "missing": (lambda path: path.unlink(), "No such file or directory"),
    "a folder": (folder, "Is a directory"),
    "a circle of links": (circle, "Too many levels of symbolic links"),
    "aliases that multiply": (replaced_by(BOMB.encode()), "anchors (&a0) are not used here"),
    "brackets": (replaced_by(b"[" * 1_000_000), "nested deeper than 64 levels"),
    "50 MB": (replaced_by(b"# " + b"x" * 50_000_000), "larger than "),
    "a program": (
        lambda path: void(path.write_bytes(Path(sys.executable).resolve().read_bytes()[:1_000_000])),
        "UTF-8",
    ),
    "zeros": (replaced_by(bytes(1000)), "a character that YAML does not allow: U+0000"),
    "Latin-1": (replaced_by("name: Jörg\n".encode("latin-1")), ":1:8: not UTF-8 text"),
    "a list": (replaced_by(b"- a\n- b\n"), ""),
    "a syntax error": (replaced_by(b"a: [b\nc: d\n"), ":2:"),
    "nothing": (replaced_by(b""), ""),
}
FILES = ("config/softswitch.yaml", "config/office.yaml", "config/secrets.yaml")
COMMANDS = (("check",), ("simulate", "--to", "101"), ("week", "101"), ("run",), ("demo",))
CASES = [
    *((file, what, COMMANDS[0]) for file in FILES for what in SPOILED),
    *((file, what, one) for file in FILES for what in ("missing", "a folder", "50 MB") for one in COMMANDS[1:]),
]
NO_MISTAKE = (("config/secrets.yaml", "nothing"),)


@pytest.mark.parametrize(("file", "what", "command"), [case for case in CASES if case[:2] not in NO_MISTAKE])
def test_a_spoiled_file_is_named(
    softswitch: Command, office: Path, file: str, what: str, command: tuple[str, ...]
) -> None:
    spoil, said = SPOILED[what]
    spoil(office / file)
    result = softswitch(*command)
    assert result.code == 1
    if file == FILES[0] and said.startswith(("No such file", "Too many levels")):
        assert "no settings: neither config/softswitch.yaml nor" in result.err
    else:
        assert result.err.startswith(file)
        assert said in result.err
    assert len(result.err) < 200_000
    assert result.out == ""


@pytest.mark.parametrize("what", [what for what in SPOILED if what not in ("nothing",)])
def test_a_spoiled_calendar_is_named(softswitch: Command, office: Path, what: str) -> None:
    dialplan, calendar = office / "config/office.yaml", office / "config/on-call.ics"
    text = dialplan.read_text()
    dialplan.write_text(text.replace("schedules:\n", "schedules:\n  on call: {calendar: on-call.ics}\n", 1))
    calendar.write_text("")
    SPOILED[what][0](calendar)
    result = softswitch("check")
    assert result.code == 1
    assert "config/on-call.ics" in result.err


def test_a_file_that_may_not_be_read(bound_by_permissions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("hidden.yaml").write_text("site: {}\n")
    Path("hidden.yaml").chmod(0)
    Path("softswitch.yaml").write_text("listen: [{transport: udp, bind: 127.0.0.1}]\ndialplans: hidden.yaml\n")
    for config, said in (
        ("softswitch.yaml", "hidden.yaml: cannot be read: Permission denied\n"),
        ("hidden.yaml", "hidden.yaml: cannot be read: Permission denied\n"),
    ):
        for command in COMMANDS:
            with pytest.raises(SystemExit) as ended:
                main([*command, "--config", config])
            assert ended.value.code == 1
            assert capsys.readouterr().err == said


def test_output_that_nobody_reads_is_no_mistake(office: Path) -> None:
    """`softswitch week 101 | head -1`."""
    command = f"{sys.executable} -c 'from softswitch.cli.main import main; main()' week 101 | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=office)
    assert done.stderr == ""
