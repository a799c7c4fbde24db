"""Watchers after a crash: they are told how things stand, and go on being told."""

from __future__ import annotations

from lab import Lab, Phone


def test_watchers_are_told_on(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    state, lamp = carla.watches_over("101"), carla.watches_over("101", "dialog")
    lab.advance()
    numbers = [one.notified[-1].cseq[0] for one in (state, lamp)]
    lab.starts_switch()
    lab.advance(1)
    assert [one.notified[-1].cseq[0] > number for one, number in zip((state, lamp), numbers, strict=True)] == [True] * 2
    assert 'version="0"' not in lamp.body
    assert state.note.startswith("Available (office)")
    call = dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert lamp.lamp == "on"
    state.subscribe()
    lab.advance()
    assert state.exchange.status == 200
    call.bye()
    lab.advance()
    assert lamp.lamp == "off"
    # Twice in a row, without a refresh between.
    for _ in range(2):
        number = lamp.cseq
        lab.starts_switch()
        lab.advance(1)
        assert lamp.cseq > number
    lab.advance(3700)
    assert lamp.state == "terminated;reason=timeout"
    assert list(lab.presence_store._subscriptions) == [] or all(
        row.package == "presence" for row in lab.presence_store._subscriptions.values()
    )


def test_a_lamp_burns_on_and_goes_out(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    """The call runs between the phones all the while."""
    lamp, state = carla.watches_over("101", "dialog"), carla.watches_over("103")
    call = dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert lamp.lamp == "on"
    lab.starts_switch()
    lab.advance(1)
    assert lamp.lamp == "on"
    assert state.note.startswith("On the phone")
    call.bye()
    lab.advance()
    assert lamp.lamp == "off"
    assert state.note.startswith("Available")
    lab.at_rest()


def test_somebody_gone_from_the_dialplan(lab: Lab, carla: Phone) -> None:
    from lab.lab import OFFICE

    from softswitch.dialplan.load import load_texts

    watch, kept = carla.watches_over("103"), carla.watches_over("101")
    lab.advance()
    without = OFFICE.replace("  dario: ", "  emil: ").replace("dario", "emil").replace("number: 103", "number: 104")
    lab.switch.core.use_plans(load_texts([("office.yaml", without)])[0])
    lab.advance()
    assert watch.state == "terminated;reason=noresource"
    assert watch.body == ""
    assert kept.state.startswith("active")
    assert len(lab.switch.presence) == 1
