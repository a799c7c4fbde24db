"""The parts of the proxy one by one: what is spliced, which Route is ours, the best answer, loops, running calls."""

from __future__ import annotations

import pytest

from softswitch.errors import PeerError
from softswitch.events import Bus, CallChanged
from softswitch.proxy.best import best_of, merged_challenges
from softswitch.proxy.calls import LONGEST_SECONDS, Call, Calls
from softswitch.proxy.forward import forward_request, forward_response
from softswitch.proxy.route import Addresses, preprocess
from softswitch.proxy.token import Tokens
from softswitch.proxy.validate import check_hops, check_loop, check_scheme, loop_mark
from softswitch.records.diary import Diary
from softswitch.sip.message import Request
from softswitch.sip.parse import parse
from softswitch.sip.uri import parse_uri

from .messages import FLOW, PUBLIC, SIX, TCP, UDP, request, response

VIA = b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours"
ADDRESSES = Addresses((UDP, TCP, PUBLIC, SIX))
TOKENS = Tokens(b"k" * 32, (UDP, TCP, PUBLIC, SIX))


def forwarded(came: Request, **options: object) -> Request:
    data = forward_request(came, came.uri, VIA, 69, **options)  # type: ignore[arg-type]
    message = parse(data, FLOW)
    assert isinstance(message, Request)
    return message


# -- splicing


def test_only_what_must_change_changes() -> None:
    own = [b"X-One:  a ,b", b"s: compact", b"X-Fold: a\r\n b", b"UNKNOWN:;;", b"Max-Forwards: 70"]
    after = forwarded(request(*own, body=b"\x00\xff"))
    kept = own[:-1]
    assert [line for line in after.lines if line in kept] == kept
    assert after.values(b"via") == [VIA, b"SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone"]
    assert after.max_forwards == 69
    assert after.body == b"\x00\xff"


def test_missing_max_forwards_and_content_length_are_added() -> None:
    after = forwarded(request(body=b"abc"))
    assert after.max_forwards == 69
    assert after.get(b"content-length") == b"3"


def test_record_routes_go_before_those_there_are() -> None:
    after = forwarded(request(b"Record-Route: <sip:far;lr>"), record_routes=(b"<sip:a;lr>", b"<sip:b;lr>"))
    assert after.values(b"record-route") == [b"<sip:a;lr>", b"<sip:b;lr>", b"<sip:far;lr>"]
    assert forwarded(request(), record_routes=(b"<sip:a;lr>",)).values(b"record-route") == [b"<sip:a;lr>"]


@pytest.mark.parametrize(
    ("came", "routes", "left"),
    [
        ((b"Route: <sip:a;lr>, <sip:b;lr>",), None, [b"<sip:a;lr>", b"<sip:b;lr>"]),
        ((b"Route: <sip:a;lr>", b"Route: <sip:b;lr>"), [b"<sip:b;lr>"], [b"<sip:b;lr>"]),
        ((b"Route: <sip:a;lr>", b"Route: <sip:b;lr>"), [], []),
        ((), [b"<sip:p;lr>"], [b"<sip:p;lr>"]),
    ],
)
def test_routes_are_replaced_as_a_whole(came: tuple[bytes, ...], routes: list[bytes] | None, left: list[bytes]) -> None:
    assert forwarded(request(*came), routes=routes).values(b"route") == left


def test_another_body_has_its_own_length_and_lines_can_go_and_come() -> None:
    came = request(b"X-Gone: 1", b"Content-Length: 3", b"X-Stays: 2", body=b"abc")
    after = forwarded(came, body=b"longer", remove=[came.keys.index(b"x-gone")], extra=[b"X-New: 3"])
    assert after.body == b"longer"
    assert after.get(b"content-length") == b"6"
    assert not after.has(b"x-gone")
    assert after.get(b"x-stays") == b"2"
    assert after.get(b"x-new") == b"3"


@pytest.mark.parametrize(
    "vias",
    [
        (b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours", b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone"),
        (b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours, SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone",),
        (b"v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours,\r\n SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone",),
    ],
)
def test_our_via_comes_off_however_it_is_written(vias: tuple[bytes, ...]) -> None:
    after = parse(forward_response(response(200, *vias, b"X-Odd:  ,", body=b"x"), None, (b"X-New: 1",)), FLOW)
    assert after.values(b"via") == [b"SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone"]
    assert b"X-Odd:  ," in after.lines
    assert after.get(b"x-new") == b"1"
    assert (after.get(b"content-length"), after.body) == (b"1", b"x")


# -- routes


def way(*lines: bytes, uri: bytes = b"sip:101@acme.example", tag: bool = False) -> tuple[bytes, object, bool]:
    found = preprocess(request(*lines, uri=uri), ADDRESSES, TOKENS, tag)
    return found.uri, found.next_route, found.was_ours


@pytest.mark.parametrize(
    ("route", "ours"),
    [
        (b"<sip:192.0.2.1;lr>", True),
        (b"<sip:192.0.2.1:5060;lr>", True),
        (b"<sip:token@192.0.2.1:5060;transport=tcp;lr>", True),
        (b"<sip:sip.ACME.example:5080;lr>", True),
        (b"<sip:10.0.0.1:5080;lr>", True),
        (b"<sip:[2001:db8::1];lr>", True),
        (b"<sip:sip.acme.example;lr>", True),
        (b"<sip:192.0.2.1:5070;lr>", False),
        (b"<sip:192.0.2.2;lr>", False),
        (b"<tel:123>", False),
    ],
)
def test_which_routes_are_ours(route: bytes, ours: bool) -> None:
    assert way(b"Route: " + route)[2] is ours


def test_both_values_of_a_double_record_route_come_off() -> None:
    uri, following, ours = way(
        b"Route: <sip:x@192.0.2.1:5060;transport=tcp;lr>, <sip:x@192.0.2.1:5060;lr>", b"Route: <sip:far;lr>"
    )
    assert (uri, following, ours) == (b"sip:101@acme.example", b"sip:far;lr", True)


def test_strict_route_repair_takes_the_last_route_as_target() -> None:
    """RFC 3261 §16.4."""
    uri, following, ours = way(b"Route: <sip:far.example;lr>, <sip:target@203.0.113.9>", uri=b"sip:x@192.0.2.1:5060;lr")
    assert uri == b"sip:target@203.0.113.9"
    assert following == b"sip:far.example;lr"
    assert ours


def test_a_malformed_route_is_400() -> None:
    with pytest.raises(PeerError) as caught:
        way(b"Route: <<>>")
    assert caught.value.status == 400


def test_addresses() -> None:
    for uri in (b"sip:192.0.2.1", b"sip:x@192.0.2.1:5060", b"sip:[2001:DB8:0::1]", b"sip:sip.acme.example"):
        assert ADDRESSES.is_ours(parse_uri(uri)), uri
    for uri in (b"sip:acme.example", b"sip:192.0.2.1:5080", b"sip:sip.acme.example:5060"):
        assert not ADDRESSES.is_ours(parse_uri(uri)), uri


# -- validation


@pytest.mark.parametrize("uri", [b"sip:a", b"SIP:a", b"sips:a", b"tel:1", b"TEL:1"])
def test_schemes_that_are_routed(uri: bytes) -> None:
    check_scheme(uri)


@pytest.mark.parametrize("uri", [b"http://a", b"mailto:a", b"sipx:a", b"a"])
def test_schemes_that_are_not(uri: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        check_scheme(uri)
    assert caught.value.status == 416


def test_hops() -> None:
    assert check_hops(request(b"Max-Forwards: 1")) == 0
    assert check_hops(request()) == 70
    with pytest.raises(PeerError) as caught:
        check_hops(request(b"Max-Forwards: 0"))
    assert caught.value.status == 483


def test_a_loop_has_our_via_with_the_same_mark() -> None:
    first = request()
    branch = b"z9hG4bKours" + loop_mark(first)
    ours = b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch
    with pytest.raises(PeerError) as caught:
        check_loop(request(ours), ADDRESSES.sent_by)
    assert caught.value.status == 482
    check_loop(request(ours, uri=b"sip:103@acme.example"), ADDRESSES.sent_by)
    check_loop(request(ours.replace(b"192.0.2.1:5060", b"192.0.2.77:5060")), ADDRESSES.sent_by)
    check_loop(first, ADDRESSES.sent_by)


# -- the best response (RFC 3261 §16.7 step 6)


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((486, 404), 486),
        ((404, 486), 404),
        ((500, 404), 404),
        ((404, 302), 302),
        ((404, 600, 603), 600),
        ((408, 486), 486),
        ((487, 408, 480), 480),
        ((486, 401), 401),
        ((486, 484, 420), 484),
        ((503, 500), 500),
        ((503,), 503),
    ],
)
def test_best(statuses: tuple[int, ...], best: int) -> None:
    chosen = best_of([response(status) for status in statuses])
    assert chosen is not None
    assert chosen.status == best


def test_no_response_no_best() -> None:
    assert best_of([]) is None


def test_challenges_are_merged_into_a_challenge_only() -> None:
    one = response(401, b"WWW-Authenticate: Digest realm=one")
    two = response(407, b"Proxy-Authenticate: Digest realm=two", b"Proxy-Authenticate: Digest realm=three")
    busy = response(486, b"WWW-Authenticate: Digest realm=no")
    assert merged_challenges(one, [one, two, busy]) == two.lines[-2:]
    assert merged_challenges(busy, [one, two, busy]) == []


# -- running calls


def call() -> Call:
    diary = Diary("acme.example", b"call", "102", "101", "carla-home", "acme.example", 1000.0)
    return Call("acme.example", b"call", b"f", "102", "101", started_at=1000.0, diary=diary)


def test_a_call_is_over_when_the_last_who_answered_has_left() -> None:
    bus = Bus()
    told: list[str] = []
    bus.subscribe(CallChanged, lambda event: told.append(event.state))
    calls = Calls(bus)
    assert calls.begin(call())
    assert not calls.begin(call())
    calls.answered(b"call", b"f", b"one", "carla", 1010.0)
    calls.answered(b"call", b"f", b"two", "dario", 1011.0)
    assert not calls.hung_up(b"call", (b"f", b"two"))
    calls.answered(b"call", b"f", b"two", "dario", 1012.0)  # a 200 that came again, late
    assert calls.hung_up(b"call", (b"one", b"f"))
    assert len(calls) == 0
    assert told == ["ringing", "answered", "ended"]


def test_others_under_the_same_call_id_neither_join_nor_end_it() -> None:
    calls = Calls(Bus())
    calls.begin(call())
    calls.answered(b"call", b"x", b"one", "", 1010.0)
    assert not calls.hung_up(b"call", (b"x", b"one"))
    calls.answered(b"call", b"f", b"two", "", 1010.0)
    assert not calls.hung_up(b"call", (b"x", b"two"))
    assert calls.hung_up(b"call", (b"f", b"two"))


def test_a_bye_before_anybody_answered_does_not_end_it() -> None:
    calls = Calls(Bus())
    calls.begin(call())
    assert not calls.hung_up(b"call", (b"f", b"early"))
    assert len(calls) == 1


def test_a_bye_of_an_unknown_call_is_the_last_word() -> None:
    assert Calls(Bus()).hung_up(b"call", (b"f", b"t"))


def test_calls_of_which_nothing_is_heard_for_a_day_are_forgotten() -> None:
    calls = Calls(Bus())
    calls.begin(call())
    calls.answered(b"call", b"f", b"one", "", 2000.0)
    assert calls.forget_silent(2000.0 + LONGEST_SECONDS - 1) == []
    assert [one.call_id for one in calls.forget_silent(2000.0 + LONGEST_SECONDS + 1)] == [b"call"]
    assert len(calls) == 0
