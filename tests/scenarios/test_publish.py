"""What devices publish (RFC 3903): entity tags, several devices, bad documents."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.exchange import Exchange

PIDF = "Content-Type: application/pidf+xml"


def pidf(basic: str = "open", activity: str = "", note: str = "") -> bytes:
    person = f"<r:activities><r:{activity}/></r:activities>" if activity else ""
    noted = f"<m:note>{note}</m:note>" if note else ""
    return (
        '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
        'xmlns:m="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" '
        f'entity="sip:101@acme.example"><tuple id="t"><status><basic>{basic}</basic></status></tuple>'
        f'<m:person id="p">{person}{noted}</m:person></presence>'
    ).encode()


def publishes(phone: Phone, body: bytes = b"", *lines: str, to: str = "101") -> Exchange:
    more = (PIDF,) if body else ()
    exchange = phone.sends("PUBLISH", to, "Event: presence", *more, *lines, body=body)
    phone.lab.advance(0.3)
    return exchange


def tag_of(exchange: Exchange) -> str:
    assert exchange.final is not None
    return (exchange.final.get(b"sip-etag") or b"").decode()


def test_publish_refresh_modify_remove(lab: Lab, anna: Phone, carla: Phone) -> None:
    watch = carla.watches_over("101")
    lab.advance()
    first = publishes(anna, pidf(activity="meeting", note="with a customer"), "Expires: 300")
    assert first.status == 200
    assert watch.note == "Busy (office). with a customer. Next call: anna at office"
    told = len(watch.notified)
    lab.advance(200)
    second = publishes(anna, b"", f"SIP-If-Match: {tag_of(first)}", "Expires: 300")
    assert second.status == 200
    assert tag_of(second) != tag_of(first)
    assert len(watch.notified) == told
    lab.advance(200)
    assert watch.note.startswith("Busy")
    third = publishes(anna, pidf(activity="lunch"), f"SIP-If-Match: {tag_of(second)}", "Expires: 300")
    assert watch.note.startswith("Away")
    gone = publishes(anna, b"", f"SIP-If-Match: {tag_of(second)}", "Expires: 300")
    assert gone.status == 412
    removed = publishes(anna, b"", f"SIP-If-Match: {tag_of(third)}", "Expires: 0")
    assert removed.status == 200
    assert watch.note.startswith("Available")
    again = publishes(anna, pidf(activity="busy"), "Expires: 300")
    assert again.status == 200
    assert watch.note.startswith("Busy")
    lab.advance(301)
    assert watch.note.startswith("Available")
    lab.at_rest()


def test_several_devices(lab: Lab, anna: Phone, carla: Phone) -> None:
    watch = carla.watches_over("101")
    mobile = lab.phone("anna-mobile")
    away = publishes(mobile, pidf(activity="away"))
    assert away.status == 200
    assert watch.note.startswith("Away")
    busy = publishes(anna, pidf(activity="busy"))
    assert watch.note.startswith("Busy")
    publishes(anna, pidf(), f"SIP-If-Match: {tag_of(busy)}")
    assert watch.note.startswith("Available")
    # One phone can't touch what another said.
    assert publishes(anna, b"", f"SIP-If-Match: {tag_of(away)}", "Expires: 0").status == 412
    # What a phone said is gone with it.
    anna.registers(0)
    lab.advance(0.3)
    assert watch.note.startswith("Away (mobile)")
    mobile.registers(0)
    lab.advance(0.3)
    assert watch.note == "Offline"


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:101@x">'
    b"<note>&c;</note></presence>"
)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"hello", 400, b"Malformed XML: Line 1"),
        (b"<presence/>", 400, b"Not a PIDF Document"),
        (b'<presence xmlns="urn:ietf:params:xml:ns:pidf"/>', 400, b"PIDF Without entity"),
        (pidf("perhaps"), 400, b"PIDF basic Is open or closed"),
        (pidf().replace(b' id="t"', b""), 400, b"PIDF Tuple Without id or status"),
        (BOMB, 400, b"No DTD Allowed in PIDF"),
        (pidf(note="x" * 70_000), 413, b"Request Entity Too Large"),
    ],
)
def test_bad_documents_change_nothing(
    lab: Lab, anna: Phone, carla: Phone, body: bytes, status: int, reason: bytes
) -> None:
    watch = carla.watches_over("101")
    good = publishes(anna, pidf(activity="busy"))
    told = len(watch.notified)
    for lines in ((), (f"SIP-If-Match: {tag_of(good)}",)):
        refused = publishes(anna, body, *lines)
        assert refused.status == status
        assert refused.final is not None
        assert refused.final.reason == reason
    assert len(watch.notified) == told
    assert publishes(anna, b"", f"SIP-If-Match: {tag_of(good)}").status == 200


def test_only_for_oneself(lab: Lab, anna: Phone, carla: Phone) -> None:
    assert publishes(carla, pidf()).status == 403
    assert publishes(carla, pidf(), to="200").status == 403
    assert publishes(carla, pidf(), to="999").status == 404
    assert publishes(carla, b"", to="102").status == 400
    other = carla.sends("PUBLISH", "102", "Event: reg", "Content-Type: application/reginfo+xml", body=b"<x/>")
    lab.advance()
    assert other.status == 489
    text = carla.sends("PUBLISH", "102", "Event: presence", "Content-Type: text/plain", body=b"here")
    lab.advance()
    assert text.status == 415
    short = publishes(carla, pidf(), "Expires: 10", to="102")
    assert short.status == 423


def test_a_publication_outlives_a_restart(lab: Lab, anna: Phone, carla: Phone) -> None:
    first = publishes(anna, pidf(activity="busy", note="do not ask"))
    watch = carla.watches_over("101")
    lab.advance()
    lab.starts_switch()
    anna_again = publishes(anna, b"", f"SIP-If-Match: {tag_of(first)}")
    assert anna_again.status == 200
    lab.advance()
    assert watch.note.startswith("Busy (office). do not ask")


def dialog_info(*dialogs: str, state: str = "full") -> bytes:
    return (
        '<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" '
        f'state="{state}" entity="sip:anna@acme.example">{"".join(dialogs)}</dialog-info>'
    ).encode()


def dialog(state: str, name: str = "1") -> str:
    remote = "<remote><identity>sip:peter@partner.example</identity></remote>"
    return f'<dialog id="{name}" call-id="c" direction="initiator"><state>{state}</state>{remote}</dialog>'


def tells_calls(lab: Lab, phone: Phone, body: bytes, *extra: str) -> Exchange:
    kind = "Content-Type: application/dialog-info+xml"
    made = phone.sends("PUBLISH", "101", "Event: dialog", kind, *extra, body=body)
    lab.advance()
    return made


def test_calls_of_another_network(lab: Lab, anna: Phone, carla: Phone) -> None:
    """A desk phone with a second line tells of its calls there (RFC 4235 by RFC 3903)."""
    lamp, state = carla.watches_over("101", "dialog"), carla.watches_over("101")
    own = lab.phone("anna-mobile").watches_over("101", "dialog")
    lab.advance()
    first = tells_calls(lab, anna, dialog_info(dialog("Early")))
    assert (first.status, lamp.lamp) == (200, "blinking")
    second = tells_calls(lab, anna, dialog_info(dialog("confirmed")), f"SIP-If-Match: {tag_of(first)}")
    assert lamp.lamp == "on"
    assert state.note.startswith("On the phone (office)")
    assert "peter" not in lamp.body
    assert 'call-id="c"' not in lamp.body
    assert "<identity>sip:peter@partner.example</identity>" in own.body
    lab.starts_switch()
    lab.advance(1)
    assert lamp.lamp == "on"
    third = tells_calls(lab, anna, dialog_info(dialog("terminated")), f"SIP-If-Match: {tag_of(second)}", "Expires: 11")
    assert third.status == 200
    assert lamp.lamp == "off"
    assert state.note.startswith("Available")
    # A tag of one event package is none of another.
    assert publishes(anna, pidf(), f"SIP-If-Match: {tag_of(third)}").status == 412
    lab.advance(3700)
    assert not list(lab.switch.presence.publications)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<x/>", b"Not a dialog-info Document"),
        (dialog_info(state="partial"), b"Publish the Full State"),
        (dialog_info(dialog("asleep")), b"Dialog Without id or state"),
        (dialog_info(dialog("early", "")), b"Dialog Without id or state"),
        (dialog_info(*[dialog("early")] * 51), b"Too Many Dialogs"),
        (dialog_info("<a>" * 60 + "</a>" * 60), b"dialog-info Too Deep"),
        (BOMB, b"No DTD Allowed in dialog-info"),
    ],
)
def test_bad_dialogs(lab: Lab, anna: Phone, body: bytes, reason: bytes) -> None:
    refused = tells_calls(lab, anna, body)
    assert refused.final is not None
    assert (refused.status, refused.final.reason) == (400, reason)
