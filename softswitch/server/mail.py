"""Messages sent by mail, each until its server has taken it."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from zoneinfo import ZoneInfo

from softswitch.dialplan.plan import Person, Plans
from softswitch.ops.log import log
from softswitch.settings import MailSettings
from softswitch.sound.wav import alaw_of, pcm_file
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.message import Message

WAITS_SECONDS = (10.0, 60.0, 300.0, 900.0, 3600.0)
"""After each try in vain; after the last one always the last."""
_TIMEOUT_SECONDS = 30.0
ALARM = "mail"


@dataclass(slots=True)
class _Waiting:
    message: Message
    tries: int = 0


class Mailer:
    """A queue, one message at a time."""

    def __init__(
        self,
        settings: MailSettings,
        password: Callable[[], str | None],
        boxes: Boxes,
        plans: Callable[[], Plans],
        wall: Callable[[], float],
        alarms: dict[str, str],
    ) -> None:
        """`password` is asked each time, for the secrets may be read again."""
        self._settings = settings
        self._password = password
        self._boxes = boxes
        self._plans = plans
        self._wall = wall
        self._alarms = alarms
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._later: set[asyncio.Task[None]] = set()

    def add(self, message: Message) -> None:
        """Send this one too."""
        self._queue.put_nowait(_Waiting(message))

    async def keep(self) -> None:
        """Send what comes, for ever; first what an earlier run of the switch left."""
        for message in self._boxes.all():
            if message.mail_to and not message.mailed_at:
                self.add(message)
        while True:
            await self._send(await self._queue.get())

    async def _send(self, waiting: _Waiting) -> None:
        message = self._boxes.by_id(waiting.message.id)
        if message is None or message.mailed_at:
            return  # deleted meanwhile
        try:
            await asyncio.to_thread(self._deliver, message)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            wait = WAITS_SECONDS[min(waiting.tries, len(WAITS_SECONDS) - 1)]
            waiting.tries += 1
            log.error("a message is not mailed yet", person=message.person, reason=str(error), again_in_seconds=wait)
            self._alarms[ALARM] = f"voicemail can't be mailed: {error}"
            task = asyncio.create_task(self._again(waiting, wait))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
            return
        self._alarms.pop(ALARM, None)
        log.info("message mailed", person=message.person, to=message.mail_to)
        latest = self._boxes.by_id(message.id)  # it may have been heard meanwhile
        if latest is not None:
            self._boxes.change(latest._replace(mailed_at=self._wall()))

    async def _again(self, waiting: _Waiting, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._queue.put_nowait(waiting)

    def _deliver(self, message: Message) -> None:
        """In a thread. Raises OSError, SMTPException and ValueError."""
        send(self._settings, self._password(), self._written(message))

    def _written(self, message: Message) -> EmailMessage:
        plan = self._plans().get(message.site)
        zone = ZoneInfo(plan.timezone) if plan is not None else UTC
        language = plan.language if plan is not None else "en"
        found = plan.lookup(message.caller) if plan is not None else None
        caller = f"{found.display} ({message.caller})" if isinstance(found, Person) else message.caller
        words = _WORDS[language]
        received = datetime.fromtimestamp(message.received_at, zone)
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = message.mail_to
        mail["Subject"] = words.subject.format(caller=caller or words.hidden)
        mail["Date"] = format_datetime(received)
        mail["Message-ID"] = make_msgid(message.id, self._settings.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(
            words.text.format(
                caller=caller or words.hidden, when=f"{received:%Y-%m-%d %H:%M}", seconds=round(message.seconds)
            )
        )
        sound = pcm_file(alaw_of(self._boxes.files.path(message).read_bytes()))
        mail.add_attachment(sound, "audio", "wav", filename=f"{received:%Y-%m-%d-%H%M%S}.wav")
        return mail


def send(settings: MailSettings, password: str | None, mail: EmailMessage) -> None:
    """Give a mail to the server; not from the event loop. Raises OSError, SMTPException and ValueError."""
    context = ssl.create_default_context()
    if settings.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=_TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_SECONDS)
    with server:
        if settings.security == "starttls":
            server.starttls(context=context)
        if settings.user:
            if password is None:
                raise ValueError(f'there is no secret "{settings.password}" for the mail server')
            server.login(settings.user, password)
        server.send_message(mail)


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    text: str
    hidden: str


_WORDS = {
    "en": _Words(
        "Voicemail from {caller}", "{caller} called on {when} and left a message of {seconds} s.\n", "unknown"
    ),
    "de": _Words(
        "Sprachnachricht von {caller}",
        "{caller} hat am {when} angerufen und eine Nachricht von {seconds} s hinterlassen.\n",
        "unbekannt",
    ),
    "es": _Words(
        "Mensaje de voz de {caller}", "{caller} llamó el {when} y dejó un mensaje de {seconds} s.\n", "desconocido"
    ),
}
