"""Mails about emergency calls, to a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from softswitch.bridge.emergencies import Emergencies, EmergencyCall
from softswitch.dialplan.load import load_texts
from softswitch.server import alarmmail
from softswitch.settings import MailSettings

PLANS, _ = load_texts(
    [
        (
            "acme.yaml",
            "site: {domain: acme.example, timezone: Europe/Berlin, country: DE}\n"
            "people: {carla: {name: Carla Ruiz, number: 102, places: {home: {phone: carla-home}}}}\n"
            "emergency: {tell: [office@acme.example, guard@acme.example]}\n",
        )
    ]
)
AT = 1_795_420_800.0  # 2026-11-23 09:00 in Berlin
CALL = EmergencyCall("acme.example", "carla-home", AT, "e@x", "112", ("+49891",), "Blumenstraße 1, München")


class Inbox:
    """It refuses the first `refusals`."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.mails: list[Message] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 come again"
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


async def until(done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing came of it")


async def test_what_an_earlier_run_left_is_mailed_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarmmail, "WAITS_SECONDS", (0.01,))
    inbox, alarms, written = Inbox(refusals=2), dict[str, str](), list[EmergencyCall]()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(inbox), "127.0.0.1", 0)
    settings = MailSettings("127.0.0.1", server.sockets[0].getsockname()[1], "none", "", "mail", "tel@acme.example")
    calls = Emergencies(lambda: AT + 60, written.append)
    calls.take_over([CALL, CALL._replace(call_id="f@x", mailed_at=AT)])
    mails = alarmmail.AlarmMail(settings, lambda: None, calls, lambda: PLANS, alarms)
    keeping = asyncio.create_task(mails.keep())
    try:
        await until(lambda: bool(written))
    finally:
        keeping.cancel()
        server.close()
    (found,) = inbox.mails
    assert found["To"] == "office@acme.example, guard@acme.example"
    assert found["Subject"] == "Notruf: carla-home"
    text = found.get_content()  # type: ignore[attr-defined]
    assert "Carla Ruiz (102, carla-home) hat um 09:00 die 112 angerufen, Blumenstraße 1, München." in text
    assert [one.mailed_at for one in written] == [AT + 60]
    assert alarms == {}


async def test_without_a_mail_server_it_is_an_alarm() -> None:
    alarms: dict[str, str] = {}
    calls = Emergencies(lambda: AT)
    calls.take_over([CALL])
    keeping = asyncio.create_task(alarmmail.AlarmMail(None, lambda: None, calls, lambda: PLANS, alarms).keep())
    await until(lambda: bool(alarms))
    keeping.cancel()
    assert "name no server under mail:" in alarms[alarmmail.ALARM]
