"""Teams in a running switch: whose turn it is moves on with each call."""

from __future__ import annotations

from lab import Lab, Phone
from lab.lab import OFFICE


def office(order: str) -> Lab:
    assert "ring: all" in OFFICE
    return Lab(OFFICE.replace("ring: all", f"ring: {order}"))


def phones(lab: Lab) -> tuple[Phone, Phone, Phone]:
    return lab.phone("anna-desk"), lab.phone("carla-home"), lab.phone("dario-home")


def taken(lab: Lab, caller: Phone, *members: Phone, seconds: float = 5) -> str:
    """A call to the team, answered at once by whoever rings first; whose phone that was."""
    call = caller.invites("200")
    lab.advance()
    (ringing,) = [phone for phone in members if phone.calls and phone.call.state == "ringing"]
    ringing.call.answer()
    lab.advance(seconds)
    call.bye()
    lab.advance(2)
    return ringing.account


def test_in_turn() -> None:
    lab = office("in turn")
    anna, carla, dario = phones(lab)
    assert [taken(lab, anna, carla, dario) for _ in range(3)] == ["carla-home", "dario-home", "carla-home"]
    lab.at_rest()


def test_longest_idle() -> None:
    lab = office("longest idle")
    anna, carla, dario = phones(lab)
    assert [taken(lab, anna, carla, dario) for _ in range(3)] == ["carla-home", "dario-home", "carla-home"]
    # Dario has a call of his own meanwhile: Carla, whose last ended before it, is idle for longer.
    call = anna.invites("103")
    lab.advance()
    dario.call.answer()
    lab.advance(5)
    call.bye()
    lab.advance(2)
    assert taken(lab, anna, carla, dario) == "carla-home"
    lab.at_rest()


def test_at_random_both_are_first_in_the_end() -> None:
    lab = office("at random")
    anna, carla, dario = phones(lab)
    assert {taken(lab, anna, carla, dario, seconds=1) for _ in range(12)} == {"carla-home", "dario-home"}
    lab.at_rest()
