"""Calls whose phone went away without a word: they are asked about as those of an earlier run are."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.events import BindingChanged, Bus
from softswitch.media.engine import MediaEngine
from softswitch.proxy.calls import Call, Calls
from softswitch.proxy.liveness import Conversation, Liveness, Party
from softswitch.proxy.ports import Contacts
from softswitch.records.recorder import OURS

WITHOUT_A_WORD = ("dead", "expired", "closed")


class Deserted:
    """Hears of phones that are gone, and looks whether they were in a call."""

    def __init__(
        self,
        bus: Bus,
        calls: Calls,
        contacts: Contacts,
        liveness: Liveness,
        media: MediaEngine,
        kept: Callable[[bytes], bool],
    ) -> None:
        """`kept(call_id)`: the switch is an end of this call itself, and sees to it."""
        self._calls = calls
        self._contacts = contacts
        self._liveness = liveness
        self._media = media
        self._kept = kept
        bus.subscribe(BindingChanged, self._on_binding)

    def _on_binding(self, event: BindingChanged) -> None:
        site, account = event.site, event.account
        if event.cause not in WITHOUT_A_WORD or not self._calls.is_in_call(site, account):
            return
        for call in self._calls:
            if (site, account) in call.parties and call.answered_at and len(call.dialogs) == 1:
                self._look_at(call)

    def _look_at(self, call: Call) -> None:
        if call.parts is None or call.label.startswith(OURS) or self._kept(call.call_id):
            return
        parties = [Party(*key, part.local_tag, part.remote_tag) for key, part in call.parts.talking()]
        self._liveness.watch(Conversation(call.call_id.decode("utf-8", "replace"), tuple(parties)))

    def over(self, call: Call, lost: bool) -> None:
        """Nobody is in it any more."""
        if lost:
            call.diary.outcome = "lost"
        told = self._calls.told(call)
        self._calls.end(call.call_id)
        if call.anchored:
            self._media.delete(call.call_id.decode("utf-8", "surrogateescape"), told=told)
