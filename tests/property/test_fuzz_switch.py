"""The promise for a whole switch: whatever anybody sends, only SIP comes out, no bug is logged, and once it is
quiet nothing is left.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from torture.builder import answering, offer, request, response
from torture.test_tables import ROWS
from torture.whole import Whole, load

from softswitch.sip.message import Request
from softswitch.sip.parse import parse

from .accessors import FLOW, refusal
from .mutations import mutated

SEEDS = [row.data for row in ROWS if len(row.data) < 4000]
STATUSES = (b"100 Trying", b"180 Ringing", b"200 OK", b"302 Moved", b"401 No", b"486 Busy Here", b"600 No", b"699 x")
QUIET_SECONDS = 400
"""Longer than any timer: timer C is 181 s (RFC 3261 §16.6)."""


class Fuzz:
    """A caller, a callee and a stranger who all garble what they say; now and then somebody says it right."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.whole = Whole(load(folder))
        self.number = 0
        self.asked: list[bytes] = []
        """Requests that the callee got lately."""
        self.answered: list[bytes] = []
        """Messages that the caller sent, to be repeated, cancelled, acknowledged."""

    def step(self) -> None:
        rng, whole = self.rng, self.whole
        if rng.random() < 0.02:
            whole.advance(rng.choice((0.1, 0.6, 5.0, 40.0)))
        if self.asked and rng.random() < 0.35:
            start = b"SIP/2.0 " + rng.choice(STATUSES)
            body = offer(b"192.0.2.30") if rng.random() < 0.5 else b""
            data = answering(response("fuzz", start, body=body), rng.choice(self.asked))
            self._keep(whole.answer(self._garbled(data)))
            return
        data = self._request()
        sent = whole.answer(data) if rng.random() < 0.2 else whole.send(data)
        self._keep(sent)

    def _request(self) -> bytes:
        rng = self.rng
        chance = rng.random()
        if chance < 0.4:
            return mutated(rng, rng.choice(SEEDS))
        if chance < 0.7 or not self.answered:
            self.number += 1
            method = rng.choice((b"INVITE", b"INVITE", b"INVITE", b"MESSAGE", b"OPTIONS", b"REGISTER", b"REFER"))
            uri = b"sip:acme.example" if method == b"REGISTER" else b"sip:dario@acme.example"
            data = request(f"f{self.number}", method, uri, body=offer() if method == b"INVITE" else b"")
            self.answered = [*self.answered[-20:], data]
            return self._garbled(data)
        old = rng.choice(self.answered)
        method = rng.choice((b"CANCEL", b"ACK", b"BYE", b"INVITE", b"PRACK"))
        return self._garbled(old.replace(b"INVITE", method))

    def _garbled(self, data: bytes) -> bytes:
        return mutated(self.rng, data) if self.rng.random() < 0.5 else data

    def _keep(self, sent: list[bytes]) -> None:
        for data in sent:
            if data.startswith(b"SIP/2.0 "):
                continue
            error = refusal(lambda data=data: parse(data, FLOW))  # type: ignore[misc]
            assert error is None, (error, data)
            message = parse(data, FLOW)
            assert isinstance(message, Request)
            folded = b"\r\n " in data or b"\r\n\t" in data
            if not folded and all(key != b"?" for key in message.keys):
                self.asked = [*self.asked[-20:], data]


def run(seed: int, count: int, folder: Path) -> None:
    fuzz = Fuzz(seed, folder)
    for _ in range(count):
        fuzz.step()
    forwarded = len(fuzz.asked)
    assert forwarded > 5, "nearly nothing got through: the run says nothing"
    fuzz.whole.advance(QUIET_SECONDS)
    switch = fuzz.whole.switch
    assert switch.counters.bugs == 0
    assert not switch.core.ringing
    assert not switch.layer.clients
    assert not switch.layer.servers


def test_garbled_calls(tmp_path: Path) -> None:
    run(3261, 1500, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_garbled_calls_for_long(seed: int, tmp_path: Path) -> None:
    run(seed, 25_000, tmp_path)
