"""An INVITE on its way through the dialplan: who rings, for how long, and who is next (RFC 3261 §16.6, §16.7).

A deliberate departure from §16.7 step 5: after a 6xx the pending branches are cancelled, as it says, but a step of the
dialplan may still follow. To the firm "declined" by one phone is an outcome like any other, with a `then` of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from softswitch.dialplan.decide import next_step
from softswitch.dialplan.explain import command_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import FINAL_RESPONSES, Came, Moved, Outcome, combine, outcome_of
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Answer, Command, Reject, Ring
from softswitch.dialplan.trunk import OutsideCall
from softswitch.flow import Flow
from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaFailed
from softswitch.proxy.best import best_of, merged_challenges
from softswitch.proxy.branch import ELSEWHERE, Branch, target_of
from softswitch.proxy.direct import RELAY, row_for_call, word_of
from softswitch.proxy.encryption import srtp_of, transports
from softswitch.proxy.forward import forward_response
from softswitch.proxy.forwarded import told
from softswitch.proxy.straight import cancel_reasons
from softswitch.records.diary import Diary
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request, Response
from softswitch.transaction.server_invite import ServerInvite

if TYPE_CHECKING:
    from softswitch.proxy.core import Core

MOST_BRANCHES = 600
"""Of one call over all its steps; redirections count too. Each step has its own limit, the breadth."""
MOST_REDIRECTIONS = 5


class Fork:
    """One call that is not answered yet. Its timer is the ring time of the step."""

    __slots__ = (
        "_last",
        "_ringing_now",
        "_share",
        "account",
        "branches",
        "breadth",
        "cancelled",
        "core",
        "diary",
        "due",
        "facts",
        "finished",
        "history",
        "hops",
        "owns",
        "plan",
        "queue",
        "redirections",
        "remove",
        "request",
        "server",
        "slot",
        "srtp",
        "step",
    )

    def __init__(
        self, core: Core, server: ServerInvite, request: Request, plan: Plan, facts: Facts, hops: int, diary: Diary
    ) -> None:
        self.core = core
        self.diary = diary
        self.server = server
        self.request = request
        self.plan = plan
        self.facts = facts
        self.hops = hops
        self.history: tuple[Came, ...] = ()
        self.step: Ring | None = None
        self.branches: list[Branch] = []
        """Of the step at hand, and earlier ones that may still answer."""
        self.queue: list[Binding] = []
        """Contacts of a lower q that ring when the higher ones have failed."""
        self.breadth = core.breadth_of(request)
        """How many branches there may be at once (RFC 5393 §5.3)."""
        self.redirections = 0
        self.cancelled = False
        self.finished = False
        self.owns = True
        """Whether this is the call of its Call-ID, and not the same one come back another way (a spiral)."""
        self.srtp = ""
        """What the dialplan says of the calling phone."""
        self.remove = core.private_lines(request)
        self._ringing_now: list[Branch] = []
        self._share = self.breadth
        """Of the breadth, what each branch of this step may use further on."""
        self._last: Reject | None = None
        """What the caller will be told, once those that rang have stopped."""
        self.due: float | None = None
        self.slot = 0
        server.owner = self

    # -- steps

    def proceed(self) -> None:
        """Take the next step of the dialplan, and the one after it as long as nobody can be rung."""
        while not self.finished:
            step = next_step(self.plan, self.facts, self.history)
            if isinstance(step, Ring):
                self.core.log_step(self.request, step)
                if step.turn:
                    self.core.calls.rota.rang(self.plan.site, step.turn)
                self.diary.step(self.core.wall, "ring", step.label, step.seconds, step.reasons)
                if self._ring(step):
                    return
                self.history += (Outcome.UNREACHABLE,)
                self.diary.outcomes.append(Outcome.UNREACHABLE.value)
                continue
            if isinstance(step, Answer):
                self.diary.step(self.core.wall, "answer", step.what, 0.0, step.reasons)
                self._end()
                self.core.answer_call(self, step)
            elif isinstance(step, Command):
                self.diary.step(self.core.wall, "set", command_words(step), 0.0, step.reasons)
                self._end()
                self.core.obey(self, step)
            elif isinstance(step, Reject):
                self._refuse(step)
            else:
                assert_never(step)
            return

    def _ring(self, step: Ring) -> bool:
        """Ring the phones of a step; False when none of them is registered."""
        self.step = step
        self._ringing_now = []
        self.queue = []
        contacts = [binding for account in step.phones for binding in self._contacts(account)]
        if not contacts and not step.numbers:
            return False
        best_q = {account: 0 for account in step.phones}
        for binding in contacts:
            best_q[binding.account] = max(best_q[binding.account], binding.q)
        self.queue = [binding for binding in contacts if binding.q < best_q[binding.account]]
        # One share stays for a phone that joins.
        self._share = max(1, self._room() // (len(contacts) - len(self.queue) + 1))
        for binding in contacts:
            if binding.q == best_q[binding.account]:
                self._add(binding)
        for call in step.numbers:
            self._add_number(call)
        if not self._ringing_now:
            return False
        wheel = self.core.layer.wheel
        wheel.arm(self, self.core.layer.now + step.seconds)
        for branch in list(self._ringing_now):
            if not branch.done:
                branch.start()
        return True

    def _contacts(self, account: str) -> list[Binding]:
        if account == self.facts.caller_account:
            return []  # calling one's own number rings one's other phones
        contacts = self.core.contacts
        found = contacts.bindings(self.plan.site, account, self.core.wall)
        return [binding for binding in found if contacts.flow_of(binding) is not None]

    def _room(self) -> int:
        """What is left of the breadth."""
        return self.breadth - sum(branch.breadth for branch in self.branches if not branch.done)

    def _add(self, binding: Binding) -> Branch | None:
        """A branch for a contact, not started yet; None when there is no way there or there are too many."""
        flow = self.core.way_to(self.request, binding)
        room = self._room()
        if flow is None or len(self.branches) >= MOST_BRANCHES or room < 1:
            return None
        branch = Branch(self.core, self, self.request, target_of(binding), flow, self.hops)
        branch.account = binding.account
        if binding.path or b"route" in self.request.first:
            branch.routes = [value.encode() for value in binding.path]
        branch.sticky = (bool(self.facts.caller_account), not binding.path)
        branch.anchor = self.core.anchors and self._needs_relay(binding, flow)
        branch.srtp = srtp_of(self.plan, binding.account)
        branch.transports = transports(self.srtp, branch.srtp)
        branch.remove = self.remove
        assert self.step is not None
        tells = told(self.request, self.step, binding.account, self.plan, branch.uri)
        if tells.lines:
            branch.extra = tells.lines
            branch.remove = [*self.remove, *tells.remove]
        branch.use_breadth(min(self._share, room))
        self.branches.append(branch)
        branch.leg = self.diary.leg(binding.account, branch.uri, self.core.wall)
        self._ringing_now.append(branch)
        return branch

    def _needs_relay(self, binding: Binding, flow: Flow) -> bool:
        """Whether sound between the caller and this phone needs the relay."""
        core, request, plan, caller = self.core, self.request, self.plan, self.facts.caller_account
        if caller not in plan.phones or binding.account not in plan.phones:
            return True
        if word_of(plan, caller, request.flow.listener.network, core.straight_networks) == RELAY:
            return True  # the usual case, decided without a look at the offer
        sdp = sdp_of(request.get(b"content-type") or b"", request.body)
        accounts, flows = (caller, binding.account), (request.flow, flow)
        row = row_for_call(plan, accounts, flows, binding.contact.encode(), sdp, core.straight_networks)
        way = "straight" if row.straight else "relay"
        core.log.detail(request.call_id, "sound", way=way, phone=binding.account, because=row.text)
        return not row.straight

    def _add_number(self, call: OutsideCall) -> None:
        """A branch for a number outside, not started yet."""
        if len(self.branches) < MOST_BRANCHES:
            branch = self.core.outside.attempt(self, call, self.hops)
            self.branches.append(branch)
            branch.leg = self.diary.leg("", branch.uri, self.core.wall)
            self._ringing_now.append(branch)

    def own_call(self) -> tuple[Request, ServerInvite]:
        """What is answered when the switch takes the call itself."""
        return self.request, self.server

    def joined(self, account: str, contact: str) -> None:
        """A phone registered while we ring: it joins in."""
        if self.finished or self.cancelled or self._last or self.step is None or account not in self.step.phones:
            return
        if account == self.facts.caller_account:
            return
        target = contact.partition("?")[0].encode()
        if any(b.account == account and b.uri == target and not b.done for b in self._ringing_now):
            return
        for binding in self._contacts(account):
            if binding.contact == contact:
                branch = self._add(binding)
                if branch is not None:
                    branch.start()

    def fire(self, now: float) -> None:
        """The ring time of the step is over, or the wait for those that rang to stop."""
        if self._last is not None:
            self._refuse_now(self._last)
            return
        outcomes = [self._outcome(branch) for branch in self._ringing_now]
        for branch in self._ringing_now:
            branch.cancel()
        self._move_on(combine(outcomes))

    @staticmethod
    def _outcome(branch: Branch) -> Outcome:
        if branch.done:
            return outcome_of(branch.status, branch.rang)
        return Outcome.NO_ANSWER if branch.rang else Outcome.UNREACHABLE

    def _move_on(self, came: Came) -> None:
        self.due = None
        self.core.calls.stopped(self.request.call_id)
        self.history += (came,)
        self.diary.outcomes.append(came.value)
        self.core.log_outcome(self.request, came)
        self.proceed()

    # -- what the branches tell

    def on_branch_response(self, branch: Branch, response: Response, body: bytes | None) -> None:
        status = response.status
        if status < 200:
            leg = branch.leg
            assert leg is not None
            if not leg.rang_at:
                leg.rang_at = self.core.wall
                if not self.finished and not branch.cancelled:
                    self.core.calls.rings(self.request.call_id, branch.account, response.to.tag)
            if not self.finished and not branch.cancelled:
                self._forward(response, body)
        elif status < 300:
            self._answered(branch, response, body)
        else:
            self._failed(branch)

    def on_branch_gone(self, branch: Branch, status: int) -> None:
        self._failed(branch)

    def _forward(self, response: Response, body: bytes | None, extra: Sequence[bytes] = ()) -> None:
        """Send a response of a branch to the caller; `body` replaces its own where it is not None."""
        self.server.respond(response.status, forward_response(response, body, extra))

    def _answered(self, branch: Branch, response: Response, body: bytes | None) -> None:
        """Every 2xx goes back, also a second one that was faster than our CANCEL (RFC 3261 §16.7 step 5)."""
        first = not self.finished
        assert branch.leg is not None
        branch.leg.status = response.status
        tag = response.to.tag
        request = self.request
        calls, wall = self.core.calls, self.core.wall
        calls.answered(
            request.call_id, request.from_.tag, tag, self._label(branch), wall, self._watched(branch), branch.account
        )
        self._forward(response, body)
        if first and not branch.anchor and branch.account and self.core.anchors:
            calls.goes_straight(request.call_id)
        if first:
            self._end()
            for other in self.branches:
                if other is not branch and not other.done:
                    other.cancel(ELSEWHERE)
                if other is not branch:
                    self.core.release_branch(other)
            self.core.log_answered(self.request, self._label(branch))
            self.request.let_go()
            self._forget_branches()

    def pick_up(self, step: Answer) -> None:
        """Somebody takes the call from another phone: nobody rings any more, and the switch answers for him."""
        self.diary.step(self.core.wall, "answer", step.what, 0.0, step.reasons)
        self._end()
        for branch in self.branches:
            if not branch.done:
                branch.cancel(ELSEWHERE)
            self.core.release_branch(branch)
        self._forget_branches()
        self.core.answer_call(self, step)

    def _watched(self, branch: Branch) -> str:
        """Whose phone it is, where it matters who has been idle for longest; else ""."""
        person = self.plan.person_of(branch.account)
        return person.name if person is not None and person.name in self.plan.watched else ""

    def _label(self, branch: Branch) -> str:
        return branch.account or branch.uri.decode("utf-8", "replace")

    def _failed(self, branch: Branch) -> None:
        leg = branch.leg
        assert leg is not None
        leg.status, leg.ended_at = branch.status, self.core.wall
        self.core.release_branch(branch)
        if branch.account and all(other.done for other in self.branches if other.account == branch.account):
            self.core.calls.stopped(self.request.call_id, branch.account)
        if self.finished:
            return
        if self._last is not None and not self.cancelled:
            if not self._stopping():
                self._refuse_now(self._last)
            return
        if branch not in self._ringing_now:
            self._perhaps_cancelled()
            return
        if not self.cancelled:
            if 300 <= branch.status < 400 and self._redirected(branch):
                return
            if branch.status >= 600:
                self.queue = []
                for other in self._ringing_now:
                    other.cancel()
            elif self._next_by_q(branch.account):
                return
        if all(other.done for other in self._ringing_now):
            if self.cancelled:
                self._perhaps_cancelled()
            else:
                self._move_on(combine([self._outcome(other) for other in self._ringing_now]))

    def _next_by_q(self, account: str) -> bool:
        """Ring the phone's contacts of the next lower preference, once all of the higher ones have failed."""
        waiting = [binding for binding in self.queue if binding.account == account]
        if not waiting or any(not b.done for b in self._ringing_now if b.account == account):
            return False
        q = max(binding.q for binding in waiting)
        started = False
        for binding in waiting:
            if binding.q == q:
                self.queue.remove(binding)
                branch = self._add(binding)
                if branch is not None:
                    started = True
                    branch.start()
        return started

    def _redirected(self, branch: Branch) -> bool:
        """Follow a 3xx where it stays in this firm (RFC 3261 §16.5); False when it leads nowhere.

        Where nothing else rings any more the dialplan goes on with who is named there. Beside others that ring, the
        phones ring which that person would be rung on now.
        """
        response = branch.response
        users = self.core.moved_to(self.plan, response) if response is not None else []
        if not users or self.redirections >= MOST_REDIRECTIONS:
            return False
        self.redirections += 1
        if not self.queue and all(other.done for other in self._ringing_now):
            self._move_on(Moved(users[0]))
            return True
        started = False
        for binding in self.core.redirected(self.plan, self.facts, users):
            uri = target_of(binding)
            if any(other.uri == uri for other in self.branches):
                continue
            other = self._add(binding)
            if other is not None:
                started = True
                other.start()
        return started

    # -- the end

    def on_cancel(self, cancel: Request) -> None:
        """The caller hung up before anyone answered."""
        self._give_up(cancel_reasons(cancel))

    def on_caller_gone(self) -> None:
        """Nobody shall pick up for a caller who cannot hear it."""
        self._give_up(())

    def _give_up(self, reasons: Sequence[bytes]) -> None:
        self.cancelled = True
        self.due = None
        self.core.calls.stopped(self.request.call_id)
        for branch in self.branches:
            branch.cancel(*reasons)
            if branch.is_silent:
                branch.abandon()  # a phone without power must not keep the caller's line busy for half a minute
        self._perhaps_cancelled()

    def shut(self) -> None:
        """The switch stops: whoever rings stops ringing, and the caller may try elsewhere."""
        self._end()
        for branch in self.branches:
            branch.cancel()
            branch.abandon()
        self.diary.over("interrupted", 503)
        self.server.reply(503, headers=(b"Retry-After: 10",))
        self.core.end_call(self)

    def _perhaps_cancelled(self) -> None:
        if self.cancelled and not self.finished and all(branch.done for branch in self.branches):
            self._end()
            self.diary.over("cancelled", 487)
            self.server.reply(487)
            self.core.end_call(self)
            self._forget_branches()

    def _refuse(self, step: Reject) -> None:
        """The dialplan is at its end. Whoever rang and picked up at the last moment still has the call."""
        if self._stopping():
            self._last = step
            layer = self.core.layer
            layer.wheel.arm(self, layer.now + 4 * layer.values.t1)
        else:
            self._refuse_now(step)

    def _stopping(self) -> bool:
        """Whether a phone that rang was told to stop and has not answered that yet."""
        return any(branch.rang and not branch.done for branch in self.branches)

    def _refuse_now(self, step: Reject) -> None:
        """The best real answer goes back where it says the same as the dialplan's, else that."""
        self._end()
        for branch in self.branches:
            branch.abandon()
        self.core.log_refused(self.request, step)
        self.diary.step(self.core.wall, "refuse", f"{step.status} {step.phrase}", 0.0, step.reasons)
        # With one phone busy and another misconfigured, the outcome is "busy", and so is the answer.
        last = self.history[-1] if self.history else None
        if isinstance(last, Moved):
            last = Outcome.UNREACHABLE  # who was named there could not even be rung
        fitting = [
            b.response
            for b in self._ringing_now
            if b.response is not None and last and self._outcome(b) is last and b.status not in (408, 487, 503)
        ]
        best = best_of(fitting)
        exhausted = last is not None and FINAL_RESPONSES[last][0] == step.status
        if best is not None and exhausted and best.status >= 400:
            assert last is not None
            extra = merged_challenges(best, fitting)
            self.diary.over(last.value, best.status)
            self._forward(best, None, extra)
        elif (failed := self._media_failure()) is not None:
            self.diary.over("no media", failed.status)
            self.server.reply(failed.status, failed.reason, (b"Retry-After: 5",) if failed.status == 503 else ())
        else:
            self.diary.over(last.value if exhausted and last is not None else "refused", step.status)
            if step.said and self.core.say_refusal(self, step):
                self._forget_branches()
                return
            self.server.reply(step.status, step.phrase)
        self.core.end_call(self)
        self._forget_branches()

    def _media_failure(self) -> MediaFailed | None:
        """Why nobody could be rung, when the offer or our media engine was to blame each time."""
        failures = [branch.media_failure for branch in self.branches]
        return failures[0] if failures and all(failures) else None

    def _forget_branches(self) -> None:
        """They know us and we knew them: a circle that only the collector of cycles would find."""
        self.branches = []
        self._ringing_now = []

    def _end(self) -> None:
        self.finished = True
        self.due = None
        self.core.ringing.discard(self)
