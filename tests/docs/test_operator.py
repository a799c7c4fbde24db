"""docs/operator.md: each dialplan in it is read, each command in it answers what is written below it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from softswitch.cli.main import main
from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError

from .pages import ROOT, Block, blocks, combined, commands

PAGE = ROOT / "docs/operator.md"
NOW = 1795420800.0  # Monday 2026-11-23 09:00 in Berlin
FILE = "dialplans/acme.yaml"
SETTINGS = "listen: [{transport: udp, bind: 127.0.0.1:5060}]\ndialplans: ../dialplans/acme.yaml\n"


def examples() -> Iterator[tuple[Block, str]]:
    """Each block with the whole dialplan that holds there."""
    whole = dialplan = ""
    for block in blocks(PAGE):
        if block.kind == "yaml":
            begins = block.text.startswith("site:")
            dialplan = block.text if begins else combined(whole, block.text)
            whole = dialplan if begins and not block.mark else whole
        yield block, dialplan


def of_kind(kind: str, mark: str = "") -> list[pytest.param]:  # type: ignore[valid-type]
    found = [(block, plan) for block, plan in examples() if block.kind == kind and block.mark == mark]
    assert found
    return [pytest.param(block, plan, id=f"line-{block.line}") for block, plan in found]


@pytest.mark.parametrize(("block", "dialplan"), of_kind("yaml"))
def test_dialplans_are_right(block: Block, dialplan: str) -> None:
    plans, problems = load_texts([(FILE, dialplan)])
    assert list(plans) == ["acme.example"]
    unused = 'nobody uses the schedule "office hours"'  # where an example replaces the rules that did
    at_nobodys_place = 'the phone "front-door"'
    assert [one for one in problems if unused not in one.text and at_nobodys_place not in one.text] == []


@pytest.mark.parametrize(("block", "dialplan"), of_kind("yaml", "refused"))
def test_mistakes_are_told_as_shown(block: Block, dialplan: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_texts([(FILE, dialplan)])
    shown = [other.text for other in blocks(PAGE) if other.kind == "text"]
    assert "".join(f"{problem}\n" for problem in refused.value.problems) in shown


@pytest.mark.parametrize(("block", "dialplan"), of_kind("console"))
def test_commands_answer_as_shown(
    block: Block,
    dialplan: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    office(tmp_path, monkeypatch, dialplan)
    for command, answer in commands(block.text):
        assert run(command, capsys) == answer


def test_every_word_of_the_language_is_named() -> None:
    from softswitch.dialplan.build import ANSWERS
    from softswitch.dialplan.codes import ACTIONS, PARTS
    from softswitch.dialplan.conditions import CONDITIONS
    from softswitch.dialplan.models import LATER, FileModel
    from softswitch.dialplan.names import REJECTIONS
    from softswitch.dialplan.outcome import Outcome
    from softswitch.dialplan.rota import ORDERS

    text = PAGE.read_text()
    outcomes = [outcome.value for outcome in Outcome]
    for word in (
        *FileModel.model_fields,
        *CONDITIONS,
        *REJECTIONS,
        *ORDERS,
        *ANSWERS,
        *ACTIONS,
        *PARTS,
        *outcomes,
        *LATER,
    ):
        assert word in text, word


def office(folder: Path, monkeypatch: pytest.MonkeyPatch, dialplan: str) -> None:
    """A folder with this dialplan, and the time of the examples."""
    for name in [name for name in os.environ if name.startswith("SOFTSWITCH_")]:
        monkeypatch.delenv(name)
    for name, text in (("config/softswitch.yaml", SETTINGS), (FILE, dialplan)):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("simulate", "week"):
        monkeypatch.setattr(f"softswitch.cli.{command}.time", SimpleNamespace(time=lambda: NOW))


def run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints."""
    program, *arguments = shlex.split(command)
    assert program == "softswitch"
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 0, said
    return said.out
