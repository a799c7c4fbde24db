"""`softswitch voicemail`, and voicemail in `softswitch person` and `softswitch check`."""

from __future__ import annotations

import asyncio
import json
import wave
from pathlib import Path
from typing import Any

import pytest

from softswitch.ops.control import ControlServer
from softswitch.sound.wav import alaw_file
from softswitch.store.open import open_store
from softswitch.voicemail.files import Files
from softswitch.voicemail.message import Change, Message

from .conftest import Command

SITE, AT = "acme.example", 1_800_000_000.25
NEW = Message(SITE, "anna", "1800000000-a1", AT, "102", "a@x", 2.4)
HEARD = Message(SITE, "anna", "1800000001-b2", AT + 1, "", "b@x", 3.0, AT + 60)
OTHER = Message(SITE, "dario", "1800000002-c3", AT + 2, "\x1b[2J+49301", "c@x", 1.5)


@pytest.fixture
def kept(office: Path) -> Path:
    """A store with two messages for Anna and one for Dario; the folder of their sound."""
    folder = office / "config/var"
    folder.mkdir()

    async def fill() -> None:
        stores = open_store(f"sqlite:///{folder}/softswitch.db")
        written = stores.voicemail.write(Change((NEW, HEARD, OTHER)))
        assert written is not None
        await written
        await stores.close()

    asyncio.run(fill())
    for message in (NEW, HEARD, OTHER):
        file = Files(folder / "voicemail").path(message)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(alaw_file(b"\x55" * 800))
    return folder / "voicemail"


def test_what_was_left(softswitch: Command, kept: Path) -> None:
    result = softswitch("voicemail", "list")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "2027-01-15 09:00  new  anna@acme.example  from 102  2 s  1800000000-a1",
        "2027-01-15 09:00  heard  anna@acme.example  from (hidden)  3 s  1800000001-b2",
        "2027-01-15 09:00  new  dario@acme.example  from \N{REPLACEMENT CHARACTER}[2J+49301  2 s  1800000002-c3",
    ]
    assert softswitch("voicemail", "list", "103").out.count("\n") == 1
    assert softswitch("voicemail", "list", "carla").code == 1


def test_saving_one(softswitch: Command, kept: Path, office: Path) -> None:
    assert softswitch("voicemail", "save", NEW.id, "out.wav").code == 0
    with wave.open(str(office / "out.wav")) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 800)
    again = softswitch("voicemail", "save", NEW.id, "out.wav")
    assert (again.code, "File exists" in again.err) == (1, True)
    assert "there is no message" in softswitch("voicemail", "save", "x", "y.wav").err


def test_deleting_asks_the_switch(softswitch: Command, kept: Path, office: Path) -> None:
    assert softswitch("voicemail", "delete", NEW.id).code == 3
    asked: list[dict[str, Any]] = []

    async def serve() -> None:
        server = ControlServer(office / "config/var/control.sock", {"delete voicemail": lambda one: asked.append(one)})
        await server.start()
        code = await asyncio.to_thread(lambda: softswitch("voicemail", "delete", NEW.id).code)
        await server.stop()
        assert code == 0

    asyncio.run(serve())
    assert asked == [{"message": NEW.id}]


def test_a_person(softswitch: Command, kept: Path) -> None:
    document = json.loads(softswitch("person", "export", "anna").out)
    first, second = document["voicemails"]
    assert (first["id"], first["received_at"], first["heard_at"]) == (NEW.id, "2027-01-15T09:00:00.250+01:00", None)
    assert Path(second["file"]).exists()
    assert ", 2 voicemails" in softswitch("person", "forget", "anna", "--yes").out
    assert [path.stem for path in kept.rglob("*.wav")] == [OTHER.id]
    assert softswitch("voicemail", "list").out.count("\n") == 1
    assert NEW.id.encode() not in (kept.parent / "softswitch.db").read_bytes()


def test_what_is_missing_is_warned_of(softswitch: Command, office: Path) -> None:
    plan = office / "config/office.yaml"
    text = plan.read_text().replace(
        "number: 102", "number: 102\n    voicemail: {pin: carla-pin, mail: carla@acme.example}"
    )
    plan.write_text(text)
    told = softswitch("check").err
    assert 'secrets.yaml: warning: "carla-pin", the PIN of carla, is not there in digits' in told
    assert "softswitch.yaml: warning: without mail: nobody is mailed messages, carla neither" in told
    with (office / "config/secrets.yaml").open("a") as secrets:
        secrets.write('carla-pin: "2468"\n')
    with (office / "config/softswitch.yaml").open("a") as settings:
        settings.write("mail: {server: mail.acme.example, sender: tel@acme.example, user: tel, password: mail}\n")
    told = softswitch("check").err
    assert 'no secret "mail" for the mail server' in told
    assert "PIN" not in told
