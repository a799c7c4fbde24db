"""After any history, once things are at rest, what each watcher last heard is what is so.

Phones come, go and die, call, answer, refuse, hang up, give up; connections close, messages get lost, switches crash.
The truth is asked of the phones themselves: who is in a call with whom; of the registrar only who could be called.
"""

from __future__ import annotations

import random
import re

import pytest
from lab import Lab, Phone
from lab.call import Call
from lab.watcher import Watch
from lab.wire import Weather

from softswitch.dialplan.plan import Person

ACCOUNTS = {"anna-desk": "101", "anna-mobile": "101", "carla-home": "102", "dario-home": "103", "dario-laptop": "103"}
NUMBERS = ("101", "102", "103", "200", "600")
STEPS = 14
SETTLING_SECONDS = 45.0
"""Longer than any transaction, so that what gets lost has been noticed."""
DESERTED_SECONDS = 400.0
"""Pings that go unanswered, then three questions that do, a minute apart."""
WHAT = "watch watch call call call answer answer answer hang-up refuse give-up come go close die crash".split()
"""More of what makes calls."""


class History:
    """One random history, by its seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lab = Lab(seed=seed, weather=Weather(loss=0.15 if seed % 3 == 0 else 0.0, jitter=0.02))
        self.lab.wire.keeps_trace = False
        self.phones: list[Phone] = [self.lab.phone(name, tcp=number % 2 == 1) for number, name in enumerate(ACCOUNTS)]
        self.watches: list[Watch] = []
        self.crashes = 0
        self.cut_off: set[Phone] = set()
        self.log: list[str] = []
        for phone in self.phones:
            phone.on_call = self._rings

    def _rings(self, call: Call) -> None:
        if self.random.random() < 0.9:
            call.ring()

    def alive(self) -> list[Phone]:
        return [phone for phone in self.phones if not phone.deaf]

    def calls(self, *states: str) -> list[Call]:
        return [call for phone in self.alive() for call in phone.calls if call.state in states]

    def step(self) -> None:
        """One thing happens, then a while passes."""
        chance, phone = self.random, self.random.choice(self.phones)
        what = chance.choice(WHAT)
        self.log.append(f"{self.lab.now:.2f} {what} {phone.name}")
        if phone.deaf and what not in ("crash",):
            return
        match what:
            case "watch":
                event = chance.choice(("presence", "dialog"))
                self.watches.append(phone.watches_over(chance.choice(NUMBERS[:3]), event))
            case "call":
                phone.invites(chance.choice(NUMBERS))
            case "answer":
                for call in self._some(self._incoming()):
                    call.answer()
            case "hang-up":
                for call in self._some(self.calls("answered")):
                    call.bye()
            case "refuse":
                for call in self._some(self._incoming()):
                    call.refuse(chance.choice((486, 603, 480)))
            case "give-up":
                for call in self._some([one for one in self.calls("ringing") if one.invitation is not None]):
                    call.cancel()
            case "come":
                phone.registers()
            case "go":
                phone.registers(0)
            case "close" if phone.stream is not None:
                phone.stream.close()
                self.cut_off.add(phone)
            case "die" if self.random.random() < 0.5:
                phone.switches_off()
                if phone.stream is not None:
                    phone.stream.close()
            case "crash" if self.crashes < 2:
                self.crashes += 1
                self.cut_off.update(self.phones)
                self.lab.starts_switch()
                for stream in list(self.lab.wire.streams.values()):
                    stream.open = False
                self.lab.wire.streams.clear()
        self.lab.advance(chance.choice((0.0, 0.02, 0.3, 1.0, 4.0, 16.0)))

    def _some(self, calls: list[Call]) -> list[Call]:
        return [self.random.choice(calls)] if calls else []

    def _incoming(self) -> list[Call]:
        return [call for call in self.calls("ringing") if call.incoming is not None]

    def settle(self) -> None:
        """Good weather, nobody rings any more, and whoever talks with a dead phone gives up."""
        lab = self.lab
        lab.wire.weather = Weather()
        for phone in self.alive():
            if phone in self.cut_off:
                phone.registers()  # as phones do that notice
        lab.advance(SETTLING_SECONDS)
        for call in self.calls("calling", "ringing"):
            if call.incoming is None:
                call.cancel()
            else:
                call.refuse()
        lab.advance(SETTLING_SECONDS)
        for call in self.calls("answered"):
            if not self._still_answered(call) or self.random.random() < 0.5:
                call.bye()
        lab.advance(SETTLING_SECONDS)
        for call in self.calls("answered"):
            if not self._still_answered(call):  # whose connection had closed did not hear the other one hang up
                call.bye()
        # The registrations of the dead are over, and whoever talked with them was asked.
        lab.advance(DESERTED_SECONDS)

    def _still_answered(self, call: Call) -> bool:
        """Whether a living phone is at the other end, or the switch."""
        others = [one for one in self.calls("answered") if one is not call and one.call_id == call.call_id]
        return bool(others) or self._with_the_switch(call)

    def _with_the_switch(self, call: Call) -> bool:
        return any(call_id == call.call_id for call_id, _ in self.lab.switch.legs._legs)

    def _is_of(self, phone: Phone, person: str) -> bool:
        owner = self.lab.plans["acme.example"].person_of(phone.account)
        return owner is not None and owner.name == person

    def talks(self, person: str) -> bool | None:
        """Whether a phone of hers is in a call; None when the switch can't know, for it crashed just then.

        A dead phone that called the switch itself is in that call until the switch gives up.
        """
        calls = [
            call
            for phone in self.phones
            if self._is_of(phone, person)
            for call in phone.calls
            if (self._with_the_switch(call) if phone.deaf else call.state == "answered")
        ]
        recorded = {record.call_id for record in self.lab.records() if record.answered_at and not record.ended_at}
        if self.crashes and any(call.call_id.decode() not in recorded for call in calls):
            return None
        return bool(calls)

    def check(self) -> int:
        """How many watchers were looked at."""
        looked = 0
        plan = self.lab.plans["acme.example"]
        for watch in self.watches:
            # Who was told that it is over, or whose SUBSCRIBE was refused, knows that he knows nothing.
            if watch.phone.deaf or not watch.state.startswith("active") or watch.exchange.status != 200:
                continue
            person = plan.lookup((re.search(r"sip:(\d+)@", watch.entity) or ["", ""])[1])
            assert isinstance(person, Person)
            talks = self.talks(person.name)
            if talks is None:
                continue
            looked += 1
            if watch.event == "dialog":
                assert (watch.lamp == "on") == talks, (person.name, watch.lamp)
                assert watch.lamp != "blinking", person.name
                continue
            reached = [
                account
                for place in person.places.values()
                for account in place.phones
                if any(
                    self.lab.switch.flow_of(one) is not None
                    for one in self.lab.registrar.bindings("acme.example", account, self.lab.clock.wall())
                )
            ]
            expected = "On the phone" if talks else "Available" if reached else "Offline"
            assert watch.note.startswith(expected), (person.name, watch.note, expected)
            ring = re.search(r"Next call: (.*)", watch.note)
            assert (ring is not None) == bool(reached), watch.note
        return looked


def run(seeds: range) -> int:
    looked = 0
    for seed in seeds:
        history = History(seed)
        try:
            for _ in range(STEPS):
                history.step()
            history.settle()
            looked += history.check()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(history.log)) from error
    return looked


@pytest.mark.parametrize("part", range(4))
def test_a_thousand_histories(part: int) -> None:
    assert run(range(part * 250, part * 250 + 250)) > 200


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_ten_thousand_histories(part: int) -> None:
    assert run(range(10_000 + part * 500, 10_000 + part * 500 + 500)) > 400
