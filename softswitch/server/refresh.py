"""Calendars at addresses: fetched every so often beside the switch, and the dialplan loaded anew when one changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from softswitch.calendars import Copies, Fetch, addresses, fetch
from softswitch.dialplan.plan import Plan
from softswitch.ops.log import log

REFRESH_SECONDS = 900.0


class CalendarRefresher:
    """Keeps the copies fresh. What cannot be fetched is an alarm, and its last good copy goes on serving."""

    def __init__(
        self,
        copies: Copies,
        plans: Callable[[], Iterable[Plan]],
        reload: Callable[[], Awaitable[None]],
        alarms: dict[str, str],
        get: Fetch = fetch,
    ) -> None:
        """`plans` are those in force; `reload` takes a changed copy over; `alarms` are the switch's, by key."""
        self._copies = copies
        self._plans = plans
        self._reload = reload
        self._alarms = alarms
        self._get = get

    async def keep(self, every_seconds: float = REFRESH_SECONDS) -> None:
        """Refresh now and again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(every_seconds)

    async def refresh(self) -> None:
        """Fetch every address once, in a thread: no call waits for a slow web server."""
        loop = asyncio.get_running_loop()
        changed = False
        for address in addresses(self._plans()):
            alarm = f"calendar {address}"
            try:
                changed |= await loop.run_in_executor(None, self._copies.refresh, address, self._get)
            except (OSError, ValueError) as error:
                if alarm not in self._alarms:
                    log.warning("calendar not refreshed; its last good copy serves", address=address, reason=str(error))
                self._alarms[alarm] = f"the calendar {address} cannot be refreshed: {error}"
            else:
                self._alarms.pop(alarm, None)
        if changed:
            await self._reload()
