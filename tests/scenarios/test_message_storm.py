"""Whatever the wire, the phones and the switch do: each acknowledged message arrives, unchanged and in order."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from lab import Lab, Phone
from lab.exchange import Exchange
from lab.slowstore import SlowMessageStore
from lab.wire import Weather

PEOPLE = 5
BAD = Weather(loss=0.2, doubled=0.05, delay=0.01, jitter=0.3)


def plan() -> str:
    people = "".join(
        f"  p{n}: {{number: {200 + n}, places: {{desk: {{phone: p{n}-a}}, home: {{phone: p{n}-b}}}}}}\n"
        for n in range(PEOPLE)
    )
    phones = "".join(f"  p{n}-{x}: {{secret: s}}\n" for n in range(PEOPLE) for x in "ab")
    team = f"teams: {{all: {{number: 300, members: [{', '.join(f'p{n}' for n in range(PEOPLE))}]}}}}\n"
    return f"site: {{domain: acme.example, timezone: Europe/Berlin}}\npeople:\n{people}{team}phones:\n{phones}"


class Storm:
    """Everybody writes to everybody, one message after the other, while phones and the switch come and go."""

    def __init__(self, seed: int, weather: Weather, restarts: bool) -> None:
        self.random = random.Random(seed)
        self.lab = Lab(plan(), seed=seed)
        self.store = SlowMessageStore(self.lab.events, self.random)
        self.lab.message_store = self.store
        self.lab.starts_switch()
        self.lab.wire.keeps_trace = False
        self.phones = [
            self.lab.phone(f"p{n}-{x}", registered=self.random.random() < 0.7, tcp=n == 0)
            for n in range(PEOPLE)
            for x in "ab"
        ]
        self.lab.wire.weather = weather
        self.sent: list[tuple[Phone, str, bytes, Exchange]] = []
        self.busy: dict[tuple[str, str], Exchange] = {}
        self.restarts = restarts

    def run(self, seconds: int) -> None:
        """Let it rage, then let the sun come out."""
        for second in range(seconds):
            self.lab.events.after(second + self.random.random(), self.something)
        self.lab.advance(seconds + 40)
        self.lab.wire.weather = Weather()
        for phone in self.phones:
            phone.deaf = False
            phone.replies.clear()
            phone.registers()
        self.lab.advance(7200)

    def something(self) -> None:
        dice, phone = self.random.random(), self.random.choice(self.phones)
        if dice < 0.6:
            self.write(phone)
        elif dice < 0.75:
            phone.deaf = False
            phone.replies.clear()
            phone.registers()
        elif dice < 0.83:
            phone.registers(0)
        elif dice < 0.88:
            phone.deaf = True
        elif dice < 0.95:
            phone.replies["MESSAGE"] = (self.random.choice([480, 486, 503]), (), b"")
        elif dice < 0.97 and phone.stream is not None:
            phone.stream.close()
        elif self.restarts:
            self.store.crashes()
            self.lab.starts_switch()

    def write(self, phone: Phone) -> None:
        to = str(self.random.choice([*range(200, 200 + PEOPLE), 300]))
        last = self.busy.get((phone.account, to))
        if phone.deaf or (last is not None and not last.status and not last.timed_out):
            return  # RFC 3428 §8: one after the other
        body = b"%06d " % len(self.sent) + self.random.randbytes(self.random.randrange(200))
        exchange = phone.sends("MESSAGE", to, "Content-Type: application/x-thing", "X-Mark: untouched", body=body)
        self.busy[phone.account, to] = exchange
        self.sent.append((phone, to, body, exchange))

    def check(self, repeats: bool) -> int:
        """How many were acknowledged. `repeats`: whether a phone may get one twice."""
        heard: dict[str, list[bytes]] = defaultdict(list)
        by_phone: dict[str, list[bytes]] = {}
        for phone in self.phones:
            came = phone.requests_of("MESSAGE")
            assert all(one.get(b"content-type") == b"application/x-thing" for one in came)
            assert all(one.get(b"x-mark") == b"untouched" for one in came)
            taken = [one for one in came if phone.incoming[one.via.branch + b"MESSAGE"].status == 200]
            texts = [one.body for one in taken]
            by_phone[phone.account] = list(dict.fromkeys(texts))
            assert repeats or len(texts) == len(by_phone[phone.account]), phone
            heard[phone.account[:2]] += texts
        acknowledged = [one for one in self.sent if one[3].status in (200, 202)]
        for phone, to, body, _ in acknowledged:
            people = [f"p{n}" for n in range(PEOPLE)] if to == "300" else [f"p{int(to) - 200}"]
            for person in people:
                if person != phone.account[:2] or to != "300":
                    assert body in heard[person], (phone, to, body[:6])
        for texts in by_phone.values():
            for phone, to in {(phone.account, to) for phone, to, _, _ in self.sent}:
                written = [body for by, at, body, _ in self.sent if (by.account, at) == (phone, to)]
                arrived = [body for body in texts if body in written]
                assert arrived == sorted(arrived)
        return len(acknowledged)


@pytest.mark.parametrize("seed", range(6))
def test_each_acknowledged_message_arrives_in_order(seed: int) -> None:
    storm = Storm(seed, BAD, restarts=True)
    storm.run(600)
    assert storm.check(repeats=True) > 100


@pytest.mark.parametrize("seed", range(3))
def test_on_a_good_day_each_phone_gets_it_once(seed: int) -> None:
    storm = Storm(seed, Weather(), restarts=False)
    storm.run(600)
    assert storm.check(repeats=False) > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_storms(seed: int) -> None:
    storm = Storm(seed, BAD, restarts=seed % 3 > 0)
    storm.run(1200)
    storm.check(repeats=True)
