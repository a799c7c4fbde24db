"""The calls that are running, as the switch shows them: who, with whom, since when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from softswitch.dialplan.plan import Plan
from softswitch.dialplan.rota import Rota
from softswitch.events import Bus, CallChanged
from softswitch.flow import Flow
from softswitch.media.quality import StreamQuality, Told
from softswitch.proxy.parts import Parts
from softswitch.records.diary import Diary
from softswitch.records.recorder import Recorder
from softswitch.sip.message import Request

SOUND = "sound"
"""What a remark on the way of a call's sound is about."""
LONGEST_SECONDS = 24 * 3600.0
"""A call of which nothing was heard for so long is forgotten: both phones lost power, and no BYE ever came."""


@dataclass(slots=True)
class Call:
    """One call, from its INVITE to its last BYE."""

    site: str
    call_id: bytes
    from_tag: bytes
    caller: str
    called: str
    started_at: float
    """Wall clock."""
    diary: Diary
    """What its record will tell."""
    answered_at: float = 0.0
    """Wall clock; 0 while it rings."""
    heard_at: float = 0.0
    """Wall clock of the last request within it."""
    person: str = ""
    """Key of the person who took it, where her teams care who has been idle for longest."""
    label: str = ""
    """Who rings, or who took it, in the operators' words."""
    anchored: bool = False
    dialogs: set[bytes] = field(default_factory=set)
    """The tags of those who answered and are still in it."""
    parties: list[tuple[str, str]] = field(default_factory=list)
    """Site and account of the phones that are in it."""
    awaiting: set[bytes] = field(default_factory=set)
    """The tags of those whose offer came in a reliable provisional response; the PRACK brings the answer (RFC 3262)."""
    left: set[bytes] = field(default_factory=set)
    """The tags of those who hung up: a 200 that comes once more, late, brings nobody back."""
    parts: Parts | None = None
    """The phones in it; set by `Calls.begin`."""
    places: dict[bytes, Flow] = field(default_factory=dict)
    """By tag: where those are now who have gone elsewhere since it began."""
    relayed: set[frozenset[bytes]] = field(default_factory=set)
    """The tags of each dialog that began without the relay and has it now."""

    def party(self, tag: str) -> str:
        """Who this is, as an operator knows it: the number, and the phone where that is another word."""
        if tag.encode("utf-8", "surrogateescape") == self.from_tag:
            number, phone = self.caller or "the caller", self.diary.account
        else:
            number, phone = self.called, self.label
        return f"{number} ({phone})" if phone and phone != number else number


class Calls:
    """Running calls by Call-ID."""

    def __init__(self, bus: Bus, recorder: Recorder | None = None, wall: Callable[[], float] = lambda: 0.0) -> None:
        """`recorder` is told of every change; `wall` tells the moment of the input at hand."""
        self.on_end: Callable[[Diary], None] = lambda diary: None
        """Told of each call that is over."""
        self._calls: dict[bytes, Call] = {}
        self._bus = bus
        self._recorder = recorder
        self._wall = wall
        self.rota = Rota()
        self._in_calls: dict[tuple[str, str], int] = {}
        """In how many calls a phone is, by site and account: it called, or it took the call."""

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, call_id: bytes) -> Call | None:
        return self._calls.get(call_id)

    def begin(self, call: Call) -> bool:
        """Note a new call; False when one with this Call-ID runs already, a spiral or another fork of it."""
        if call.call_id in self._calls:
            return False
        self._calls[call.call_id] = call
        call.parts = Parts(self._bus, call.call_id)
        diary = call.diary
        call.parts.calls(diary.account_site, diary.account, call.called, call.from_tag)
        if call.diary.account:
            self._joins(call, call.diary.account_site, call.diary.account)
        self._tell(call, "ringing")
        return True

    def rings(self, call_id: bytes, account: str, tag: bytes) -> None:
        """A phone of the firm that is called, or another destination (""), rings."""
        call = self._calls.get(call_id)
        if call is not None and call.parts is not None and not call.answered_at:
            call.parts.rings(call.site, account, call.caller, call.from_tag, tag)

    def stopped(self, call_id: bytes, account: str = "") -> None:
        """A phone rings no more; with "" none does."""
        call = self._calls.get(call_id)
        if call is not None and call.parts is not None:
            call.parts.stop_ringing(call.site, account)

    def answered(
        self,
        call_id: bytes,
        from_tag: bytes,
        to_tag: bytes,
        label: str,
        wall: float,
        person: str = "",
        account: str = "",
    ) -> None:
        """Somebody took the call of this caller; see `Call.person`. `account`: the phone, where it is one of ours."""
        call = self._calls.get(call_id)
        if call is None or call.from_tag != from_tag:
            return
        if to_tag in call.left and not call.dialogs and not call.answered_at:
            # Its BYE overtook its 200: there was a conversation, and it is over.
            call.answered_at = call.diary.answered_at = wall
            call.diary.answered_by, call.diary.hung_up_by = label, "called"
            self.end(call_id)
        elif to_tag not in call.dialogs and to_tag not in call.left:
            call.dialogs.add(to_tag)
            call.label = label
            if call.parts is not None:
                call.parts.answered(call.site, account, call.caller, from_tag, to_tag, not call.answered_at)
            self._joins(call, call.site, account)
            if not call.answered_at:
                call.answered_at = call.heard_at = wall
                call.person = person
                if person:
                    self.rota.took(call.site, person)
                call.diary.answered_at = wall
                call.diary.answered_by = label
                call.diary.dialog = call_id, from_tag, to_tag
                self._tell(call, "answered")

    def goes_straight(self, call_id: bytes) -> None:
        """The phones of this call talk to each other without the relay."""
        call = self._calls.get(call_id)
        if call is not None:
            self.remark(call, SOUND, "sound went straight from phone to phone")

    def needs_relay(self, request: Request) -> None:
        """In this dialog, which began without the relay, one of the phones has gone elsewhere."""
        call = self._calls.get(request.call_id)
        if call is not None:
            call.relayed.add(frozenset((request.from_.tag, request.to.tag)))
            self.remark(call, SOUND, "sound went straight from phone to phone at first, then through the relay")

    def has_relay(self, request: Request) -> bool:
        """Whether `needs_relay` was said of the dialog of this request."""
        call = self._calls.get(request.call_id)
        return call is not None and frozenset((request.from_.tag, request.to.tag)) in call.relayed

    def remark(self, call: Call, about: str, text: str) -> None:
        """Something was noticed; what was said about the same before is replaced."""
        call.diary.remarks[about] = text
        if self._recorder is not None:
            self._recorder.changed(call.diary)

    def told(self, call: Call | None) -> Told | None:
        """Takes the quality of what the media engine has freed of a call into its record; also when it is over."""
        if call is None:
            return None

        def told(found: Sequence[StreamQuality]) -> None:
            if found:
                call.diary.quality += [one._replace(party=call.party(one.party)) for one in found]
                if self._recorder is not None:
                    self._recorder.changed(call.diary)

        return told

    def hung_up(self, call_id: bytes, tags: tuple[bytes, bytes]) -> bool:
        """A BYE between these two tags; True when the whole call is over with it, or we don't know of it.

        One of these tags is the caller's, else it is another call that uses the same Call-ID.
        """
        call = self._calls.get(call_id)
        if call is None:
            if self._recorder is not None:
                self._recorder.hung_up(call_id, self._wall())
            return True
        if call.from_tag not in tags:
            return False
        call.dialogs.difference_update(tags)
        call.left.update(tags)
        if call.dialogs or not call.answered_at:
            if call.parts is not None:
                call.parts.left(tags)
            return False  # a BYE to one that only rang ends that one alone (RFC 3261 §15)
        call.diary.hung_up_by = "caller" if tags[0] == call.from_tag else "called"
        self.end(call_id)
        return True

    def left_behind(self, call_id: bytes, tag: bytes) -> None:
        """A party with this tag says of a call that is not of this run that it is over."""
        if self._recorder is not None and self._recorder.has(call_id, tag):
            self._recorder.hung_up(call_id, self._wall())

    def end(self, call_id: bytes) -> None:
        """The call is over or was never answered."""
        call = self._calls.pop(call_id, None)
        if call is not None:
            call.diary.ended_at = self._wall()
            for party in call.parties:
                self._leaves(party)
            if call.person:
                self.rota.ended(call.site, call.person, self._wall())
            if call.parts is not None:
                call.parts.end()
            self._tell(call, "ended")
            self.on_end(call.diary)

    def moved(self, call_id: bytes, other: bytes, from_tag: bytes) -> None:
        """The same call goes on under another Call-ID, which nobody uses yet, and another caller's tag."""
        call = self._calls.pop(call_id, None)
        if call is not None and other not in self._calls:
            call.call_id, call.from_tag = other, from_tag
            call.diary.dialog = other, from_tag, next(iter(call.dialogs), b"")
            self._calls[other] = call

    def _joins(self, call: Call, site: str, account: str) -> None:
        party = (site, account)
        call.parties.append(party)
        self._in_calls[party] = self._in_calls.get(party, 0) + 1

    def is_in_call(self, site: str, account: str) -> bool:
        """Whether a phone has called somebody, or taken a call, and that is not over."""
        return (site, account) in self._in_calls

    def engaged(self, plan: Plan) -> frozenset[str]:
        """Those for whom being on any call counts as busy, and who are on one."""
        busy = [
            name
            for name in plan.busy_people
            if any(
                (plan.site, phone) in self._in_calls
                for place in plan.people[name].places.values()
                for phone in place.phones
            )
        ]
        return frozenset(busy)

    def handed_over(self, call_id: bytes, other: bytes, from_tag: bytes, to_tag: bytes, account: str = "") -> None:
        """A call that was answered goes on between other parties, under another Call-ID.

        `account` is the phone in it.
        """
        call = self._calls.get(call_id)
        if call is not None and other not in self._calls:
            self.moved(call_id, other, from_tag)
            call.dialogs = {to_tag}
            call.diary.dialog = other, from_tag, to_tag
            for party in call.parties:
                self._leaves(party)
            call.parties.clear()
            if account:
                self._joins(call, call.site, account)
            if call.parts is not None:
                call.parts.end()
                call.parts = None

    def _leaves(self, party: tuple[str, str]) -> None:
        left = self._in_calls[party] - 1
        if left:
            self._in_calls[party] = left
        else:
            del self._in_calls[party]

    def forget_silent(self, wall: float) -> list[Call]:
        """End the calls of which nothing was heard for a day; they are returned."""
        silent = [c for c in self._calls.values() if wall - max(c.heard_at, c.started_at) > LONGEST_SECONDS]
        for call in silent:
            call.diary.outcome = "lost"
            self.end(call.call_id)
        return silent

    def _tell(self, call: Call, state: str) -> None:
        if self._recorder is not None:
            self._recorder.changed(call.diary)
        if self._bus.wanted(CallChanged):
            self._bus.publish(CallChanged(call.site, call.call_id.decode("utf-8", "replace"), state, call.label))
