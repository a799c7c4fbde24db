"""Messages sent by mail, to a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
import io
import ssl
import wave
from contextlib import AsyncExitStack
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from interop.certificates import Certificates, make_certificates

from softswitch.dialplan.load import load_texts
from softswitch.events import Bus
from softswitch.server import mail
from softswitch.server.voicemail import open_boxes
from softswitch.settings import MailSettings
from softswitch.sound.wav import alaw_file
from softswitch.store.memory_voicemail import MemoryVoicemailStore
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.message import Change, Message

PLANS, _ = load_texts(
    [
        (
            "acme.yaml",
            "site: {domain: acme.example, timezone: Europe/Berlin, country: DE}\n"
            "people: {carla: {name: Carla Ruiz, number: 102, places: {home: {phone: carla-home}}}}\n",
        )
    ]
)
RECEIVED = 1_795_420_800.0  # 2026-11-23 09:00 in Berlin


class Inbox:
    """The server's mails. It refuses the first `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.mails: list[Mail] = []
        self.users: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 come again"
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    def login(self, server: SMTP, session: Any, envelope: Envelope, kind: str, data: Any) -> AuthResult:
        self.users.append(data.login)
        return AuthResult(success=data.password == b"right", handled=False)


@pytest.fixture
def message() -> Message:
    return Message("acme.example", "anna", "m1", RECEIVED, "102", "c@x", 1.0, mail_to="anna@acme.example")


async def office(stack: Any, folder: Path, message: Message) -> Boxes:
    store = MemoryVoicemailStore()
    store.write(Change((message,)))
    boxes = await open_boxes(stack, folder, store, Bus())
    file = boxes.files.path(message)
    file.parent.mkdir(parents=True)
    file.write_bytes(alaw_file(bytes(range(256)) * 31))
    return boxes


async def mailed(
    folder: Path,
    message: Message,
    inbox: Inbox,
    alarms: dict[str, str],
    password: str | None = None,
    security: str = "none",
    context: ssl.SSLContext | None = None,
) -> Message | None:
    """Have it sent, from an earlier run; the message as it is then."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            inbox,
            auth_required=password is not None,
            auth_require_tls=security == "starttls",
            authenticator=inbox.login,
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
        ),
        "127.0.0.1",
        0,
        ssl=context if security == "tls" else None,
    )
    try:
        async with AsyncExitStack() as stack:
            port = server.sockets[0].getsockname()[1]
            settings = MailSettings(
                "127.0.0.1", port, security, "switch" if password else "", "mail", "tel@acme.example"
            )
            boxes = await office(stack, folder, message)
            mailer = mail.Mailer(settings, lambda: password, boxes, lambda: PLANS, lambda: RECEIVED + 60, alarms)
            keeping = asyncio.create_task(mailer.keep())
            for _ in range(300):
                await asyncio.sleep(0.01)
                if inbox.mails and (now := boxes.by_id("m1")) is not None and now.mailed_at:
                    break
            keeping.cancel()
            await asyncio.wait([keeping])
            return boxes.by_id("m1")
    finally:
        server.close()


async def test_a_message_is_a_mail_with_a_sound_that_plays(tmp_path: Path, message: Message) -> None:
    inbox, alarms = Inbox(), {}
    sent = await mailed(tmp_path, message, inbox, alarms)
    assert sent == message._replace(mailed_at=RECEIVED + 60)
    (found,) = inbox.mails
    assert found["To"] == "anna@acme.example"
    assert found["From"] == "tel@acme.example"
    assert found["Subject"] == "Sprachnachricht von Carla Ruiz (102)"
    text, sound = found.iter_parts()  # type: ignore[attr-defined]
    assert "am 2026-11-23 09:00 angerufen" in text.get_content()
    assert sound.get_filename() == "2026-11-23-090000.wav"
    with wave.open(io.BytesIO(sound.get_content())) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnframes()) == (8000, 2, 256 * 31)
    assert alarms == {}


async def test_it_is_tried_until_it_is_taken(tmp_path: Path, message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "WAITS_SECONDS", (0.01, 0.02))
    inbox, alarms = Inbox(refusals=4), {"mail": "from before"}
    sent = await mailed(tmp_path, message._replace(caller=""), inbox, alarms)
    assert sent is not None
    assert sent.mailed_at
    assert len(inbox.mails) == 1
    assert inbox.mails[0]["Subject"] == "Sprachnachricht von unbekannt"
    assert alarms == {}


async def test_the_password_is_used_and_a_wrong_one_is_an_alarm(tmp_path: Path, message: Message) -> None:
    inbox, alarms = Inbox(), {}
    assert (sent := await mailed(tmp_path / "a", message, inbox, alarms, "right")) is not None
    assert sent.mailed_at
    assert inbox.users == [b"switch"]
    assert (sent := await mailed(tmp_path / "b", message, Inbox(), alarms, "wrong")) is not None
    assert not sent.mailed_at
    assert "voicemail can't be mailed" in alarms["mail"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), ["mail.acme.example"], ("127.0.0.1",))


def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_it_is_handed_over_encrypted_to_a_server_that_is_believed(
    tmp_path: Path, message: Message, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    inbox, alarms = Inbox(), {}
    context = server_context(certificates)
    sent = await mailed(tmp_path / "a", message, inbox, alarms, "right", security, context)
    assert sent is not None
    assert sent.mailed_at
    assert (len(inbox.mails), inbox.users, alarms) == (1, [b"switch"], {})
    # A server whose certificate nobody vouches for gets neither the password nor the message, which stays.
    monkeypatch.delenv("SSL_CERT_FILE")
    inbox = Inbox()
    sent = await mailed(tmp_path / "b", message, inbox, alarms, "right", security, context)
    assert sent == message
    assert (inbox.mails, inbox.users) == ([], [])
    assert "certificate" in alarms["mail"]


async def test_a_server_that_cannot_encrypt_gets_nothing(tmp_path: Path, message: Message) -> None:
    inbox, alarms = Inbox(), {}
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(inbox), "127.0.0.1", 0)
    async with AsyncExitStack() as stack:
        boxes = await office(stack, tmp_path, message)
        settings = MailSettings("127.0.0.1", server.sockets[0].getsockname()[1], "starttls", "", "", "tel@acme.example")
        mailer = mail.Mailer(settings, lambda: None, boxes, lambda: PLANS, lambda: RECEIVED, alarms)
        keeping = asyncio.create_task(mailer.keep())
        for _ in range(300):
            await asyncio.sleep(0.01)
            if alarms:
                break
        keeping.cancel()
        await asyncio.wait([keeping])
    server.close()
    assert "STARTTLS" in alarms["mail"]
    assert inbox.mails == []


async def test_what_was_mailed_or_is_for_nobody_is_not_sent(tmp_path: Path, message: Message) -> None:
    for number, one in enumerate((message._replace(mailed_at=5.0), message._replace(mail_to=""))):
        inbox = Inbox()
        assert await mailed(tmp_path / str(number), one, inbox, {}) == one
        assert inbox.mails == []
