"""What scanners learn: that a SIP server is here, and nothing about who works there (sipvicious, sipsak)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .office import ACCOUNTS
from .server import Server

NEEDS = ("svwar", "svcrack", "sipsak")

SCAN_SECONDS = 60


def output(*command: str) -> str:
    """What a scanner prints, to either stream."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SCAN_SECONDS)
    return ran.stdout + ran.stderr


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A dictionary with accounts, people and numbers that exist, among others that do not."""
    path = tmp_path / "words"
    path.write_text("\n".join([*ACCOUNTS, "anna", "101", "200", "600", "ghost", "999"]) + "\n")
    return path


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
def test_names_cannot_be_told_apart(switch: Server, words: Path, method: str) -> None:
    """svwar first tries a name that nobody has, and gives up when existing ones look the same."""
    port = str(switch.port("udp"))
    found = output("svwar", "-d", str(words), "-m", method, "-p", port, switch.host)
    assert "authentication request for an unknown extension" in found, found
    forced = output("svwar", "-d", str(words), "-m", method, "-p", port, "--force", switch.host)
    assert "found nothing" in forced, forced


def test_a_password_is_found_only_by_trying_the_right_one(switch: Server, tmp_path: Path) -> None:
    port = str(switch.port("udp"))
    wrong = tmp_path / "wrong"
    wrong.write_text("secret\n1234\nanna\n")
    assert "anna-desk |" not in output("svcrack", "-u", "anna-desk", "-d", str(wrong), "-p", port, switch.host)
    right = tmp_path / "right"
    right.write_text(f"secret\n{ACCOUNTS['anna-desk'].password}\n")
    assert "anna-desk |" in output("svcrack", "-u", "anna-desk", "-d", str(right), "-p", port, switch.host)


def test_a_stranger_asking_what_we_can_do_is_challenged(switch: Server) -> None:
    """401 or 407: Debian's sipsak cuts the last digit off a port of five, and so asks for a host that is not ours."""
    answer = output("sipsak", "-vv", "-s", f"sip:{switch.at('udp')}")
    assert "SIP/2.0 401" in answer or "SIP/2.0 407" in answer, answer
    assert "Authenticate: Digest" in answer, answer
