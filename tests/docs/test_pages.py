"""The README and all pages: links lead somewhere, commands exist, what they are shown to answer is what they answer."""

from __future__ import annotations

import re
import shlex
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import click
import pytest

from softswitch.cli.main import COMMANDS, cli
from softswitch.dialplan.load import load_plans
from softswitch.secrets import load_secrets
from softswitch.settingsfile import load_settings

from .pages import PAGES, ROOT, blocks, commands
from .test_operator import office, run

README = ROOT / "README.md"
SAMPLE = ROOT / "dialplans/sample-office.yaml"
PICTURES = sorted((ROOT / "docs/pictures").glob("*.svg"))

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def by_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            assert (page.parent / path).exists(), link
            assert not anchor, f"{link}: anchors aren't looked at"


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def shown_commands() -> list[pytest.param]:  # type: ignore[valid-type]
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = [
            *re.findall(r"`([^`\n]+)`", text),
            *(line for block in blocks(page) for line in block.text.splitlines()),
        ]
        code += re.findall(r"^    (\S.*)$", text, re.MULTILINE)
        for line in code:
            match = re.match(r"(?:\$ )?(?:\S*/)?softswitch ([a-z].*)", line)
            if match:
                found.append(pytest.param(match[1], id=f"{page.name}: {match[1]}"))
    assert len(found) > 20
    return found


@pytest.mark.parametrize("line", shown_commands())
def test_commands_are_understood(line: str) -> None:
    words = shlex.split(line)
    command: click.Command = cli
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    if words:
        command.make_context(command.name, words, resilient_parsing=False)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_scripts_and_commands_in_sh_blocks_exist(page: Path) -> None:
    for block in blocks(page):
        if block.kind == "sh":
            for line in block.text.splitlines():
                program, *arguments = shlex.split(line)
                if program == ".venv/bin/softswitch":
                    assert arguments[0] in COMMANDS
                else:
                    assert (ROOT / program).stat().st_mode & 0o111, f"{program} can't be run"


def test_the_readmes_commands_answer_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office(tmp_path, monkeypatch, SAMPLE.read_text(encoding="utf-8"))
    shutil.copy(SAMPLE.with_name("on-call.ics"), tmp_path / "dialplans")
    shown = [pair for block in blocks(README) if block.kind == "console" for pair in commands(block.text)]
    assert shown
    for command, answer in shown:
        assert run(command, capsys) == answer


def test_the_readme_shows_the_sample_office() -> None:
    (rules,) = [block.text for block in blocks(README) if block.kind == "yaml"]
    assert rules in SAMPLE.read_text(encoding="utf-8")


def test_the_readmes_phone_is_one_of_the_sample_office() -> None:
    text = README.read_text(encoding="utf-8")
    (plan,) = load_plans([SAMPLE])[0].values()
    settings, _ = load_settings(ROOT / "config/softswitch.yaml", {})
    assert settings.secrets is not None
    (name,) = re.findall(r"\| authentication name \| `([^`]+)`", text)
    (password,) = re.findall(r"\| password \| `([^`]+)`", text)
    assert load_secrets(settings.secrets).plain(plan.phones[name].secret) == password
    person = plan.person_of(name)
    assert person is not None
    assert f"| user name | `{name}`, or her number `{person.number}` |" in text
    assert f"| domain | `{plan.site}`" in text


@pytest.mark.parametrize("picture", PICTURES, ids=by_name)
def test_pictures_are_shown_and_say_in_words_what_they_show(picture: Path) -> None:
    assert any(f"pictures/{picture.name}" in page.read_text(encoding="utf-8") for page in PAGES)
    tree = ElementTree.parse(picture)
    assert tree.find("{http://www.w3.org/2000/svg}title") is not None
    assert tree.find("{http://www.w3.org/2000/svg}desc") is not None


def test_numbers_of_the_switch_are_those_of_the_settings() -> None:
    settings, _ = load_settings(ROOT / "config/softswitch.yaml", {})
    ports = f"{settings.relay.ports.first}-{settings.relay.ports.last}"
    for page in (README, ROOT / "docs/sysadmin.md", ROOT / "docs/home-worker.md"):
        assert ports in page.read_text(encoding="utf-8"), page
