"""A party of an answered call that is not heard: said in the log, the call's record and its line in the status."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.media.engine import MediaEngine, MediaEvent
from softswitch.proxy.calls import Call, Calls
from softswitch.proxy.ports import CallLog

LEAST_SECONDS = 2.0
"""Who answered just now may still be busy with that; before the answer nobody has to speak (early media)."""


class SilenceWatch:
    """Listens to the media engine's "silence" and "heard"."""

    def __init__(self, calls: Calls, media: MediaEngine, log: CallLog, wall: Callable[[], float]) -> None:
        self._calls = calls
        self._log = log
        self._wall = wall
        media.subscribe("silence", self._on_silence)
        media.subscribe("heard", self._on_heard)

    def _on_silence(self, event: MediaEvent) -> None:
        call = self._call(event)
        about = _about(event)
        if call is None or call.diary.remarks.get(about, "").startswith("no packets"):
            return  # not answered, or told already: the engine repeats itself
        if self._wall() - call.answered_at >= LEAST_SECONDS:
            who = call.party(event.tag)
            self._calls.remark(call, about, f"no packets from {who}: probably NAT or firewall")
            self._log.note(call.call_id, "silence", remark=call.diary.remarks[about])

    def _on_heard(self, event: MediaEvent) -> None:
        call = self._call(event)
        about = _about(event)
        if call is not None and about in call.diary.remarks:
            seconds = self._wall() - call.answered_at
            who = call.party(event.tag)
            self._calls.remark(call, about, f"first packets from {who} only {seconds:.0f} s after the answer")
            self._log.note(call.call_id, "heard", remark=call.diary.remarks[about])

    def _call(self, event: MediaEvent) -> Call | None:
        call = self._calls.get(event.call_id.encode("utf-8", "surrogateescape"))
        return call if call is not None and call.answered_at else None


def _about(event: MediaEvent) -> str:
    return f"silence of {event.tag}"
