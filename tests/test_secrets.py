"""Secrets: read, computed, and written without disturbing what else is in the file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from softswitch.errors import ConfigError
from softswitch.secrets import ha1, load_secrets
from softswitch.secretsfile import store_hashes, with_entry

MD5 = "939e7578ed9e3c518a452acee763bce9"  # RFC 2617 §3.5: Mufasa, testrealm@host.com, Circle Of Life


def test_ha1_of_the_rfc() -> None:
    assert ha1("Mufasa", "testrealm@host.com", "Circle Of Life", "MD5") == MD5.encode()
    assert len(ha1("a", "b", "c", "SHA-256")) == 64
    assert ha1("a", "b", "c", "SHA-512-256") != ha1("a", "b", "c", "SHA-256")


def test_hashes_hold_for_their_realm_and_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"Mufasa: {{realm: testrealm@host.com, MD5: {MD5.upper()}}}\n")
    path.chmod(0o600)
    secrets = load_secrets(path)
    assert secrets.ha1("Mufasa", "testrealm@host.com", "Mufasa", "MD5") == MD5.encode()
    assert secrets.ha1("Mufasa", "other", "Mufasa", "MD5") is None
    assert secrets.ha1("Mufasa", "testrealm@host.com", "scar", "MD5") is None
    assert secrets.ha1("Mufasa", "testrealm@host.com", "Mufasa", "SHA-256") is None
    assert secrets.ha1("nobody", "testrealm@host.com", "Mufasa", "MD5") is None
    assert secrets.plain("Mufasa") is None
    assert secrets.warnings == []


def test_plain_secrets_work_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text('city: "0170"\n')
    secrets = load_secrets(path, "s.yaml")
    assert secrets.ha1("city", "r", "acme", "SHA-256") == ha1("acme", "r", "0170", "SHA-256")
    assert secrets.ha1("city", "r", "acme", "SHA-256") == ha1("acme", "r", "0170", "SHA-256")
    assert secrets.ha1("city", "r", "acme", "SHA-1") is None
    assert secrets.plain("city") == "0170"
    assert "city" in secrets
    assert secrets.names() == ["city"]


def test_a_file_for_everyone_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("a: b\n")
    path.chmod(0o644)
    assert [str(one) for one in load_secrets(path, "s.yaml").warnings] == [
        "s.yaml:0:0: warning: everyone on this machine can read it; `chmod 600 s.yaml` changes that"
    ]
    path.chmod(0o640)
    assert load_secrets(path, "s.yaml").warnings == []


def test_problems_have_places_and_show_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "a: {MD5: hunter2}\nb: {relam: hunter2, hunter2: x}\nc: [hunter2]\nd:\ne: {realm: r, MD5: {hunter2: x}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_secrets(path, "s.yaml")
    assert [str(one) for one in caught.value.problems] == [
        "s.yaml:1:10: no MD5 hash: that is 32 hex digits",
        's.yaml:1:4: "a" lacks its realm',
        's.yaml:2:5: neither realm, user nor one of MD5, SHA-256, SHA-512-256; did you mean "realm"?',
        "s.yaml:2:21: neither realm, user nor one of MD5, SHA-256, SHA-512-256",
        's.yaml:2:4: "b" has no hash; one of MD5, SHA-256, SHA-512-256',
        "s.yaml:3:4: expected a password in quotes, or realm and hashes",
        's.yaml:4:1: "d" has no secret',
        "s.yaml:5:20: expected a text",
        's.yaml:5:4: "e" has no hash; one of MD5, SHA-256, SHA-512-256',
    ]
    assert "hunter2" not in str(caught.value)


def test_adding_keeps_every_other_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    before = "# ours\n\ncity: 'x'   # the carrier\n\n# desk\nold:\n  realm: r\n  MD5: " + MD5
    path.write_text(before)
    path.chmod(0o644)
    store_hashes(path, "anna-desk", "acme.example", {"MD5": MD5.encode()})
    assert path.read_text() == f"{before}\nanna-desk: {{realm: acme.example, MD5: {MD5}}}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secrets(path).ha1("anna-desk", "acme.example", "anna-desk", "MD5") == MD5.encode()
    assert [one.name for one in tmp_path.iterdir()] == ["s.yaml"]


def test_replacing_takes_the_entry_and_leaves_comments(tmp_path: Path) -> None:
    text = "# a's\na:\n  realm: r\n  MD5: " + MD5 + "\n\n# b's\nb: x\n"
    assert with_entry(text, "a", "a: new\n", "s.yaml", True) == "# a's\na: new\n\n# b's\nb: x\n"
    assert with_entry(text, "b", "b: new\n", "s.yaml", True).endswith("# b's\nb: new\n")
    with pytest.raises(KeyError):
        with_entry(text, "a", "a: new\n", "s.yaml", False)


def test_a_new_file_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "s.yaml"
    store_hashes(path, "a", "r", {"MD5": MD5.encode()})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secrets(path).names() == ["a"]


def test_what_cannot_be_edited_stays_untouched(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    for text in ("{a: x, b: y}\n", "a: x\na: y\n", "a: [\n"):
        path.write_text(text)
        with pytest.raises(ConfigError):
            store_hashes(path, "c", "r", {"MD5": MD5.encode()})
        assert path.read_text() == text


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a/b", "-a", "ä", "x" * 65, "a\n"])
def test_names_that_no_account_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an account"):
        store_hashes(tmp_path / "s.yaml", name, "r", {"MD5": MD5.encode()})
