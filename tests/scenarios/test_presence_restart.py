"""Watchers after a crash: they are told how things stand, and go on being told."""

from __future__ import annotations

import pytest
from lab import Lab, Phone, Provider

from .test_trunks import OFFICE as TRUNK_OFFICE


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


@pytest.mark.parametrize("tcp", [False, True])
def test_a_lamp_that_should_have_gone_out(lab: Lab, tcp: bool) -> None:
    """The crash comes before the hang-up is on disk: the phones are asked, and say that they are in no such call."""
    anna, carla, dario = lab.phone("anna-desk", tcp=tcp), lab.phone("carla-home"), lab.phone("dario-home", tcp=tcp)
    lamp, state = carla.watches_over("101", "dialog"), carla.watches_over("103")
    call = dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    call.bye()
    lab.advance(0.05)
    assert lab.records()[0].ended_at == 0
    lab.starts_switch()
    for phone in (anna, dario):
        if phone.stream is not None:
            phone.stream.close()
            phone.registers()
    lab.advance(0.5 if not tcp else 61)
    assert lamp.lamp == "off"
    assert state.note.startswith("Available")
    assert [(one.outcome, one.ended_at > 0) for one in lab.records()] == [("answered", True)]
    lab.at_rest()


def test_phones_in_a_call_are_asked_and_go_on(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    lamp, own = carla.watches_over("101", "dialog"), lab.phone("anna-mobile").watches_over("101", "dialog")
    call = dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    lab.starts_switch()
    lab.advance(3599)
    assert lamp.lamp == "on"
    assert len(anna.requests_of("INFO")) == len(dario.requests_of("INFO")) == 63
    assert {one.cseq[0] for one in anna.requests_of("INFO")} == {0}
    # Who wants to pick the call up, or to know which it is, finds it by these.
    assert f'local-tag="{anna.call.local_tag.decode()}" remote-tag="{call.local_tag.decode()}"' in own.body
    call.bye()
    lab.advance()
    assert lamp.lamp == "off"
    lab.advance(120)
    assert len(anna.requests_of("INFO")) == 63
    lab.at_rest()


def test_both_phones_are_dead(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    lamp = carla.watches_over("101", "dialog")
    dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    lab.starts_switch()
    anna.switches_off()
    dario.switches_off()
    lab.advance(100)
    assert lamp.lamp == "on"
    lab.advance(100)
    assert lamp.lamp == "off"
    assert [one.outcome for one in lab.records()] == ["lost"]
    lab.at_rest()


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_call_over_a_trunk_over_a_crash(hangs_up: bool) -> None:
    """The bridge went with the switch; Anna's phone shows as talking for as long as it is off the hook."""
    lab = Lab(TRUNK_OFFICE)
    anna, carla, city = lab.phone("anna-desk"), lab.phone("carla-home"), Provider(lab)
    lamp = carla.watches_over("101", "dialog")
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()
    assert lamp.lamp == "on"
    lab.starts_switch()
    lab.advance(60)
    assert lamp.lamp == "on"
    if hangs_up:
        assert call.bye().status == 0
        lab.advance()
    else:
        anna.registers(0)
        anna.switches_off()
        lab.advance(400)
    assert lamp.lamp == "off"
    assert {one.outcome for one in lab.records()} == {"answered" if hangs_up else "lost"}


def test_both_phones_die_without_a_crash(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    """Nobody hangs up, ever: the pings find the phones dead, then their call is asked about."""
    lamp = carla.watches_over("101", "dialog")
    call = dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance(100)
    assert not anna.requests_of("INFO")  # as long as they are there nobody is asked
    anna.switches_off()
    lab.advance(200)
    assert lamp.lamp == "on"  # Dario is in it still, and says so
    assert dario.requests_of("INFO")
    assert call.state == "answered"
    dario.switches_off()
    lab.advance(400)
    assert lamp.lamp == "off"
    assert [one.outcome for one in lab.records()] == ["lost"]
    lab.at_rest()


def test_a_phone_that_was_away_is_back_in_its_call(lab: Lab, anna: Phone, carla: Phone) -> None:
    dario = lab.phone("dario-home", tcp=True)
    lamp = carla.watches_over("103", "dialog")
    call = dario.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert dario.stream is not None
    dario.stream.close()
    lab.advance(30)
    dario.registers()
    lab.advance(200)
    assert (lamp.lamp, call.state) == ("on", "answered")
    call.bye()
    lab.advance()
    assert lamp.lamp == "off"
    lab.at_rest()
