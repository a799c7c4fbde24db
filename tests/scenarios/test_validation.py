"""What a proxy looks at before it forwards, in its order, and who may ask at all (RFC 3261 §16.3, §22.3)."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.exchange import Exchange
from lab.lab import OFFICE

STRANGER = "192.0.2.200"


def header(exchange: Exchange, key: bytes) -> bytes:
    assert exchange.final is not None
    return exchange.final.get(key) or b""


# -- the order


@pytest.mark.parametrize(
    ("uri", "lines", "status"),
    [
        (b"mailto:anna@acme.example", ("Max-Forwards: 0", "Proxy-Require: x"), 416),
        (b"sip:101@acme.example", ("Max-Forwards: 0", "Proxy-Require: x"), 483),
        (b"sip:101@acme.example", ("Proxy-Require: x",), 420),
        (b"sip:101@acme.example", (), 407),
        (b"sip:101@acme.example", ("Max-Forwards: 300",), 400),
        (b"sip:101@acme.example", ("Max-Forwards: abc",), 400),
    ],
)
def test_the_order_of_validation(lab: Lab, uri: bytes, lines: tuple[str, ...], status: int) -> None:
    stranger = lab.phone("nobody", STRANGER, registered=False, password="")
    call = stranger.sends("MESSAGE", "sip:101@acme.example", *lines, uri=uri)
    lab.advance()
    assert call.status == status
    lab.at_rest()


def test_a_420_names_what_is_not_supported(lab: Lab, carla: Phone) -> None:
    exchange = carla.sends("MESSAGE", "101", "Proxy-Require: foo, bar")
    lab.advance()
    assert header(exchange, b"unsupported") == b"foo, bar"


def test_hops_are_counted_down(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.sends("MESSAGE", "101", "Max-Forwards: 5")
    carla.sends("MESSAGE", "101", "Max-Forwards: 1")
    lab.advance()
    assert sorted(request.max_forwards or 0 for request in anna.requests_of("MESSAGE")) == [0, 4]


def test_a_loop_is_noticed_and_a_spiral_is_not(lab: Lab, carla: Phone) -> None:
    """RFC 5393 §4.2: dario's phone sends the request back to us; with another Request-URI it may pass."""
    dario = lab.phone("dario-home")
    lab.directory.peers[dario.host] = "mirror"
    turn: list[bytes] = []

    def back(uri: bytes) -> None:
        def mirror(data: bytes, source: tuple[str, int]) -> None:
            if data.startswith(b"INFO") and len(turn) < 50:
                turn.append(data)
                _, _, rest = data.partition(b" SIP/2.0\r\n")
                via = b"Via: SIP/2.0/UDP %b;branch=z9hG4bKm%d\r\n" % (dario.host.encode(), len(turn))
                dario._send(b"INFO " + uri + b" SIP/2.0\r\n" + via + rest)
            elif data.startswith(b"SIP/2.0"):
                head, _, rest = data.partition(b"Via: ")
                dario._send(head + rest.partition(b"\r\n")[2])

        lab.wire.ends[dario.host, dario.port] = mirror

    back(b"sip:103@acme.example")
    exchange = carla.sends("INFO", "103")
    lab.advance(5)
    assert exchange.status == 482
    assert len(turn) == 1
    turn.clear()
    anna = lab.phone("anna-desk")
    back(b"sip:101@acme.example")
    exchange = carla.sends("INFO", "103")
    lab.advance(5)
    assert exchange.status == 200
    assert len(anna.requests_of("INFO")) == 1


# -- who is asked for a password


def test_a_stranger_is_challenged_whatever_he_dials(lab: Lab, anna: Phone) -> None:
    stranger = lab.phone("nobody", STRANGER, registered=False, password="")
    for number in ("101", "600", "999", "200"):
        call = stranger.invites(number)
        lab.advance()
        assert call.status == 407, number
    for method in ("MESSAGE", "OPTIONS", "SUBSCRIBE", "PUBLISH", "JUMP"):
        exchange = stranger.sends(method, "101")
        lab.advance()
        assert exchange.status == 407, method
    options = stranger.sends("OPTIONS", "sip:acme.example")
    lab.advance()
    assert options.status == 401
    assert not anna.requests
    lab.at_rest()


def test_a_wrong_password_and_an_unknown_account_look_alike(lab: Lab) -> None:
    answers = []
    for account, password in (("carla-home", "wrong"), ("no-such-phone", "wrong")):
        phone = lab.phone(account, registered=False, password=password)
        registration = phone.registers()
        lab.advance()
        final = registration.final
        assert final is not None
        answers.append((final.status, final.start, final.keys))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


def test_a_refused_stranger_leaves_nothing_behind(lab: Lab) -> None:
    stranger = lab.phone("nobody", STRANGER, registered=False, password="")
    for _ in range(20):
        stranger.invites("101")
    lab.advance(0.1)
    assert not lab.switch.layer.servers
    assert not list(lab.switch.core.calls)


def test_a_peer_is_served_without_a_password(lab: Lab, anna: Phone) -> None:
    peer = lab.phone("trunk", STRANGER, registered=False, password="", site="provider.example")
    lab.directory.peers[STRANGER] = "provider"
    call = peer.invites("sip:101@acme.example")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert call.invitation is not None
    assert 407 not in call.invitation.statuses
    call.bye()
    lab.at_rest()


def test_credentials_for_us_end_here(lab: Lab, anna: Phone, carla: Phone) -> None:
    claims = [f"{name}: <sip:boss@acme.example>" for name in ("P-Asserted-Identity", "Remote-Party-ID")]
    carla.invites("101", *claims, "P-Preferred-Identity: <sip:boss@acme.example>")
    lab.advance()
    invite = anna.requests_of("INVITE")[0]
    assert not invite.has(b"proxy-authorization")
    assert b"boss" not in invite.to_bytes(), "who a phone claims to be is believed of listed peers only"


# -- From


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("<sip:102@acme.example>", 0),
        ("<sip:carla@acme.example>", 0),
        ("<sip:carla-home@acme.example>", 0),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', 0),
        ("<sip:anonymous@acme.example>", 0),
        ("<tel:102>", 0),
        ("<sip:101@acme.example>", 403),
        ("<sip:102@elsewhere.example>", 403),
        ("<tel:101>", 403),
        ("<sip:acme.example>", 403),
        ("<http://acme.example>", 403),
    ],
)
def test_a_phone_shows_its_person_or_nobody(lab: Lab, anna: Phone, carla: Phone, sender: str, status: int) -> None:
    call = carla.invites("101", sender=sender)
    lab.advance()
    assert call.status == status
    assert bool(anna.calls) == (status == 0)


def test_a_gateway_may_show_any_caller(lab: Lab, anna: Phone) -> None:
    gate = lab.phone("gate", registered=False)
    gate.invites("101", sender="<sip:+4930123456@provider.example>")
    lab.advance()
    assert anna.call.remote_uri() == b"sip:+4930123456@provider.example"


def test_a_phone_registers_its_own_person_only(lab: Lab) -> None:
    carla = lab.phone("carla-home", registered=False, number="101")
    registration = carla.registers()
    lab.advance()
    assert registration.status == 403
    carla.number = "102"
    registration = carla.registers()
    lab.advance()
    assert registration.status == 200


# -- what is dialled


@pytest.mark.parametrize(
    "uri",
    [
        b"sip:101@acme.example",
        b"sip:%31%30%31@acme.example",
        b"sip:anna@ACME.example",
        b"sip:101@192.0.2.1",
        b"sip:101@192.0.2.1:5060;transport=udp",
        b"sip:101:secret@acme.example;user=phone",
        b"tel:101",
        b"tel:101;phone-context=acme.example",
    ],
)
def test_many_ways_to_dial_the_same(lab: Lab, anna: Phone, carla: Phone, uri: bytes) -> None:
    carla.invites("101", uri=uri)
    lab.advance()
    assert anna.call.state == "ringing"


def test_the_callee_sees_the_contact_it_registered(lab: Lab, anna: Phone, carla: Phone) -> None:
    contact = b"<sip:anna%40desk;x=1@" + anna.host.encode() + b":5060;ob;line=a%20b>"
    anna.registers(contact=contact)
    anna.registers(0)
    lab.advance()
    carla.invites("101")
    lab.advance()
    assert b"<" + anna.requests_of("INVITE")[-1].uri + b">" == contact


def test_other_domains_are_not_served_unless_it_is_said(lab: Lab, carla: Phone) -> None:
    call = carla.invites("sip:somebody@elsewhere.example")
    lab.advance()
    assert call.status == 403


def test_methods_that_need_a_dialog_are_refused_without_one(lab: Lab, carla: Phone) -> None:
    for method in ("BYE", "PRACK", "UPDATE"):
        exchange = carla.sends(method, "101")
        lab.advance()
        assert exchange.status == 481, method


def test_a_cancel_for_nothing_is_481(lab: Lab, carla: Phone) -> None:
    exchange = carla.sends("CANCEL", "101")
    lab.advance()
    assert exchange.status == 481
    lab.at_rest()


# -- two firms on one switch

TWO = [
    OFFICE,
    """
site: {domain: beta.example, timezone: Europe/Berlin, country: DE}
people:
  bert: {number: 101, places: {desk: {phone: desk}}}
  bea: {number: 102, places: {desk: {phone: carla-home}}}
phones: {desk: {secret: x}, carla-home: {secret: y}}
""",
]


def test_two_firms_both_own_101_and_never_mix() -> None:
    lab = Lab(TWO)
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    bert = lab.phone("desk", number="101", site="beta.example")
    bea = lab.phone("carla-home", number="102", site="beta.example")
    carla.invites("101")
    lab.advance()
    assert anna.call.state == "ringing"
    assert not bert.calls
    bea.invites("101")
    lab.advance()
    assert bert.call.state == "ringing"
    assert len(anna.calls) == 1
    bea.invites("103", uri=b"tel:101")
    lab.advance()
    assert len(bert.calls) == 2
    carla.invites("sip:101@beta.example")
    lab.advance()
    assert len(bert.calls) == 3
