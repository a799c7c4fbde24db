"""Simulated and live agree: in a running switch the phones ring as `simulate` says, step by step, second by second.

Random firms, callers, moments and phones. What is to come is worked out from `next_step` alone and from what the phones
are going to do; of the code that carries a call out nothing is used for it.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from zlib import crc32

import pytest
from lab import Lab, Phone
from lab.call import Call
from lab.firms import OUTSIDE, PEOPLE, TEAMS, firm

from softswitch.dialplan.conditions import plain_number
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.explain import simulate
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.outcome import FINAL_RESPONSES, Outcome, combine
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.rota import FROM_THE_TOP
from softswitch.dialplan.step import Answer, Reject
from softswitch.errors import ConfigError

NEAR = 0.3
"""Seconds by which a message may be late on its way through wire and switch."""
NO_RESPONSE = 32.0
"""How long a request is repeated to a phone that says nothing (RFC 3261, timer B)."""
YEARS = (1767225600, 1830297600)  # 2026 and 2027
RINGS = re.compile(r"\d+\. (?P<label>.*) rings for (?P<seconds>[\d.e+]+) s \((?P<phones>.*)\)")
REFUSED = re.compile(r"\d+\. the call is refused: (?P<status>\d{3}) ")


@dataclass(frozen=True, slots=True)
class Habit:
    """What a phone does whenever it is called."""

    after: float = math.inf
    """Seconds until its final answer."""
    status: int = 0
    """That answer."""
    rings: bool = True
    """Whether it sends 180 first."""
    silent: bool = False
    """It hears, and says nothing at all."""

    @property
    def outcome(self) -> Outcome:
        """What its final answer means, or that there was none."""
        if self.silent:
            return Outcome.UNREACHABLE
        if not self.status or (self.status == 408 and self.rings):
            return Outcome.NO_ANSWER
        if self.status == 486:
            return Outcome.BUSY
        return Outcome.DECLINED if self.status in (433, 600, 603, 607, 608) else Outcome.UNREACHABLE


@dataclass(slots=True)
class Rung:
    """One phone in one step, as foreseen or as it was; seconds after the call began."""

    account: str
    start: float
    end: float = math.inf
    """When the phone itself ended it or was told to stop; infinity where nobody knows."""


@dataclass(slots=True)
class Course:
    """How a call goes."""

    steps: list[list[Rung]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Each step of the dialplan in the words of `simulate`, also those in which nobody was registered."""
    end: float = 0.0
    """When the caller has a final response."""
    statuses: frozenset[int] = frozenset()
    """One of these it is."""
    taken_by: str = ""
    history: tuple[Outcome, ...] = ()


def habit(source: random.Random, number: int) -> Habit | None:
    """What a phone will do; None stays away from the registrar. No two phones do anything at the same moment."""
    after = source.choice([0, 0, 2, 6, 13, 22]) + 0.02 * number + 0.05
    match source.choice(["away", "silent", "quiet", "quiet", "busy", "busy", "fails", "declines", "answers"]):
        case "away":
            return None
        case "silent":
            return Habit(NO_RESPONSE, silent=True)
        case "quiet":
            return Habit()
        case "busy":
            return Habit(after, 486, source.random() < 0.5 or after > 1)
        case "fails":
            return Habit(after, source.choice([404, 408, 480, 488, 500, 503]), source.random() < 0.5 or after > 1)
        case "declines":
            return Habit(after, source.choice([433, 600, 603, 607, 608]))
        case _:
            return Habit(after, 200)


def foreseen(plan: Plan, facts: Facts, habits: Mapping[str, Habit | None]) -> Course:
    """What must come of the call: the dialplan's next step, again and again, after what the phones will do."""
    course = Course()
    now = 0.0
    answers: list[Habit] = []
    while True:
        step = next_step(plan, facts, course.history)
        if isinstance(step, Reject):
            course.said.append(f"refused {step.status}")
            course.end, course.statuses = now, told(step, course.history, answers)
            return course
        if isinstance(step, Answer):
            course.said.append(step.what)
            course.end, course.statuses = now, frozenset({200})
            return course
        course.said.append(f"{step.seconds:g} s: {', '.join(step.phones)}")
        ringing = {
            account: one for account in step.phones if account != facts.caller_account and (one := habits[account])
        }
        if not ringing:
            answers = []
            course.history += (Outcome.UNREACHABLE,)
            continue
        rung = {account: Rung(account, now) for account in ringing}
        course.steps.append(list(rung.values()))
        length, taken_by = lasting(step.seconds, ringing)
        for account, one in ringing.items():
            if not one.silent:
                rung[account].end = now + min(one.after, length if not taken_by else ringing[taken_by].after)
        if taken_by:
            course.end, course.statuses, course.taken_by = now + length, frozenset({200}), taken_by
            return course
        declined = min(
            (one.after for one in ringing.values() if declines(one) and one.after < step.seconds), default=math.inf
        )
        outcomes = []
        for account, one in ringing.items():
            if not one.silent and one.after > declined:
                rung[account].end = now + declined
            elif one.after < step.seconds:
                outcomes.append(one.outcome)
            else:
                outcomes.append(Outcome.UNREACHABLE if one.silent else Outcome.NO_ANSWER)
        if math.isfinite(declined):
            outcomes.append(Outcome.DECLINED)
        answers = [
            one for one in ringing.values() if one.after < min(step.seconds, declined + NEAR / 10) and not one.silent
        ]
        course.history += (combine(outcomes),)
        now += length


def declines(one: Habit) -> bool:
    """Whether this ends the ringing of all others (RFC 3261 §16.7 step 5)."""
    return one.status >= 600


def lasting(seconds: float, ringing: Mapping[str, Habit]) -> tuple[float, str]:
    """How long a step lasts, and who takes the call, if anybody does."""
    still = dict(ringing)
    for account, one in sorted(ringing.items(), key=lambda item: item[1].after):
        if one.after >= seconds:
            return seconds, ""
        if account not in still:
            continue
        if one.status == 200:
            return one.after, account
        del still[account]
        if declines(one):
            still = {other: habit for other, habit in still.items() if habit.silent}
        if not still:
            return one.after, ""
    raise AssertionError("somebody is left")


def told(step: Reject, history: Sequence[Outcome], answers: Sequence[Habit]) -> frozenset[int]:
    """What the caller may be told: what the step says, or the best that a phone said that means the same."""
    if not history or step.status != FINAL_RESPONSES[history[-1]][0]:
        return frozenset({step.status})
    same = [one.status for one in answers if one.outcome is history[-1] and one.status not in (408, 503)]
    if not same:
        return frozenset({step.status})
    kind = 6 if max(same) >= 600 else min(same) // 100
    return frozenset(status for status in same if status // 100 == kind)


def simulated(plan: Plan, facts: Facts, history: Sequence[Outcome]) -> list[str]:
    """The steps that the command names, as `Course.said`."""
    when = datetime.fromtimestamp(facts.wall, UTC)
    said = []
    for line in simulate(plan, facts.called, when, facts.caller, history):
        if found := RINGS.fullmatch(line):
            said.append(f"{found['seconds']} s: {found['phones']}")
        elif found := REFUSED.match(line):
            said.append(f"refused {found['status']}")
        elif re.match(r"\d+\. the switch answers: ", line):
            said.append(line.rpartition(" ")[2])
    return said


class Play:
    """One random call in a random firm, at a random moment."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.text, self.plan = accepted(source)
        self.moment = self._moment()
        begin = datetime.fromtimestamp(self.moment - 1.0, UTC)
        self.lab = Lab({self.plan.site: self.plan}, at=begin, ping_seconds=0)
        self.lab.wire.keeps_trace = False
        self.began = 0.0
        self.habits = {
            account: habit(source, number)
            for number, account in enumerate(sorted(self.plan.phones))
            if account != "gate"
        }
        self.rung: list[Rung] = []
        self.phones = {account: self._phone(account, habit) for account, habit in self.habits.items()}
        self.caller, self.shown, self.sender = self._caller()
        self.called = source.choice(
            [*(u for u in self.plan.destinations if u[0] != "d"), "101", "t0", "t1", "p0", "nobody"]
        )

    def __str__(self) -> str:
        who = f"to {self.called} from {self.shown or 'somebody hidden'} ({self.caller.account})"
        return f"{who} at {self.moment}\n{self.habits}\n{self.text}"

    def _moment(self) -> float:
        """Any second of two years, or one right before or after a schedule's change."""
        moment = float(self.source.randint(*YEARS))
        schedules = list(self.plan.schedules.values())
        if schedules and self.source.random() < 0.3:
            change = self.source.choice(schedules).next_change(moment)
            if change is not None:
                return change + self.source.choice([-1.0, 0.0])
        return moment

    def _phone(self, account: str, habit: Habit | None) -> Phone:
        lab = self.lab
        phone = lab.phone(account, registered=False)
        if habit is not None:
            phone.registers()
        phone.on_call = lambda call: self._called(phone, call, habit or Habit())
        return phone

    def _called(self, phone: Phone, call: Call, habit: Habit) -> None:
        lab = self.lab
        rung = Rung(phone.account, lab.now - self.began)
        self.rung.append(rung)
        if habit.silent:
            return

        def over() -> None:
            rung.end = lab.now - self.began

        call.on_hung_up = over
        if habit.rings:
            call.ring()
        if habit.status == 200:
            lab.events.after(habit.after, lambda: (over(), call.answer()) if call.state == "ringing" else None)
        elif habit.status:
            lab.events.after(habit.after, lambda: call.refuse(habit.status))

    def _caller(self) -> tuple[Phone, str, str]:
        source, lab = self.source, self.lab
        kind = source.choice(["own", "own", "outside", "hidden"])
        if kind == "own":
            n = source.randrange(PEOPLE)
            account = source.choice([f"d{n}", f"n{n}"])
            if account in self.plan.phones:
                shown = source.choice([f"p{n}", f"{100 + n}", account])
                phone = self.phones[account]
                return phone, shown, f"<sip:{shown}@acme.example>"
        gate = lab.phone("gate", registered=False)
        if kind == "hidden":
            return gate, "", '"Anonymous" <sip:anonymous@anonymous.invalid>'
        shown = source.choice(OUTSIDE)
        return gate, shown, f"<sip:{shown}@provider.example>"

    def standing(self) -> None:
        """Some calls have been there before."""
        rota = self.lab.switch.core.calls.rota
        if self.source.random() < 0.5:
            return
        for n in range(TEAMS):
            for _ in range(self.source.randrange(4)):
                rota.rang("acme.example", f"t{n}")
        for n in self.source.sample(range(PEOPLE), self.source.randrange(PEOPLE)):
            rota.took("acme.example", f"p{n}")
            if self.source.random() < 0.8:
                rota.ended("acme.example", f"p{n}", self.moment - self.source.randint(1, 1000))

    def run(self) -> Course:
        """The call. What isn't as foreseen fails."""
        lab = self.lab
        lab.advance(0.9)
        for account, one in self.habits.items():
            if one is not None and one.silent and account != self.caller.account:
                self.phones[account].sender = lambda data: None
        self.standing()
        standing = lab.switch.core.calls.rota.standing("acme.example")
        lab.advance(0.1)
        self.began = lab.now
        call = self.caller.invites(self.called, sender=self.sender)
        account = self.caller.account
        facts = Facts(
            "acme.example", self.called, plain_number(self.shown), account, self.moment, standing, crc32(call.call_id)
        )
        course = foreseen(self.plan, facts, self.habits)
        if standing == FROM_THE_TOP and "at random" not in self.text:
            assert simulated(self.plan, facts, course.history) == course.said
        slack = NEAR + 0.05 * len(course.history)
        lab.advance(max(0.0, course.end - slack))
        assert call.status == 0 or course.end < slack
        lab.advance(min(course.end, slack) + slack + 2.0)
        assert call.status in course.statuses, (call.statuses, course)
        self.compare(course, slack)
        if course.taken_by:
            assert self.phones[course.taken_by].call.state == "answered"
        if call.status == 200:
            call.bye()
        lab.at_rest()
        return course

    def compare(self, course: Course, slack: float) -> None:
        rung = iter(self.rung)
        for number, step in enumerate(course.steps):
            seen = list(islice(rung, len(step)))
            assert {one.account for one in seen} == {one.account for one in step}, (number, seen, step)
            ends = {one.account: one.end for one in step}
            for one in seen:
                assert abs(one.start - step[0].start) < slack, (number, one, step)
                if math.isfinite(ends[one.account]):
                    assert abs(one.end - ends[one.account]) < slack, (number, one, step)
        assert list(rung) == []


def accepted(source: random.Random) -> tuple[str, Plan]:
    """A dialplan in which no call goes round."""
    while True:
        text = firm(source)
        try:
            return text, load_texts([("0.yaml", text)])[0]["acme.example"]
        except ConfigError as refused:
            errors = [one for one in refused.problems if one.severity == "error"]
            assert all("calls go round" in one.text for one in errors), (errors, text)


@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_phones_ring_as_simulated(count: int) -> None:
    lengths: list[int] = []
    taken = 0
    for number in range(count):
        play = Play(random.Random(number))
        try:
            course = play.run()
        except AssertionError as error:
            raise AssertionError(f"call {number}: {play}") from error
        lengths.append(len(course.said))
        taken += bool(course.taken_by)
    # The proof is worth something: calls of many steps, answered ones and others.
    assert sum(length > 3 for length in lengths) > count / 10
    assert count / 10 < taken < count / 2
