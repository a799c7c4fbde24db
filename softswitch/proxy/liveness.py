"""Whether the phones of a conversation that nobody watched over are still in it: each is asked, within its dialog.

A conversation between two phones needs no switch to go on, nor to end: what a crash, or a BYE while the switch was
down, has left behind shows only at the phones. A phone without that dialog says 481 (RFC 3261 §12.2.2).

The question is an INFO without a body (RFC 6086), whose CSeq number is 0: lower than any the other phone uses, so
nothing that it sends later counts as out of order. One who checks the number answers 500, which is an answer too.
COMPAT: baresip 2 answers an OPTIONS of any dialog with 200, so the question is no OPTIONS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from softswitch.flow import Flow
from softswitch.proxy.ports import CallLog, Contacts
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Response
from softswitch.transaction.layer import Layer
from softswitch.transaction.timers import Timer

FIRST_SECONDS = (5.0, 10.0, 25.0)
"""Between the first questions. COMPAT: pjsip knows a dialog for half a minute after its end."""
ASK_SECONDS = 60.0
"""Between later ones."""
PER_SECOND = 100
"""So many conversations are asked about in the first second after a start, at most."""
SILENT_ROUNDS = 3
"""So often in a row nobody of those who could be asked answers, and the conversation is given up."""


class Party(NamedTuple):
    """A phone of ours in a conversation, with its own tag and that of the other end."""

    site: str
    account: str
    tag: str
    other_tag: str


class Conversation(NamedTuple):
    """What is asked about."""

    call_id: str
    parties: tuple[Party, ...]


class Liveness:
    """Asks about each conversation, now and ever again, until it is over."""

    def __init__(
        self,
        layer: Layer,
        contacts: Contacts,
        wall: Callable[[], float],
        over: Callable[[str, bool], None],
        log: CallLog,
    ) -> None:
        """`over(call_id, lost)`: nobody is in it any more; `lost` when that is so because nobody answers."""
        self.log = log
        self.layer = layer
        self.contacts = contacts
        self.wall = wall
        self._over = over
        self._rounds: dict[str, _Round] = {}

    def __len__(self) -> int:
        return len(self._rounds)

    def watch(self, conversation: Conversation) -> None:
        """Ask from now on."""
        if conversation.call_id not in self._rounds and any(one.tag for one in conversation.parties):
            at = self.layer.now + len(self._rounds) / PER_SECOND
            self._rounds[conversation.call_id] = _Round(self, conversation, at)

    def forget(self, call_id: str) -> None:
        """It is over, as somebody else said."""
        found = self._rounds.pop(call_id, None)
        if found is not None:
            found.stop()

    def over(self, call_id: str, lost: bool) -> None:
        """From a round."""
        self.forget(call_id)
        self._over(call_id, lost)


class _Round:
    """The questions about one conversation."""

    def __init__(self, liveness: Liveness, conversation: Conversation, at: float) -> None:
        self._liveness = liveness
        self._conversation = conversation
        self._timer = Timer(self._ask)
        self._waiting: set[_Question] = set()
        self._gone: set[Party] = set()
        self._there: set[Party] = set()
        self._number = 0
        self._silent = 0
        liveness.layer.wheel.arm(self._timer, at)

    def stop(self) -> None:
        """No more of this."""
        self._timer.due = None
        self._waiting.clear()

    def _ask(self, now: float) -> None:
        liveness = self._liveness
        wait = FIRST_SECONDS[self._number] if self._number < len(FIRST_SECONDS) else ASK_SECONDS
        self._number += 1
        liveness.layer.wheel.arm(self._timer, now + wait)
        self._waiting.clear()
        self._gone.clear()
        self._there.clear()
        questions = []
        for party in self._conversation.parties:
            for binding in liveness.contacts.bindings(party.site, party.account, liveness.wall()):
                flow = None if binding.path else liveness.contacts.flow_of(binding)
                if flow is None:
                    # It may be there and can't be asked now.
                    self._there.add(party)
                else:
                    questions.append((_Question(self, party), binding, flow))
        self._waiting = {question for question, _, _ in questions}
        for question, binding, flow in questions:
            self._send(question, binding, flow)
        if not questions:
            self._answered_all()

    def _send(self, question: _Question, binding: Binding, flow: Flow) -> None:
        layer = self._liveness.layer
        branch = layer.ids.branch()
        party = question.party
        site, contact = party.site.encode(), binding.contact.encode()
        lines = (
            b"INFO " + contact + b" SIP/2.0",
            b"Via: " + flow.listener.via + branch + b";rport",
            b"Max-Forwards: 70",
            b"From: <sip:" + site + b">;tag=" + party.other_tag.encode("latin-1", "replace"),
            b"To: <" + contact + b">;tag=" + party.tag.encode("latin-1", "replace"),
            b"Call-ID: " + self._conversation.call_id.encode(),
            b"CSeq: 0 INFO",
            b"Contact: <sip:" + flow.listener.uri + b">",
            b"Content-Length: 0\r\n\r\n",
        )
        layer.send_request(b"INFO", branch, b"\r\n".join(lines), flow, question)

    def answered(self, question: _Question, status: int) -> None:
        """One phone said something, or with 0 nothing."""
        if question not in self._waiting:
            return
        self._waiting.discard(question)
        liveness, call_id = self._liveness, self._conversation.call_id.encode()
        liveness.log.detail(call_id, "still talking", phone=question.party.account, answer=status)
        if status == 481:
            self._gone.add(question.party)
        elif status:
            self._there.add(question.party)
        if not self._waiting:
            self._answered_all()

    def _answered_all(self) -> None:
        call_id = self._conversation.call_id
        # A person's account may have several phones: only one of them is in it.
        if self._gone - self._there:
            self._liveness.over(call_id, False)
        elif self._there:
            self._silent = 0
        elif self._number > len(FIRST_SECONDS):
            self._silent += 1
            if self._silent >= SILENT_ROUNDS:
                self._liveness.over(call_id, True)


class _Question:
    """Who waits for the answer of one phone."""

    __slots__ = ("_round", "party")

    def __init__(self, asked: _Round, party: Party) -> None:
        self._round = asked
        self.party = party

    def on_response(self, response: Response) -> None:
        if response.status >= 200:
            self._round.answered(self, response.status)

    def on_no_answer(self, timed_out: bool) -> None:
        self._round.answered(self, 0)
