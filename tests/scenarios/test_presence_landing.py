"""Where the next call lands, and rules that ask how somebody is: in a running switch."""

from __future__ import annotations

from datetime import UTC, datetime

from lab import Lab
from lab.lab import OFFICE

EVENING = OFFICE.replace("{ring: mobile, for: 25s}", "{ring: service team, for: 25s}")


def test_at_five_her_watchers_see_that_the_next_call_lands_with_the_team() -> None:
    lab = Lab(EVENING, at=datetime(2026, 11, 23, 15, 59, 0, tzinfo=UTC))
    lab.phone("anna-desk")
    carla = lab.phone("carla-home")
    watch = carla.watches_over("101")
    lab.advance(1)
    assert watch.note == "Available (office). Next call: anna at office"
    start = lab.clock.wall()
    lab.advance(60)
    assert watch.note == "Available (office). Next call: service team"
    boundary = datetime(2026, 11, 23, 16, 0, 0, tzinfo=UTC).timestamp()
    heard = start + watch.heard_at[-1] - (lab.now - 60)
    assert 0 <= heard - boundary < 0.5
    caller = lab.phone("dario-home")
    lab.advance(0.3)
    call = caller.invites("101")
    lab.advance()
    assert carla.call.state == "ringing"
    call.cancel()
    lab.advance()


def test_a_step_that_reaches_nobody_is_passed_over() -> None:
    lab = Lab()
    dario = lab.phone("dario-home")
    watch = dario.watches_over("101")
    lab.advance()
    assert watch.note == "Offline"
    mobile = lab.phone("anna-mobile")
    lab.advance(0.3)
    assert watch.note == "Available (mobile). Next call: anna at mobile"
    lab.phone("anna-desk")
    lab.advance(0.3)
    assert watch.note == "Available (office). Next call: anna at office"
    mobile.registers(0)
    lab.advance(0.3)
    assert watch.note == "Available (office). Next call: anna at office"


def test_who_depends_on_others_is_looked_at_when_these_change() -> None:
    lab = Lab(EVENING, at=datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC))
    dario = lab.phone("dario-home")
    watch = dario.watches_over("101")
    lab.phone("anna-desk")
    lab.advance(0.3)
    assert watch.note == "Available (office). Next call: service team"
    dario.registers(0)
    lab.advance(0.3)
    assert watch.note == "Available (office)"
    lab.phone("carla-home")
    lab.advance(0.3)
    assert watch.note == "Available (office). Next call: service team"


def test_a_rule_that_asks_how_somebody_is() -> None:
    text = OFFICE.replace("- {when: office hours, ring: office,", "- {presence: carla is on the phone, ring: dario}\n"
                          "      - {when: office hours, ring: office,")  # fmt: skip
    lab = Lab(text)
    anna, carla, dario = lab.phone("anna-desk"), lab.phone("carla-home"), lab.phone("dario-home")
    watch = dario.watches_over("101")
    lab.advance(0.3)
    assert watch.note == "Available (office). Next call: anna at office"
    talk = anna.invites("102")
    lab.advance(0.3)
    assert watch.note == "On the phone (office). Next call: anna at office"
    carla.call.answer()
    lab.advance(0.3)
    assert watch.note == "On the phone (office). Next call: dario"
    laptop = lab.phone("dario-laptop")
    lab.advance(0.3)
    call = lab.phone("anna-mobile").invites("101")
    lab.advance()
    assert dario.call.state == laptop.call.state == "ringing"
    call.cancel()
    talk.bye()
    lab.advance()
    assert watch.note == "Available (office). Next call: anna at office"
    lab.at_rest()


def act(lab: Lab, action: str, target: str = "", hours: float = 0.0) -> None:
    until = lab.clock.wall() + hours * 3600 if hours else 0.0
    problems: list[str] = []
    wall = lab.clock.wall()
    lab.switch.overrides.act("acme.example", "anna", action, target, until, "anna-desk", wall, problems.append)
    assert problems == [""]
    lab.advance(0.3)


def test_what_she_set_is_seen_at_once_and_its_end_too() -> None:
    lab = Lab()
    lab.phone("anna-desk")
    mobile, carla = lab.phone("anna-mobile"), lab.phone("carla-home")
    watch = carla.watches_over("101", "presence", 7200)
    lab.advance(0.3)
    assert watch.note == "Available (office). Next call: anna at office"
    act(lab, "do not disturb", hours=1)
    assert watch.note == "Do not disturb (office). until 11:00"
    lab.advance(3599)
    assert watch.note.startswith("Do not disturb")
    lab.advance(1.2)
    assert watch.note == "Available (office). Next call: anna at office"
    act(lab, "I am at", "mobile")
    assert watch.note == "Available (mobile). Next call: anna at mobile"
    mobile.registers(0)
    lab.advance(0.3)
    assert watch.note.startswith("Available (mobile)")  # she said so
    act(lab, "forward all", "102")
    assert watch.note == "Available (mobile). Next call: carla"
    act(lab, "forward none")
    lab.starts_switch()
    lab.advance(1)
    assert watch.note.startswith("Available (mobile)")  # over a restart
