"""`softswitch phone add`: the account works with what was shown, and nothing else was touched."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from softswitch.secrets import HASHES, ha1, load_secrets

from .conftest import Command, Result


def password(result: Result) -> str:
    match = re.search(r"Password +(\S+)$", result.out, re.MULTILINE)
    assert match is not None
    return match[1]


def test_a_new_phone_of_a_person(softswitch: Command, office: Path) -> None:
    before = (office / "config/secrets.yaml").read_text()
    result = softswitch("phone", "add", "anna-tablet", "--person", "101", "--place", "home")
    assert (result.code, result.err) == (0, "")
    secret = password(result)
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    for line in (
        "Server sip.acme.example, port 5070, transport UDP",
        "or 127.0.0.1, port 5061, transport TLS",
        "Domain, realm acme.example",
        "User name anna-tablet",
        "Authentication name anna-tablet",
        "anna-tablet: {secret: anna-tablet}",
        "home: {phone: [anna-home, anna-tablet]}",
    ):
        assert line in lines, line
    file = office / "config/secrets.yaml"
    secrets = load_secrets(file)
    for algorithm in ("SHA-256", "MD5"):
        expected = ha1("anna-tablet", "acme.example", secret, algorithm)
        assert secrets.ha1("anna-tablet", "acme.example", "anna-tablet", algorithm) == expected
    assert file.read_text().startswith(before)
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_lines_it_shows_are_a_dialplan(softswitch: Command, office: Path) -> None:
    result = softswitch("phone", "add", "carla-desk", "--person", "carla", "--place", "office")
    shown = result.out[result.out.index("phones:\n") :].split("\n\n")
    dialplan = office / "config/office.yaml"
    text = dialplan.read_text()
    text = text.replace("\nphones:\n", "\n" + shown[0] + "\n")
    place = shown[1].splitlines()[-1]
    text = text.replace("home: {phone: carla-home}", f"home: {{phone: carla-home}}\n{place}")
    dialplan.write_text(text)
    check = softswitch("check")
    assert (check.code, check.err) == (0, "")
    assert "6 phones" in check.out


def test_a_phone_that_the_dialplan_has(softswitch: Command, office: Path) -> None:
    refused = softswitch("phone", "add", "anna-desk")
    assert refused.code == 1
    assert "has a secret already; --replace makes a new one" in refused.err
    result = softswitch("phone", "add", "anna-desk", "--replace")
    assert result.code == 0
    assert "No dialplan has this phone" not in result.out
    assert "demo-anna-desk" not in (office / "config/secrets.yaml").read_text()
    assert softswitch("check").code == 0
    assert password(result) != password(softswitch("phone", "add", "anna-desk", "--replace"))


def test_every_algorithm_that_is_offered(softswitch: Command, office: Path) -> None:
    with (office / "config/softswitch.yaml").open("a") as file:
        file.write("digest: {algorithms: [SHA-512-256, SHA-256, MD5]}\n")
    secret = password(softswitch("phone", "add", "new"))
    secrets = load_secrets(office / "config/secrets.yaml")
    for algorithm in HASHES:
        assert secrets.ha1("new", "acme.example", "new", algorithm) == ha1("new", "acme.example", secret, algorithm)


def test_a_secret_by_another_name(softswitch: Command, office: Path) -> None:
    dialplan = office / "config/office.yaml"
    dialplan.write_text(dialplan.read_text().replace("{secret: anna-desk}", "{secret: desk}"))
    secret = password(softswitch("phone", "add", "anna-desk"))
    known = load_secrets(office / "config/secrets.yaml").ha1("desk", "acme.example", "anna-desk", "MD5")
    assert known == ha1("anna-desk", "acme.example", secret, "MD5")
    assert softswitch("check").err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a b",), '"a b" cannot name a phone'),
        (("new", "--person", "ana"), 'acme.example has no person "ana"; did you mean "anna"?'),
        (("new", "--site", "acme.exmple"), 'no site "acme.exmple" is configured; did you mean "acme.example"?'),
    ],
)
def test_refused(softswitch: Command, office: Path, arguments: tuple[str, ...], said: str) -> None:
    before = (office / "config/secrets.yaml").read_text()
    result = softswitch("phone", "add", *arguments)
    assert result.code == 1
    assert said in result.err
    assert (office / "config/secrets.yaml").read_text() == before


def test_without_a_file_for_secrets(softswitch: Command, office: Path) -> None:
    settings = office / "config/softswitch.yaml"
    settings.write_text(settings.read_text().replace("secrets: secrets.yaml\n", ""))
    result = softswitch("phone", "add", "new")
    assert result.code == 1
    assert "config/softswitch.yaml names no file for secrets" in result.err


def test_a_secrets_file_that_is_not_there_yet(softswitch: Command, office: Path) -> None:
    (office / "config/secrets.yaml").unlink()
    result = softswitch("phone", "add", "anna-desk")
    assert result.code == 0
    assert load_secrets(office / "config/secrets.yaml").names() == ["anna-desk"]
