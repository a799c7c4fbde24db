"""Calls to emergency numbers: where they go, what they tell, whom they push aside, and the call back."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import SMTP
from xml.etree import ElementTree

import pytest
from lab import Lab, Provider
from lab.call import Call

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError
from softswitch.events import EmergencyCalled

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
locations:
  office: {name: Acme, street: Marienplatz, house: 8, postcode: 80331, city: München, floor: 2}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk, location: office}, mobile: {dial: 0170 1234567}}
  carla:
    number: 102
    places: {home: {phone: carla-home, location: {country: AT, street: Getreidegasse, house: 9, city: Salzburg}}}
    calls: [{ring: service team}]
  dario: {number: 103, places: {home: {phone: dario-home}}}
teams:
  service team: {number: 200, members: [anna, dario]}
phones: {anna-desk: {}, carla-home: {srtp: require}, dario-home: {}}
trunks:
  city: {peer: 198.51.100.7, channels: 1, number: +49 89 1234}
  alps: {peer: 198.51.100.8, channels: 1, number: +43 662 1234}
numbers: {+49 89 12340: anna, +49 89 1234: service team, +43 662 1234: service team}
outside:
  - {dial: [112, 122, 133, 144], via: alps, emergency: yes, in: AT}
  - {dial: [110, 112], via: city, emergency: yes}
  - {dial: +49 *, via: city, may: anna}
codes: {"*78": do not disturb}
emergency: {call back: 30m}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(OFFICE)


@pytest.fixture
def city(lab: Lab) -> Provider:
    return Provider(lab)


@pytest.fixture
def alps(lab: Lab) -> Provider:
    return Provider(lab, "198.51.100.8")


def parts(call: Call) -> dict[str, bytes]:
    """The parts of an INVITE's body, by type."""
    assert call.incoming is not None
    request = call.incoming.request
    head = b"Content-Type: " + (request.get(b"content-type") or b"") + b"\r\n\r\n"
    message = BytesParser(policy=SMTP).parsebytes(head + request.body)
    return {part.get_content_type(): part.get_payload(decode=True) for part in message.iter_parts()}  # type: ignore[union-attr, misc]


def civic(call: Call) -> dict[str, str]:
    """What an INVITE says of the place."""
    root = ElementTree.fromstring(parts(call)["application/pidf+xml"])
    (address,) = root.iter("{urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr}civicAddress")
    return {element.tag.partition("}")[2]: element.text or "" for element in address}


def test_the_place_is_told(lab: Lab, city: Provider) -> None:
    call = lab.phone("anna-desk").invites("112")
    lab.advance()
    request = city.call.incoming.request
    assert request.uri == b"sip:112@198.51.100.7"
    assert civic(city.call) == {
        "country": "DE",
        "A3": "München",
        "RD": "Marienplatz",
        "HNO": "8",
        "NAM": "Acme",
        "PC": "80331",
        "FLR": "2",
    }
    assert b"203.0.113.9" in parts(city.call)["application/sdp"]  # anchored
    geolocation = request.get(b"geolocation") or b""
    assert geolocation.startswith(b"<cid:")
    assert b"Content-ID: <" + geolocation[5:] in request.body
    assert request.get(b"geolocation-routing") == b"yes"
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_phone_in_another_country_has_its_numbers_and_its_trunk(lab: Lab, city: Provider, alps: Provider) -> None:
    """And its call passes though it must encrypt and did not."""
    call = lab.phone("carla-home").invites("144")
    lab.advance()
    assert alps.call.incoming.request.uri == b"sip:144@198.51.100.8"
    assert civic(alps.call)["A3"] == "Salzburg"
    call.cancel()
    lab.at_rest()


def test_a_phone_of_nobody_knows_where_has_help_without_a_place(lab: Lab, city: Provider) -> None:
    call = lab.phone("dario-home").invites("110", "Privacy: id")
    lab.advance()
    request = city.call.incoming.request
    assert request.get(b"content-type") == b"application/sdp"
    assert not request.has(b"geolocation")
    assert not request.has(b"privacy")
    assert request.from_.uri == b"sip:+49891234@198.51.100.7"
    call.cancel()
    lab.at_rest()


def test_a_carrier_that_cannot_read_the_place_is_asked_without(lab: Lab, city: Provider) -> None:
    """Before another trunk is tried."""
    tried: list[bytes] = []

    def only_sdp(call: Call) -> None:
        assert call.incoming is not None
        tried.append(call.incoming.request.get(b"content-type") or b"")
        if tried[-1] != b"application/sdp":
            call.refuse(415)

    city.on_call = only_sdp
    call = lab.phone("anna-desk").invites("112")
    lab.advance()
    assert [one.partition(b";")[0] for one in tried] == [b"multipart/mixed", b"application/sdp"]
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


@pytest.mark.parametrize("status", [403, 404, 486, 503, 603])
def test_whatever_a_carrier_says_the_next_one_is_tried(lab: Lab, city: Provider, alps: Provider, status: int) -> None:
    city.refuses = status
    call = lab.phone("anna-desk").invites("110")
    lab.advance(1)
    assert alps.call.incoming.request.uri == b"sip:110@198.51.100.8"
    alps.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


@pytest.mark.parametrize("answered", [True, False])
def test_an_ordinary_call_gives_way(lab: Lab, city: Provider, answered: bool) -> None:
    ordinary = lab.phone("anna-desk").invites("01701234567")
    lab.advance()
    if answered:
        city.call.answer()
        lab.advance()
    help_call = lab.phone("dario-home").invites("112")
    lab.advance()
    assert help_call.state == "ringing"
    first, second = city.calls_in
    assert first.state == "ended"
    assert second.incoming is not None
    assert second.incoming.request.uri.startswith(b"sip:112@")
    assert ordinary.state == "ended"
    if answered:
        assert ordinary.why == "they hung up"
    (line,) = [line for line in lab.switch.trunks if line.name == "city"]
    assert len(line.channels) == 1
    help_call.cancel()
    lab.at_rest()


def test_a_call_that_came_in_gives_way_and_another_emergency_does_not(lab: Lab, city: Provider) -> None:
    anna = lab.phone("anna-desk")
    inward = city.dials("+498912340")
    lab.advance()
    anna.call.answer()
    lab.advance()
    first = lab.phone("dario-home").invites("112")
    lab.advance()
    assert inward.state == "ended"
    second = anna.invites("110")
    lab.advance()
    assert first.state == "ringing"
    assert second.state == "ringing"
    first.cancel()
    second.cancel()
    lab.at_rest()


def test_the_call_back_rings_the_very_phone_past_all_rules(lab: Lab, alps: Provider) -> None:
    carla, anna, dario = lab.phone("carla-home"), lab.phone("anna-desk"), lab.phone("dario-home")
    carla.invites("*78")
    lab.advance(5)
    call = carla.invites("112")
    lab.advance()
    alps.call.answer()
    lab.advance()
    call.bye()
    lab.advance(29 * 60)
    back = alps.dials("+436621234")  # the team's number: it was shown, for Carla has none of her own
    lab.advance()
    assert carla.call.incoming is not None
    assert carla.call.incoming.request.get(b"priority") == b"emergency"
    assert not [one for one in anna.calls + dario.calls if one.incoming]
    carla.call.answer()
    lab.advance()
    assert back.state == "answered"
    back.bye()
    lab.advance(31 * 60)
    later = alps.dials("+436621234")
    lab.advance()
    assert [one.state for one in anna.calls] == ["ringing"]
    later.cancel()
    lab.at_rest()


def test_a_call_back_that_says_so_finds_the_phone_by_any_number(lab: Lab, city: Provider) -> None:
    anna, dario = lab.phone("anna-desk"), lab.phone("dario-home")
    call = dario.invites("112")
    lab.advance()
    city.call.answer()
    lab.advance()
    back = city.dials("+498912340", "Priority: psap-callback")  # over a trunk of which the one channel is taken
    lab.advance()
    assert dario.call.incoming is not None
    assert not anna.calls
    dario.call.refuse(486)
    lab.advance()
    assert anna.call.state == "ringing"  # and then by the rules
    back.cancel()
    call.bye()
    lab.at_rest()


def test_it_is_announced_with_the_place(lab: Lab, city: Provider) -> None:
    told: list[EmergencyCalled] = []
    lab.bus.subscribe(EmergencyCalled, told.append)
    lab.phone("anna-desk").invites("112").cancel()
    lab.advance()
    (event,) = told
    assert (event.account, event.number) == ("anna-desk", "112")
    assert "Marienplatz" in event.location


TOLD = OFFICE.replace("emergency: {call back: 30m}", "emergency: {tell: [dario, office@acme.example]}")


def test_named_people_get_a_text_also_when_their_phones_are_off() -> None:
    lab = Lab(TOLD)
    Provider(lab)
    call = lab.phone("anna-desk").invites("112")
    lab.advance()
    call.cancel()
    lab.starts_switch()
    dario = lab.phone("dario-home")
    lab.advance(10)
    (text,) = [request.body.decode() for request in dario.requests_of("MESSAGE")]
    assert "Notruf: anna (101, anna-desk) hat um" in text
    assert "Marienplatz" in text


def test_the_call_back_finds_the_phone_after_a_restart_too(lab: Lab, alps: Provider) -> None:
    carla = lab.phone("carla-home")
    call = carla.invites("112")
    lab.advance()
    alps.call.answer()
    lab.advance()
    call.bye()
    lab.advance()
    lab.starts_switch()
    carla.registers()
    lab.advance()
    back = alps.dials("+436621234")
    lab.advance()
    assert back.state == "ringing"
    assert [one for one in carla.calls if one.incoming]
    back.cancel()
    lab.at_rest()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            "location: offce",
            'f:6:47: no location "offce" under locations:; did you mean "office"?',
        ),
        ("location: {country: ATT, city: Wien}", 'f:6:57: no country "ATT"'),
        ("location: {floor: 2}", "f:6:37: an address needs a street, a city or something else that can be found"),
        ("location: {steet: Am Platz}", 'f:6:48: unknown key "steet"; did you mean "street"?'),
    ],
)
def test_mistakes_are_told_where_they_are(written: str, problem: str) -> None:
    text = (
        "site: {domain: acme.example, timezone: Europe/Berlin, country: DE}\n"
        "locations:\n  office: {city: München}\n"
        "people:\n  anna: {number: 101, places: {office: {phone: anna-lab, location: office}}}\n"
        "  carla: {places: {home: {phone: c, @@}}}\n".replace("@@", written)
    )
    with pytest.raises(ConfigError) as refused:
        load_texts([("f", text)])
    assert any(str(one).startswith(problem) for one in refused.value.problems), refused.value


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{tell: ana}", '"ana"; did you mean "anna"?'),
        ("{call back: 10s}", "write a time between 1m and 24h"),
        ("{test: 112}", "112 is an emergency number, and is never called for a test"),
    ],
)
def test_mistakes_about_emergencies(written: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_texts([("f", OFFICE.replace("{call back: 30m}", written))])
    assert problem in str(refused.value)


CODE = 'codes: {"*78": do not disturb, "*112": emergency test}'


def test_a_test_calls_the_number_for_tests_with_the_place_and_nobody_is_alarmed() -> None:
    lab = Lab(TOLD.replace("{tell:", "{test: 0800 1234567, tell:").replace('codes: {"*78": do not disturb}', CODE))
    told: list[EmergencyCalled] = []
    lab.bus.subscribe(EmergencyCalled, told.append)
    city, anna = Provider(lab), lab.phone("anna-desk")
    city_line = next(line for line in lab.switch.trunks if line.name == "city")
    call = anna.invites("*112")
    lab.advance()
    assert city.call.incoming.request.uri == b"sip:+498001234567@198.51.100.7"
    assert civic(city.call)["RD"] == "Marienplatz"
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.advance()
    (text,) = [request.body.decode() for request in anna.requests_of("MESSAGE")]
    assert text.startswith("Test, kein Notruf.")
    assert "+498912340" in text
    assert "Marienplatz" in text
    assert told == []
    assert not city_line.channels
    lab.at_rest()


def test_without_a_number_for_tests_it_is_said_that_it_was_one() -> None:
    lab = Lab(OFFICE.replace('codes: {"*78": do not disturb}', CODE))
    city, dario = Provider(lab), lab.phone("dario-home")
    call = dario.invites("*112")
    lab.advance()
    assert call.state == "answered"
    assert lab.media.said[-1] == ["emergency test"]
    lab.advance(10)
    assert call.state == "ended"
    (text,) = [request.body.decode() for request in dario.requests_of("MESSAGE")]
    assert "den die Telefonanlage nicht kennt" in text
    assert not city.calls
    lab.at_rest()
