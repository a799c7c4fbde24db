"""`softswitch check`, and how commands end."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.cli import main as module
from softswitch.sound.library import tone

from .conftest import Command


def test_a_sound_office(softswitch: Command) -> None:
    result = softswitch("check")
    assert result.code == 0
    assert result.out.splitlines() == [
        "listening on udp sip.acme.example:5070, tls 127.0.0.1:5061",
        "acme.example: 3 people, 5 phones, 1 team",
        "0 warnings, no problem",
    ]
    assert result.err == ""


def test_problems_of_all_files_with_their_places(softswitch: Command, office: Path) -> None:
    dialplan = office / "config/office.yaml"
    text = dialplan.read_text()
    dialplan.write_text(text.replace("when: office hours", "when: ofice hours"))
    line = text[: text.index("when: office hours")].count("\n") + 1
    (office / "config/secrets.yaml").write_text("anna-desk: {MD5: x}\n")
    result = softswitch("check")
    assert result.code == 1
    assert f"config/office.yaml:{line}:" in result.err
    assert 'did you mean "office hours"?' in result.err
    assert "config/secrets.yaml:1:18: no MD5 hash" in result.err
    assert result.out == ""


def test_problems_of_the_settings(softswitch: Command, office: Path) -> None:
    with (office / "config/softswitch.yaml").open("a") as file:
        file.write("lisen: x\nlog: {level: loud}\n")
    result = softswitch("check")
    assert result.code == 1
    assert result.err.splitlines() == [
        'config/softswitch.yaml:6:1: unknown key "lisen"; did you mean "listen"?',
        'config/softswitch.yaml:7:14: "loud" is none of debug, info, warning, error',
    ]


def test_phones_that_could_not_register_are_warnings(softswitch: Command, office: Path) -> None:
    (office / "config/secrets.yaml").write_text(
        "anna-dest: x\nanna-home: x\nanna-mobile: x\ncarla-home: {realm: other, MD5: " + "0" * 32 + "}\n"
        "dario-home: {realm: acme.example, SHA-512-256: " + "0" * 64 + "}\n"
    )
    result = softswitch("check")
    assert result.code == 0
    assert result.err.splitlines() == [
        'config/secrets.yaml: warning: no secret "anna-desk" for phone anna-desk; did you mean "anna-dest"?; '
        "it cannot register",
        'config/secrets.yaml: warning: the secret "carla-home" is not for user carla-home at acme.example, '
        "or has no hash of SHA-256, MD5; it cannot register",
        'config/secrets.yaml: warning: the secret "dario-home" is not for user dario-home at acme.example, '
        "or has no hash of SHA-256, MD5; it cannot register",
    ]


def test_words_on_the_way_of_sound_that_say_nothing_are_warnings(softswitch: Command, office: Path) -> None:
    plan = office / "config/office.yaml"
    text = plan.read_text()
    for old, new in (
        ("site:\n", "site:\n  media: direct in lan\n"),
        ("{secret: anna-desk}", "{secret: anna-desk, media: direct in inernet}"),
        ("{secret: anna-home}", "{secret: anna-home, media: direct, srtp: prefer}"),
    ):
        assert old in text
        text = text.replace(old, new)
    plan.write_text(text)
    result = softswitch("check")
    assert result.code == 0
    assert [line.partition("warning: ")[2] for line in result.err.splitlines()] == [
        'media: direct in lan of acme.example: no listener is on a network "lan"',
        'media: direct in inernet of phone anna-desk: no listener is on a network "inernet"; did you mean "internet"?',
        "phone anna-home has srtp: prefer, so media: direct has no effect",
    ]


def test_what_rtpengine_cannot_do_is_told(softswitch: Command, office: Path) -> None:
    plan, settings = office / "config/office.yaml", office / "config/softswitch.yaml"
    (office / "config/own.wav").write_bytes(Path(tone("beep").file).read_bytes())
    text = plan.read_text().replace("site:\n", "site:\n  music on hold: own.wav\n")
    text = text.replace(
        "{phone: anna-home}", "{phone: anna-home}\n      cell: {dial: +49 170 1234567, confirm: press 1}"
    )
    text += "trunks: {city: {peer: 198.51.100.7, style: {keys: info}}}\noutside: [{dial: + *, via: city}]\n"
    plan.write_text(text)
    assert softswitch("check").err == ""
    settings.write_text(settings.read_text() + "relay: {engine: rtpengine 127.0.0.1:2223}\n")
    result = softswitch("check")
    assert result.code == 0
    assert [line.partition("rtpengine can't ")[2] for line in result.err.splitlines()] == [
        "ask who answers to press 1: confirm: of anna at cell needs built-in",
        f"play music on hold: {office}/config/own.wav of acme.example needs built-in",
        "change keys into INFO: style: {keys: info} of trunk city needs built-in",
    ]


def test_a_file_that_is_not_there(softswitch: Command, office: Path) -> None:
    result = softswitch("check", "--config", "none.yaml")
    assert (result.code, result.err) == (1, "none.yaml: cannot be read: No such file or directory\n")
    (office / "config/softswitch.yaml").rename(office / "elsewhere.yaml")
    result = softswitch("check")
    assert result.code == 1
    assert "no settings: neither config/softswitch.yaml nor /etc/softswitch/softswitch.yaml" in result.err


def test_the_variable_names_the_file(softswitch: Command, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (office / "config").rename(office / "other")
    monkeypatch.setenv("SOFTSWITCH_CONFIG", "other/softswitch.yaml")
    assert softswitch("check").code == 0


@pytest.mark.parametrize("arguments", [("sttus",), ("check", "--confg", "x"), ("run", "--at", "tomorrow"), ()])
def test_what_is_not_understood(softswitch: Command, arguments: tuple[str, ...]) -> None:
    result = softswitch(*arguments)
    assert result.code == 2
    assert "Usage: softswitch" in result.err


def test_version_and_help(softswitch: Command) -> None:
    assert softswitch("--version").out.startswith("softswitch 0")
    result = softswitch("-h")
    assert result.code == 0
    for name in module.COMMANDS:
        assert f"  {name} " in result.out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ZeroDivisionError("oh"), 70, "a mistake of its own, please report it: ZeroDivisionError('oh') at "),
        (PermissionError(13, "Permission denied", "/var/x"), 1, "softswitch: /var/x: Permission denied\n"),
        (OSError(98, "Address already in use"), 1, "softswitch: system: Address already in use\n"),
        (KeyboardInterrupt(), 130, "softswitch: interrupted\n"),
    ],
)
def test_whatever_happens_is_told_in_a_sentence(
    softswitch: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module.COMMANDS["check"], "callback", fail)
    result = softswitch("check")
    assert result.code == code
    assert said in result.err
    assert len(result.err.strip().splitlines()) == 1
