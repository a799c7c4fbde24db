"""Every state with every input, of all four transactions: what is sent, what is told, and which state comes next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from softswitch.transaction import client_invite, client_other, server_invite, server_other

from .harness import TCP, UDP, Bench

Cell = tuple[list[str], list[object], str]
"""Start lines sent, what the user was told, the next state."""

NOTHING: list[str] = []
INVITE, MESSAGE, ACK = "INVITE", "MESSAGE", "ACK"


def run(bench: Bench, subject: object, act: Callable[[], None]) -> Cell:
    bench.take()
    bench.told.clear()
    act()
    sent = [line.decode().split()[0] if line[:3] != b"SIP" else line.decode().split()[1] for line in bench.take()]
    return sent, bench.told, subject.state  # type: ignore[attr-defined]


# -- INVITE client (RFC 3261 §17.1.1, RFC 6026 §7.2)


def client_in(state: str, method: str, reliable: bool) -> tuple[Bench, object]:
    bench = Bench(TCP if reliable else UDP)
    bench.sends(method)
    subject = next(iter(bench.layer.clients.values()))
    steps: dict[str, list[int]] = {
        "calling": [],
        "trying": [],
        "proceeding": [180],
        "completed": [486],
        "accepted": [200],
    }
    if state == "terminated":
        bench.layer.flow_failed(bench.flow)
    else:
        for status in steps[state]:
            bench.answered(method, status)
    return bench, subject


CLIENT_INVITE: dict[tuple[str, str], Cell] = {
    ("calling", "1xx"): (NOTHING, [180], "proceeding"),
    ("calling", "2xx"): (NOTHING, [200], "accepted"),
    ("calling", "300-699"): ([ACK], [404], "completed"),
    ("calling", "timer"): ([INVITE], [], "calling"),
    ("calling", "transport error"): (NOTHING, ["broken"], "terminated"),
    ("proceeding", "1xx"): (NOTHING, [180], "proceeding"),
    ("proceeding", "2xx"): (NOTHING, [200], "accepted"),
    ("proceeding", "300-699"): ([ACK], [404], "completed"),
    ("proceeding", "timer"): (NOTHING, [], "proceeding"),
    ("proceeding", "transport error"): (NOTHING, ["broken"], "terminated"),
    ("completed", "1xx"): (NOTHING, [], "completed"),
    ("completed", "2xx"): (NOTHING, [], "completed"),
    ("completed", "300-699"): ([ACK], [], "completed"),
    ("completed", "timer"): (NOTHING, [], "terminated"),
    ("completed", "transport error"): (NOTHING, [], "completed"),
    ("accepted", "1xx"): (NOTHING, [], "accepted"),
    ("accepted", "2xx"): (NOTHING, [200], "accepted"),
    ("accepted", "300-699"): (NOTHING, [], "accepted"),
    ("accepted", "timer"): (NOTHING, [], "terminated"),
    ("accepted", "transport error"): (NOTHING, [], "accepted"),
    ("terminated", "1xx"): (NOTHING, [], "terminated"),
    ("terminated", "2xx"): (NOTHING, [], "terminated"),
    ("terminated", "300-699"): (NOTHING, [], "terminated"),
    ("terminated", "timer"): (NOTHING, [], "terminated"),
    ("terminated", "transport error"): (NOTHING, [], "terminated"),
}

CLIENT_OTHER: dict[tuple[str, str], Cell] = {
    ("trying", "1xx"): (NOTHING, [180], "proceeding"),
    ("trying", "200-699"): (NOTHING, [404], "completed"),
    ("trying", "timer"): ([MESSAGE], [], "trying"),
    ("trying", "transport error"): (NOTHING, ["broken"], "terminated"),
    ("proceeding", "1xx"): (NOTHING, [180], "proceeding"),
    ("proceeding", "200-699"): (NOTHING, [404], "completed"),
    ("proceeding", "timer"): ([MESSAGE], [], "proceeding"),
    ("proceeding", "transport error"): (NOTHING, ["broken"], "terminated"),
    ("completed", "1xx"): (NOTHING, [], "completed"),
    ("completed", "200-699"): (NOTHING, [], "completed"),
    ("completed", "timer"): (NOTHING, [], "terminated"),
    ("completed", "transport error"): (NOTHING, [], "completed"),
    ("terminated", "1xx"): (NOTHING, [], "terminated"),
    ("terminated", "200-699"): (NOTHING, [], "terminated"),
    ("terminated", "timer"): (NOTHING, [], "terminated"),
    ("terminated", "transport error"): (NOTHING, [], "terminated"),
}

STATUS = {"1xx": 180, "2xx": 200, "300-699": 404, "200-699": 404}


@pytest.mark.parametrize(
    ("method", "cells"), [("INVITE", CLIENT_INVITE), ("MESSAGE", CLIENT_OTHER)], ids=["invite", "other"]
)
def test_client_cells(method: str, cells: dict[tuple[str, str], Cell]) -> None:
    table = client_invite.TABLE if method == "INVITE" else client_other.TABLE
    assert {(state, event) for state, row in table.items() for event in row} == set(cells)
    for (state, event), expected in cells.items():
        bench, subject = client_in(state, method, reliable=False)
        assert subject.state == state  # type: ignore[attr-defined]

        def act(bench: Bench = bench, subject: object = subject, event: str = event) -> None:
            if event == "timer":
                subject.fire(bench.layer.now)  # type: ignore[attr-defined]
            elif event == "transport error":
                subject.broken()  # type: ignore[attr-defined]
            else:
                response = bench.response(method, STATUS[event])
                subject.receive(response)  # type: ignore[attr-defined]

        assert run(bench, subject, act) == expected, (state, event)


# -- INVITE server (RFC 3261 §17.2.1, RFC 6026 §7.1)


def server_in(state: str, method: str) -> tuple[Bench, object]:
    bench = Bench(UDP)
    bench.method = method
    bench.comes(method)
    subject = bench.server
    assert subject is not None
    if state in ("completed", "confirmed"):
        bench.replies(486)
    if state == "confirmed":
        bench.comes("ACK")
    if state == "accepted":
        bench.replies(200)
    if state == "terminated":
        bench.replies(486)
        bench.advance(40)
    return bench, subject


SERVER_INVITE: dict[tuple[str, str], Cell] = {
    ("proceeding", "INVITE"): (NOTHING, [], "proceeding"),
    ("proceeding", "ACK"): (NOTHING, [], "proceeding"),
    ("proceeding", "send 1xx"): (["180"], [], "proceeding"),
    ("proceeding", "send 2xx"): (["200"], [], "accepted"),
    ("proceeding", "send 300-699"): (["404"], [], "completed"),
    ("proceeding", "timer"): (NOTHING, [], "proceeding"),
    ("completed", "INVITE"): (["486"], [], "completed"),
    ("completed", "ACK"): (NOTHING, [], "confirmed"),
    ("completed", "send 1xx"): (NOTHING, [], "completed"),
    ("completed", "send 2xx"): (NOTHING, [], "completed"),
    ("completed", "send 300-699"): (NOTHING, [], "completed"),
    ("completed", "timer"): (["486"], [], "completed"),
    ("confirmed", "INVITE"): (NOTHING, [], "confirmed"),
    ("confirmed", "ACK"): (NOTHING, [], "confirmed"),
    ("confirmed", "send 1xx"): (NOTHING, [], "confirmed"),
    ("confirmed", "send 2xx"): (NOTHING, [], "confirmed"),
    ("confirmed", "send 300-699"): (NOTHING, [], "confirmed"),
    ("confirmed", "timer"): (NOTHING, [], "terminated"),
    ("accepted", "INVITE"): (NOTHING, [], "accepted"),
    ("accepted", "ACK"): (NOTHING, [], "accepted"),
    ("accepted", "send 1xx"): (NOTHING, [], "accepted"),
    ("accepted", "send 2xx"): (["200"], [], "accepted"),
    ("accepted", "send 300-699"): (NOTHING, [], "accepted"),
    ("accepted", "timer"): (NOTHING, [], "terminated"),
    ("terminated", "INVITE"): (NOTHING, [], "terminated"),
    ("terminated", "ACK"): (NOTHING, [], "terminated"),
    ("terminated", "send 1xx"): (NOTHING, [], "terminated"),
    ("terminated", "send 2xx"): (NOTHING, [], "terminated"),
    ("terminated", "send 300-699"): (NOTHING, [], "terminated"),
    ("terminated", "timer"): (NOTHING, [], "terminated"),
}

SERVER_OTHER: dict[tuple[str, str], Cell] = {
    ("trying", "request"): (NOTHING, [], "trying"),
    ("trying", "send 1xx"): (NOTHING, [], "trying"),
    ("trying", "send 200-699"): (["404"], [], "completed"),
    ("trying", "timer"): (["100"], [], "trying"),
    ("completed", "request"): (["486"], [], "completed"),
    ("completed", "send 1xx"): (NOTHING, [], "completed"),
    ("completed", "send 200-699"): (NOTHING, [], "completed"),
    ("completed", "timer"): (NOTHING, [], "terminated"),
    ("terminated", "request"): (NOTHING, [], "terminated"),
    ("terminated", "send 1xx"): (NOTHING, [], "terminated"),
    ("terminated", "send 200-699"): (NOTHING, [], "terminated"),
    ("terminated", "timer"): (NOTHING, [], "terminated"),
}

SENDING = {"send 1xx": 180, "send 2xx": 200, "send 300-699": 404, "send 200-699": 404}


@pytest.mark.parametrize(
    ("method", "cells"), [("INVITE", SERVER_INVITE), ("MESSAGE", SERVER_OTHER)], ids=["invite", "other"]
)
def test_server_cells(method: str, cells: dict[tuple[str, str], Cell]) -> None:
    table = server_invite.TABLE if method == "INVITE" else server_other.TABLE
    assert {(state, event) for state, row in table.items() for event in row} == set(cells)
    for (state, event), expected in cells.items():
        bench, subject = server_in(state, method)
        assert subject.state == state  # type: ignore[attr-defined]

        def act(bench: Bench = bench, subject: object = subject, event: str = event) -> None:
            if event == "timer":
                subject.fire(bench.layer.now)  # type: ignore[attr-defined]
            elif event in SENDING:
                bench.replies(SENDING[event])
            else:
                subject.receive(bench.request("ACK" if event == "ACK" else method))  # type: ignore[attr-defined]

        assert run(bench, subject, act) == expected, (state, event)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_repeated_request_gets_the_latest_provisional_answer(method: str) -> None:
    bench, _ = server_in("proceeding" if method == "INVITE" else "trying", method)
    bench.replies(180)
    bench.take()
    bench.comes(method)
    assert bench.take() == ([b"SIP/2.0 180 Ringing"] if method == "INVITE" else [])
    assert bench.told == [method]
