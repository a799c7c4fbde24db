"""Mails about emergency calls, each until its server has taken it."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from softswitch.bridge.alarm import in_words
from softswitch.bridge.emergencies import Emergencies, EmergencyCall
from softswitch.dialplan.plan import Plans
from softswitch.ops.log import log
from softswitch.server.mail import send
from softswitch.settings import MailSettings

WAITS_SECONDS = (5.0, 15.0, 60.0, 300.0)
"""After each try in vain; after the last one always the last."""
ALARM = "mail of an emergency"


class AlarmMail:
    """One at a time; nobody has so many emergencies."""

    def __init__(
        self,
        settings: MailSettings | None,
        password: Callable[[], str | None],
        calls: Emergencies,
        plans: Callable[[], Plans],
        alarms: dict[str, str],
    ) -> None:
        """`settings` None: no mail can be sent."""
        self._settings = settings
        self._password = password
        self._calls = calls
        self._plans = plans
        self._alarms = alarms
        self._something = asyncio.Event()
        self._something.set()  # what an earlier run left

    def look(self) -> None:
        """There is a new call."""
        self._something.set()

    async def keep(self) -> None:
        """Send what is to be sent, for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            for call in self._calls:
                plan = self._plans().get(call.site)
                if not call.mailed_at and plan is not None and plan.emergencies.mail:
                    await self._send(call)

    async def _send(self, call: EmergencyCall) -> None:
        tries = 0
        while True:
            try:
                await asyncio.to_thread(self._deliver, call)
            except (OSError, smtplib.SMTPException, ValueError) as error:
                wait = WAITS_SECONDS[min(tries, len(WAITS_SECONDS) - 1)]
                tries += 1
                log.error("an emergency is not mailed yet", reason=str(error), again_in_seconds=wait)
                self._alarms[ALARM] = f"an emergency call can't be mailed: {error}"
                await asyncio.sleep(wait)
            else:
                self._alarms.pop(ALARM, None)
                self._calls.mailed(call.call_id)
                log.info("emergency mailed", account=call.account)
                return

    def _deliver(self, call: EmergencyCall) -> None:
        """In a thread. Raises OSError, SMTPException and ValueError."""
        settings, plan = self._settings, self._plans()[call.site]
        if settings is None:
            raise ValueError("the settings name no server under mail:")
        text = in_words(plan, call.account, call.number, call.location, call.at)
        mail = EmailMessage()
        mail["From"] = settings.sender
        mail["To"] = ", ".join(plan.emergencies.mail)
        mail["Subject"] = text.partition(":")[0] + f": {call.account}"
        mail["Date"] = format_datetime(datetime.fromtimestamp(call.at, UTC))
        mail["Message-ID"] = make_msgid("emergency", settings.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail["Importance"] = "high"
        mail.set_content(text + "\n")
        send(settings, self._password(), mail)
