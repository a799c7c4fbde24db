"""`softswitch messages`, and messages in `softswitch person`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from contract.letters import add, letter

from softswitch.store.open import open_store

from .conftest import Command


def kept_as(kind: bytes, body: bytes) -> bytes:
    return b"Max-Forwards: 69\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)


@pytest.fixture
def kept(office: Path) -> Path:
    """A store in which two messages wait for Anna, one of which a phone of hers has, and one for Dario."""
    (office / "config/var").mkdir()
    file = office / "config/var/softswitch.db"

    async def fill() -> None:
        stores = open_store(f"sqlite:///{file}")
        await add(stores.messages, letter(1), text=kept_as(b"text/plain", "Grüße,\n\x1b[2Jlunch?".encode()))
        had = letter(2, sender="dario@acme.example")._replace(delivered_at=1_800_000_005.0, had=("anna-desk",))
        await add(stores.messages, had, text=kept_as(b"application/pdf", b"\x00" * 5))
        await add(stores.messages, letter(3, person="dario", sender=""), text=kept_as(b"text/plain", b"parcel"))
        await stores.close()

    asyncio.run(fill())
    return file


def test_what_waits(softswitch: Command, kept: Path) -> None:
    result = softswitch("messages")
    assert (result.code, result.err) == (0, "")
    head, *rows = result.out.splitlines()
    assert head.split() == ["when", "from", "to", "size", "until", "state", "Call-ID"]
    assert [row.split()[3] for row in rows] == ["anna", "anna", "dario"]
    assert rows[0].startswith("2027-01-15 09:00:01  sip:102@acme.example")
    assert "waiting" in rows[0]
    assert "delivered; for her other phones" in rows[1]
    assert "lunch" not in result.out


def test_of_one_person_with_what_they_say(softswitch: Command, kept: Path) -> None:
    result = softswitch("messages", "101", "--text")
    lines = result.out.splitlines()
    assert lines[2] == "    Grüße,"
    assert lines[3] == "    \N{REPLACEMENT CHARACTER}[2Jlunch?"
    assert lines[5] == "    (application/pdf, 5 bytes)"
    assert len(lines) == 6
    assert softswitch("messages", "carla").out == "no messages wait\n"


def test_export_has_what_she_got_and_what_she_wrote(softswitch: Command, kept: Path) -> None:
    document = json.loads(softswitch("person", "export", "dario").out)
    assert [one["number"] for one in document["messages"]] == [2, 3]
    assert document["messages"][1]["text"] == "parcel"
    assert document["messages"][1]["received_at"] == "2027-01-15T09:00:03.250+01:00"
    assert document["messages"][1]["delivered_at"] is None


def test_forgetting_covers_them(softswitch: Command, kept: Path) -> None:
    assert "2 messages" in softswitch("person", "forget", "dario", "--yes").out
    assert [row.split()[3] for row in softswitch("messages").out.splitlines()[1:]] == ["anna"]
