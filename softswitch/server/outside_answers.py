"""What the control socket answers about calls outside: how much was called, and calls abroad that were stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from softswitch.ops.control import ControlError, Handler
from softswitch.server.running import Server


class OutsideAnswers:
    """About one running switch."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handlers(self) -> Mapping[str, Handler]:
        """By the command that is answered."""
        return {"outside": self.show, "outside release": self.release}

    def show(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch outside`."""
        switch = self._server.switch
        meter, wall = switch.trunks.meter, self._server.clock.wall()
        sites = []
        for site in self._server.plans:
            stop = meter.stops.get(site)
            sites.append(
                {
                    "site": site,
                    "stopped": stop.why if stop is not None else "",
                    "stopped_seconds": wall - stop.at if stop is not None and stop.why else 0.0,
                    "used": [
                        {"who": who, "calls_an_hour": calls, "minutes_a_day": round(minutes, 1)}
                        for who, calls, minutes in meter.used(site)
                    ],
                }
            )
        return {"sites": sites, "strangers": switch.core.strangers}

    def release(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch outside release`."""
        server, wanted = self._server, str(request.get("site", ""))
        if wanted and wanted not in server.plans:
            raise ControlError(f"which site? There are {', '.join(server.plans)}")
        with server.switch.moment():
            released = [
                site for site in server.plans if wanted in ("", site) and server.switch.trunks.meter.release(site)
            ]
        return {"released": released}
