"""Anna is watched: her phone comes, takes a call, hangs up, dies; lamps and presence follow at once."""

from __future__ import annotations

import re

from lab import Lab, Phone


def test_the_day_of_a_lamp(lab: Lab, carla: Phone, dario: Phone) -> None:
    state, lamp = carla.watches_over("101"), carla.watches_over("101", "dialog")
    lab.advance()
    assert state.exchange.status == lamp.exchange.status == 200
    assert state.state == lamp.state == "active;expires=3600"
    assert state.note == "Offline"
    assert lamp.lamp == "off"
    anna = lab.phone("anna-desk")
    lab.advance(0.2)
    assert state.note == "Available (office). Next call: anna at office"
    call = dario.invites("101")
    lab.advance(0.3)
    assert lamp.lamp == "blinking"
    assert state.note.startswith("Available")
    anna.call.answer()
    lab.advance(0.3)
    assert lamp.lamp == "on"
    assert state.note.startswith("On the phone (office)")
    call.bye()
    lab.advance(0.3)
    assert lamp.lamp == "off"
    assert "terminated" in lamp.body
    assert state.note.startswith("Available")
    anna.registers(0)
    lab.advance(0.3)
    assert state.note == "Offline"
    assert [int(one.cseq[0]) for one in state.notified] == sorted(one.cseq[0] for one in state.notified)


# -- subscriptions (RFC 6665)


def test_refresh_expiry_and_unsubscribe(lab: Lab, carla: Phone) -> None:
    watch = carla.watches_over("101", seconds=600)
    lab.advance()
    assert len(watch.notified) == 1
    lab.advance(400)
    watch.subscribe(600)
    lab.advance()
    assert watch.exchange.status == 200
    assert watch.state == "active;expires=600"
    assert len(watch.notified) == 2  # a refresh is always told the state
    lab.advance(590)
    assert watch.state == "active;expires=600"
    lab.advance(12)
    assert watch.state == "terminated;reason=timeout"
    watch.subscribe(600)
    lab.advance()
    assert watch.exchange.status == 481
    other = carla.watches_over("102")
    lab.advance()
    other.subscribe(0)
    lab.advance()
    assert other.exchange.status == 200
    assert other.state == "terminated;reason=timeout"
    assert not len(lab.switch.presence)
    lab.at_rest()


def test_a_fetch_is_answered_once(lab: Lab, anna: Phone, carla: Phone) -> None:
    watch = carla.watches_over("101", seconds=0)
    lab.advance()
    assert watch.exchange.status == 200
    assert watch.note.startswith("Available (office)")
    assert watch.state == "terminated;reason=timeout"
    anna.registers(0)
    lab.advance()
    assert len(watch.notified) == 1
    lab.at_rest()


def test_what_is_refused(lab: Lab, carla: Phone) -> None:
    cases = {
        ("101", "conference", 3600, ()): 489,
        ("101", "", 3600, ()): 489,
        ("101", "presence", 59, ()): 423,
        ("101", "presence;max-rate=0", 3600, ()): 400,
        ("101", "presence", 3600, ("Accept: application/dialog-info+xml",)): 406,
        ("999", "presence", 3600, ()): 404,
        ("600", "presence", 3600, ()): 404,
        ("101", "reg", 3600, ()): 403,
        ("200", "reg", 3600, ()): 489,
    }
    for (to, event, seconds, extra), status in cases.items():
        watch = carla.watches_over(to, event, seconds, *extra)
        lab.advance()
        assert watch.exchange.status == status, (to, event, seconds)
        final = watch.exchange.final
        assert final is not None
        if status == 489:
            assert b"presence" in final.values(b"allow-events")
        if status == 423:
            assert final.get(b"min-expires") == b"60"
    unknown = carla.sends("SUBSCRIBE", "sip:presence@192.0.2.1", "Event: presence", b"Contact: " + carla.contact)
    lab.advance()
    assert unknown.status == 404
    assert not len(lab.switch.presence)
    lab.at_rest()


def test_no_more_than_asked_for_and_the_newest_in_the_end(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    """Throttling (RFC 6446 §5)."""
    watch = carla.watches_over("101", "presence;max-rate=0.2")
    lab.advance(10)
    before = len(watch.notified)
    for _ in range(4):
        anna.registers(0)
        lab.advance(1)
        anna.registers()
        lab.advance(1)
    anna.registers(0)
    lab.advance(6)
    assert watch.note == "Offline"
    assert len(watch.notified) - before <= 3
    gaps = [b - a for a, b in zip(watch.heard_at[1:], watch.heard_at[2:], strict=False)]
    assert min(gaps) > 4.9
    assert re.fullmatch(r"active;expires=\d+;max-rate=0\.2", watch.state)


def test_at_least_as_often_as_asked_for(lab: Lab, carla: Phone) -> None:
    watch = carla.watches_over("101", "presence;min-rate=0.1")
    lab.advance(35)
    assert len(watch.notified) == 4
    assert watch.state == "active;expires=3570;min-rate=0.1"


def test_partial_documents(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    """A team's calls: who is known to want all of them at once gets that, others what changed (RFC 4235 §4.3)."""
    desk = lab.phone("anna-mobile")
    other = desk.watches_over("200", "dialog", 3600, "User-Agent: Panel/2.1")
    snom, silent = (
        desk.watches_over("200", "dialog", 3600, "User-Agent: snomD785/10"),
        desk.watches_over("200", "dialog"),
    )
    known: dict[str, str] = {}
    versions = []
    partial = 0

    def read() -> None:
        nonlocal partial
        for notify in other.notified[len(versions) :]:
            text = notify.body.decode()
            versions.append(int((re.search(r'version="(\d+)"', text) or ["", ""])[1]))
            if 'state="full"' in text:
                known.clear()
            partial += 'state="partial"' in text
            known.update(re.findall(r'<dialog id="([^"]*)".*?<state>(\w+)</state>', text))

    calls = []
    for number in range(3):
        calls.append(carla.invites("600"))
        lab.advance()
        read()
        assert list(known.values()).count("confirmed") == number + 1
    for call in calls:
        call.bye()
        lab.advance()
        read()
    assert "confirmed" not in known.values()
    assert partial >= 3
    assert versions == list(range(versions[0], versions[0] + len(versions)))
    for watch in (snom, silent):
        assert all('state="full"' in notify.body.decode() for notify in watch.notified)
    other.subscribe()
    lab.advance()
    assert 'state="full"' in other.body


def test_a_notify_that_fails_ends_the_subscription_and_blocks_nobody(lab: Lab, carla: Phone, dario: Phone) -> None:
    deaf, well, gone = carla.watches_over("101"), dario.watches_over("101"), carla.watches_over("101", "dialog")
    lab.advance()
    deaf.answers = (0, ())
    gone.answers = (481, ())
    anna = lab.phone("anna-desk")
    lab.advance(0.2)
    assert well.note.startswith("Available")
    call = dario.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert well.note.startswith("On the phone")
    assert len(lab.switch.presence) == 2  # the one that refused is over
    lab.advance(40)
    assert len(lab.switch.presence) == 1
    deaf.subscribe()
    lab.advance()
    assert deaf.exchange.status == 481
    call.bye()
    lab.advance()
    assert well.note.startswith("Available")


def test_a_watcher_whose_connection_closed_is_told_when_he_is_back(lab: Lab, dario: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    watch = carla.watches_over("101")
    lab.advance()
    assert carla.stream is not None
    carla.stream.close()
    lab.wire.accepting.clear()  # behind a router: nobody can connect to her
    lab.advance()
    lab.phone("anna-desk")
    lab.advance()
    assert watch.note == "Offline"
    carla.registers()
    lab.advance()
    assert watch.note.startswith("Available (office)")
    assert len(lab.switch.presence) == 1


def test_a_storm_of_subscriptions_is_throttled_and_others_are_served(lab: Lab, anna: Phone, carla: Phone) -> None:
    watches = [carla.watches_over("101") for _ in range(400)]
    lab.advance(2)
    statuses = [one.exchange.status for one in watches]
    assert 200 in statuses
    assert 503 in statuses
    refused = next(one.exchange.final for one in watches if one.exchange.status == 503)
    assert refused is not None
    assert refused.get(b"retry-after") == b"10"
    other = anna.watches_over("102")
    lab.advance(0.3)
    assert other.exchange.status == 200
    assert len(lab.switch.presence) <= 301


def test_a_bye_that_overtakes_its_200_leaves_no_lamp_burning(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    lamp = anna.watches_over("103", "dialog")
    call = dario.invites("102")
    lab.advance()
    assert lamp.lamp == "blinking"
    sends = carla.sender
    carla.sender = lambda data: None if data.startswith(b"SIP/2.0 200") else sends(data)
    carla.call.answer()
    lab.advance(0.1)
    carla.call.bye()
    lab.advance(0.1)
    carla.sender = sends
    lab.advance(5)
    assert lamp.lamp == "off"
    assert not list(lab.switch.core.calls)
    assert lab.records()[-1].outcome == "answered"
    assert call.why == "they hung up"
    lab.at_rest()


# -- the other packages


def test_message_summary_of_somebody_without_mailbox(lab: Lab, carla: Phone) -> None:
    watch = carla.watches_over("102", "message-summary")
    lab.advance()
    assert watch.body == (
        "Messages-Waiting: no\r\nMessage-Account: sip:102@acme.example\r\nVoice-Message: 0/0 (0/0)\r\n"
    )


def test_registrations_are_for_oneself(lab: Lab, anna: Phone) -> None:
    watch = anna.watches_over("101", "reg")
    lab.advance()
    assert watch.body.count("<contact ") == 1
    mobile = lab.phone("anna-mobile")
    lab.advance(0.3)
    assert watch.body.count("<contact ") == 2
    mobile.registers()
    lab.advance(0.3)
    assert len(watch.notified) == 2  # a refresh is no news
    mobile.registers(0)
    lab.advance(0.3)
    assert watch.body.count("<contact ") == 1


def test_one_sees_who_watches(lab: Lab, anna: Phone, carla: Phone) -> None:
    winfo = anna.watches_over("101", "presence.winfo")
    lab.advance()
    assert "<watcher " not in winfo.body
    watch = carla.watches_over("101")
    lab.advance()
    assert "sip:102@acme.example" in winfo.body
    watch.subscribe(0)
    lab.advance()
    assert "<watcher " not in winfo.body
    other = carla.watches_over("101", "presence.winfo")
    lab.advance()
    assert other.exchange.status == 403


def test_a_team_as_a_list_and_as_one(lab: Lab, anna: Phone, carla: Phone) -> None:
    listed = anna.watches_over("200", "presence", 3600, "Supported: eventlist")
    whole = anna.watches_over("200")
    lamp = anna.watches_over("200", "dialog")
    lab.advance()
    final = listed.exchange.final
    assert final is not None
    assert final.get(b"require") == b"eventlist"
    assert "sip:102@acme.example" in listed.body
    assert listed.body.count("<basic>open</basic>") == 1
    assert whole.note == "Available"
    lab.phone("dario-home")
    lab.advance(0.3)
    assert listed.body.count("<basic>open</basic>") == 2
    call = anna.invites("102")
    lab.advance()
    carla.call.answer()
    lab.advance()
    assert "on-the-phone" in listed.body
    assert lamp.lamp == "on"
    assert whole.note == "Available"  # Dario is
    call.bye()
    lab.advance()
    assert lamp.lamp == "off"


# -- who sees what


def test_with_whom_is_for_the_team_alone(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    colleague, neighbour = dario.watches_over("102", "dialog"), anna.watches_over("102", "dialog")
    lab.advance()
    call = anna.invites("102")
    lab.advance()
    carla.call.answer()
    lab.advance()
    assert colleague.lamp == neighbour.lamp == "on"
    assert "sip:101@acme.example" in colleague.body
    assert call.call_id.decode() in colleague.body
    assert "sip:101@acme.example" not in neighbour.body
    assert call.call_id.decode() not in neighbour.body
    call.bye()
    lab.advance()
