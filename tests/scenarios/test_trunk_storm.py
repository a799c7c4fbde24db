"""A thousand bridged calls over a bad wire, with offers, holds and deaths at random: nothing of them stays."""

from __future__ import annotations

import random

import pytest
from lab import Lab, Phone, Provider
from lab.call import Call
from lab.wire import Weather

PEOPLE = 12
BAD = Weather(loss=0.1, doubled=0.05, delay=0.01, jitter=0.2)


def plan() -> str:
    people = "".join(
        f"  p{n}: {{number: {200 + n}, "
        f"places: {{desk: {{phone: [p{n}-a, p{n}-b]}}, cell: {{dial: +49 170 10000{n:02}}}}},"
        f" calls: [{{ring: desk, for: 8s, then: cell}}]}}\n"
        for n in range(PEOPLE)
    )
    numbers = ", ".join(f"+49 89 1234{n:02}: p{n}" for n in range(PEOPLE))
    phones = "".join(f"  p{n}-{x}: {{secret: s}}\n" for n in range(PEOPLE) for x in "ab")
    return (
        f"site: {{domain: acme.example, timezone: Europe/Berlin, country: DE}}\npeople:\n{people}phones:\n{phones}"
        "trunks:\n  one: {peer: 198.51.100.7, user: acme, secret: city, number: +49 89 123400}\n"
        "  two: {peer: 198.51.100.8, number: +49 89 123400}\n"
        f"numbers: {{{numbers}}}\ncodes: {{'600': echo}}\noutside: [{{dial: + *, via: [one, two]}}]\n"
    )


class Storm:
    """Random calls in every direction; `run` ends with nothing left, or fails."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lab = Lab(plan(), seed=seed)
        self.phones: list[Phone] = [self.lab.phone(f"p{n}-{x}", tcp=n % 4 == 0) for n in range(PEOPLE) for x in "ab"]
        self.providers = [Provider(self.lab, challenges=True), Provider(self.lab, "198.51.100.8")]
        for one in (*self.phones, *self.providers):
            one.on_call = self.behave
            one.events = self.random.choice((0, 101))
        self.lab.wire.weather = BAD
        self.lab.wire.keeps_trace = False
        self.made: list[Call] = []
        self.answered = 0

    def run(self, calls: int) -> None:
        for number in range(calls):
            self.lab.events.after(number * 0.2, self.start)
        for _ in range(calls // 50 + 20):
            self.lab.advance(10)
            for one in (*self.phones, *self.providers):
                one.requests.clear()
                one.acks.clear()
        self.lab.wire.weather = Weather()
        # Whoever is still in a call has lost the other end without a word; the sessions' timers find that out.
        self.lab.at_rest(4000)

    def start(self) -> None:
        dice, late = self.random.random(), self.random.random() < 0.1
        if dice < 0.5:
            call = self.random.choice(self.phones).invites(
                f"0171555{self.random.randrange(1000, 9999)}", late_offer=late
            )
        else:
            provider = self.random.choice(self.providers)
            call = provider.dials(f"+49891234{self.random.randrange(PEOPLE):02}", late_offer=late)
        self.made.append(call)
        later = self.lab.events.after
        if self.random.random() < 0.2:
            later(self.random.uniform(0.0, 20.0), lambda: self.hang_up(call))
        later(self.random.uniform(20.0, 60.0), lambda: self.hang_up(call))
        for _ in range(self.random.randrange(4)):
            later(self.random.uniform(2.0, 40.0), lambda: self.meddle(call))

    def meddle(self, call: Call) -> None:
        """Something in the middle of a call."""
        if call.state != "answered":
            return
        self.answered += 1
        dice = self.random.random()
        if dice < 0.6:
            call.reinvite(self.random.choice(["sendonly", "inactive", "sendrecv"]))
        elif dice < 0.8:
            call.sends("INFO", "Content-Type: application/dtmf-relay", body=b"Signal=1\r\n")
        elif dice < 0.85 and call.phone in self.phones:
            to = self.random.choice([f"{200 + self.random.randrange(PEOPLE)}", "01715551234", "999", "600"])
            call.sends("REFER", f"Refer-To: <sip:{to}@acme.example>")
        elif dice < 0.95:
            call.sends("UPDATE", "Content-Type: application/sdp", body=call.own_sdp)
        else:
            call.phone.calls.remove(call)  # it has lost the call, and does not know of it any more
            call.state = "ended"

    def hang_up(self, call: Call) -> None:
        if call.state == "answered":
            call.bye()
        elif call.state in ("calling", "ringing") and call.incoming is None and call.status == 0:
            call.cancel()
            self.lab.events.after(40.0, lambda: self.hang_up(call))

    def behave(self, call: Call) -> None:
        """What a callee does."""
        dice, later = self.random.random(), self.lab.events.after
        if dice < 0.1:
            call.refuse(self.random.choice([486, 603, 500, 503, 404, 302]))
            return
        if dice < 0.2:
            call.ring(183, call.own_sdp)
        elif dice < 0.9:
            call.ring()
        else:
            return  # says nothing at all
        if dice < 0.8:
            later(self.random.uniform(0.5, 12.0), call.answer)
            later(self.random.uniform(20.0, 90.0), lambda: self.hang_up(call))
            later(self.random.uniform(4.0, 40.0), lambda: self.meddle(call))


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_stays_of_five_hundred_calls(seed: int) -> None:
    storm = Storm(seed)
    storm.run(500)
    assert storm.answered > 200
    assert len(storm.lab.records()) >= 400


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 13))
def test_nothing_stays_of_ten_thousand_calls(seed: int) -> None:
    Storm(seed).run(1000)
