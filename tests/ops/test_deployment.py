"""What is installed beside the code: the unit, the image, the page that explains them."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from softswitch.cli.main import COMMANDS
from softswitch.secrets import parse_secrets
from softswitch.settingsfile import VARIABLES, load_settings

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/sysadmin.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def own(_: socket.AddressFamily) -> str | None:
    return "192.0.2.1"


UNITS = ("softswitch.service", "softswitch-relay@.service")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(tmp_path: Path, name: str) -> None:
    unit = tmp_path / name.replace("@", "@1")
    text = (ROOT / "config" / name).read_text()
    changed = re.sub(r"(?m)^(ExecStart|ExecReload)=.*", r"\1=/bin/true", text)
    assert changed != text
    unit.write_text(changed)
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_starts_what_there_is(name: str) -> None:
    text = (ROOT / "config" / name).read_text()
    match = re.search(r"^ExecStart=(\S+)/softswitch (\w+) --config (\S+)(?: --number %i)?$", text, re.MULTILINE)
    assert match is not None
    assert match[1] in PAGE
    assert match[2] in COMMANDS
    assert match[3] in PAGE
    if "ExecReload" in text:
        assert match[0].replace("ExecStart", "ExecReload").replace(match[2], "reload") in text
    for variable in re.findall(r"SOFTSWITCH_\w+", text):
        assert variable in VARIABLES


def test_the_two_units_have_one_user_and_the_same_limits() -> None:
    switch, relay = ((ROOT / "config" / name).read_text().splitlines() for name in UNITS)
    for line in (
        "DynamicUser=yes",
        "User=softswitch",
        "StateDirectory=softswitch",
        "ConfigurationDirectory=softswitch",
    ):
        assert line in switch
        assert line in relay
    kept = ("Protect", "Private", "Restrict", "SystemCall", "Capability", "NoNew", "Lock")
    guards = {line for line in switch if line.startswith(kept)} - {line for line in switch if "ExitStatus" in line}
    assert guards <= set(relay)
    (folder,) = re.findall(r"^relay: \{service: (\S+)\}", PAGE, re.MULTILINE)
    assert f"RuntimeDirectory={folder.removeprefix('/run/')}/%i" in relay


def test_the_image_copies_and_sets_what_there_is() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(?:--\S+ )*(.*) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert source == "README.md" or (ROOT / source).exists(), source
    for variable in re.findall(r"(SOFTSWITCH_\w+)=", text):
        assert variable in VARIABLES or variable == "SOFTSWITCH_CONFIG"


def test_the_page_names_every_variable_and_command() -> None:
    for variable in VARIABLES:
        assert f"`{variable}`" in PAGE
    for command in COMMANDS:
        assert f"softswitch {command}" in PAGE


def example(beginning: str) -> str:
    (found,) = [text for text in YAML if text.startswith(beginning)]
    return found


def test_the_examples_of_settings_are_right(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.yaml"
    file.write_text(example("listen:") + example("relay:\n") + example("peers:"))
    settings, warnings = load_settings(file, {}, own)
    assert warnings == []
    assert [one.advertised_host for one in settings.listeners] == ["198.51.100.1", "198.51.100.1", "192.168.1.5"]
    assert [(one.network, one.bind, one.advertised) for one in settings.relay.addresses] == [
        ("internet", "10.0.0.5", "198.51.100.1"),
        ("office-lan", "192.168.1.5", "192.168.1.5"),
    ]
    assert [peer.name for peer in settings.peers] == ["city", "branch"]


def test_the_settings_of_the_service_are_right(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.yaml"
    sample = (ROOT / "config/softswitch.yaml").read_text()
    kept = re.sub(r"(?m)^(dialplans|secrets|store|control|tls):.*\n(  .*\n)*", "", sample)
    file.write_text(kept + example("dialplans:"))
    settings, warnings = load_settings(file, {}, own)
    assert settings.secrets == Path("/var/lib/softswitch/secrets.yaml")
    assert settings.dialplans == (tmp_path / "sample-office.yaml",)
    assert warnings == []


def test_the_example_of_secrets_is_right() -> None:
    secrets = parse_secrets(example("anna-desk:").replace("64 hex digits", "0" * 64), "secrets.yaml")
    assert secrets.ha1("anna-desk", "acme.example", "anna-desk", "SHA-256") == b"0" * 64
    assert secrets.plain("dario-home") == "a plain password"
