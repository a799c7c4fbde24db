"""Changes of state are written down with their time and cause."""

from __future__ import annotations

import asyncio

from lab import Lab


def test_a_morning_of_anna() -> None:
    lab = Lab()
    start = lab.clock.wall()
    lab.advance(1)
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    lab.advance(5)
    call = carla.invites("101")
    lab.advance(3)
    anna.call.answer()
    lab.advance(10)
    call.bye()
    lab.advance(2)
    anna.registers(0)
    lab.advance(1)
    found = asyncio.run(lab.history_store.find("acme.example", "anna", 0.0))
    assert [(one.availability, one.place, one.cause) for one in found] == [
        ("offline", "", "start"),
        ("available", "office", "registered"),
        ("on the phone", "office", "call answered"),
        ("available", "office", "call ended"),
        ("offline", "", "removed"),
    ]
    assert [round(one.at - start) for one in found] == [0, 1, 10, 20, 22]
    lab.starts_switch()
    lab.advance(1)
    again = asyncio.run(lab.history_store.find("acme.example", "anna", lab.clock.wall()))
    assert [(one.availability, one.cause) for one in again] == [("offline", "start")]
