"""Thousands of calls over a wire that loses, doubles and swaps: each ends in the right state, and nothing stays."""

from __future__ import annotations

import random

import pytest
from lab import Lab
from lab.call import Call
from lab.wire import Weather

LOSS = Weather(loss=0.2, doubled=0.05, delay=0.01, jitter=0.3)

PEOPLE = 40


def plan() -> str:
    people = "".join(
        f"  p{n}: {{number: {200 + n}, places: {{desk: {{phone: [p{n}-a, p{n}-b]}}, home: {{phone: p{n}-c}}}},"
        f" calls: [{{ring: desk, for: 20s, then: {{busy: home, no answer: home, unreachable: home}}}}]}}\n"
        for n in range(PEOPLE)
    )
    phones = "".join(f"  p{n}-{x}: {{secret: s}}\n" for n in range(PEOPLE) for x in "abc")
    return (
        "site: {domain: acme.example, timezone: Europe/Berlin, country: DE}\n"
        f'people:\n{people}phones:\n{phones}codes: {{"600": echo}}\n'
    )


class Storm:
    """Random callers and random callees; the record of what each call should have come to."""

    def __init__(self, calls: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.lab = Lab(plan(), seed=seed)
        self.phones = [self.lab.phone(f"p{n}-{x}", tcp=n % 8 == 0) for n in range(PEOPLE) for x in "abc"]
        for phone in self.phones:
            phone.on_call = self.behave
        self.lab.wire.weather = LOSS
        self.lab.wire.keeps_trace = False
        self.made: list[Call] = []
        self.left = calls

    def run(self) -> None:
        """Start them all, about ten a second, and let them end."""
        for number in range(self.left):
            self.lab.events.after(number * 0.1, self.start)
        for _ in range(self.left // 100 + 1):
            self.lab.advance(10)
            self.forget()
        self.lab.at_rest(600)

    def start(self) -> None:
        caller = self.random.choice(self.phones)
        number = 600 if self.random.random() < 0.05 else 200 + self.random.randrange(PEOPLE)
        call = caller.invites(str(number), late_offer=number != 600 and self.random.random() < 0.05)
        self.made.append(call)
        later = self.lab.events.after
        if self.random.random() < 0.15:
            later(self.random.uniform(0.0, 30.0), lambda: self.give_up(call))
        later(self.random.uniform(30.0, 90.0), lambda: self.hang_up(call))

    def give_up(self, call: Call) -> None:
        if call.state in ("calling", "ringing") and call.status == 0:
            call.cancel()
            # It may cross the answer, and then there is a call after all.
            self.lab.events.after(40.0, lambda: self.hang_up(call))

    def hang_up(self, call: Call) -> None:
        if call.state == "answered":
            call.bye()
        else:
            self.give_up(call)

    def behave(self, call: Call) -> None:
        """What a callee does."""
        dice = self.random.random()
        later = self.lab.events.after
        if dice < 0.1:
            call.refuse(self.random.choice([486, 486, 603, 500, 404, 302]))
        elif dice < 0.15:
            pass  # it never says a word
        else:
            call.ring()
            later(150.0, lambda: call.refuse(480))  # no phone rings for ever, should nobody stop it
            if dice < 0.7:
                later(self.random.uniform(0.1, 30.0), call.answer)
                if dice < 0.3:
                    later(self.random.uniform(40.0, 80.0), lambda: self.hang_up(call))
            elif dice < 0.8:
                later(self.random.uniform(0.1, 10.0), call.refuse)

    def forget(self) -> None:
        """Phones keep the calls of the last minutes only; it is the switch that is to be tested."""
        for phone in self.phones:
            if len(phone.calls) > 60:
                phone.calls = phone.calls[-40:]
            for table in (phone.exchanges, phone.incoming):
                for key in list(table)[:-300]:
                    del table[key]  # type: ignore[attr-defined]

    def check(self, lost: int = 0) -> None:
        """Each call ended, both sides agree, and callers were told something that fits.

        `lost` callers at most heard nothing, beyond the few that the wire explains, where lines were cut.
        """
        answered = 0
        for call in self.made:
            assert call.state == "ended" or (call.invitation is not None and call.invitation.timed_out), call
            if call.answers:
                answered += 1
            elif call.status != 200:
                # 200: it came when the caller had given up, and was hung up.
                assert call.status in (0, 480, 486, 487, 603, 404, 500, 302, 503, 488), call.statuses
        for phone in self.phones:
            if lost and phone.stream is not None:
                continue  # a BYE may have come while it had no connection
            for call in phone.calls:
                # Who never said a word cannot be told to stop: there is no CANCEL before a 1xx.
                assert call.state == "ended" or call.incoming is None or not call.incoming.status, call
        assert answered > len(self.made) * 0.3
        timed_out = sum(1 for call in self.made if call.invitation is not None and call.invitation.timed_out)
        assert timed_out <= len(self.made) * 0.02 + lost, timed_out


def test_a_storm() -> None:
    storm = Storm(2000, seed=7)
    storm.run()
    storm.check()


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_great_storm(seed: int) -> None:
    storm = Storm(5000, seed=seed)
    storm.run()
    storm.check()


def test_a_storm_with_a_slow_and_failing_media_engine() -> None:
    storm = Storm(400, seed=11)
    media = storm.lab.media
    media.delay = 0.15
    media.fails_at = lambda: storm.random.random() < 0.05
    storm.run()
    storm.check()


def test_a_storm_in_which_connections_break() -> None:
    """Phones over TCP lose their connections now and then, and register again over new ones."""
    storm = Storm(400, seed=12)
    over_tcp = [phone for phone in storm.phones if phone.stream is not None]

    def breaks() -> None:
        phone = storm.random.choice(over_tcp)
        if phone.stream is not None and phone.stream.open:
            phone.stream.close()
        storm.lab.events.after(storm.random.uniform(0.1, 5.0), phone.registers)

    for second in range(60):
        storm.lab.events.after(float(second), breaks)
    storm.run()
    storm.check(lost=20)


def test_a_storm_and_a_restart() -> None:
    """What rings when the switch starts anew is lost to the caller's patience; what was answered goes on."""
    storm = Storm(400, seed=13)
    storm.lab.events.after(30.0, storm.lab.starts_switch)
    storm.run()
    storm.check(lost=40)


def test_the_same_seed_gives_the_same_storm() -> None:
    """Otherwise a failure could not be looked at."""
    sent = []
    for _ in range(2):
        storm = Storm(60, seed=3)
        storm.run()
        sent.append((storm.lab.wire.sent, [call.why for call in storm.made]))
    assert sent[0] == sent[1]
