"""What `limit:` and `countries:` of a line of `outside` stop."""

from __future__ import annotations

import pytest
from lab import Lab, Phone, Provider

from softswitch.dialplan.load import load_texts
from softswitch.trunks.usage import Stop

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  anna: {number: 101, places: {office: {phone: anna-desk}}}
  carla:
    number: 102
    places: {home: {phone: carla-home}}
    calls: [{ring: +49 170 1234567}]
phones: {anna-desk: {}, carla-home: {}}
trunks: {city: {peer: 198.51.100.7, number: +49 89 1234}}
outside:
  - {dial: 112, via: city, emergency: yes}
  - {dial: +49 *, via: city, limit: @LIMIT@}
  - {dial: + *, via: city, countries: [AT, CH]}
"""


def office(limit: str) -> tuple[Lab, Phone, Phone, Provider]:
    lab = Lab(OFFICE.replace("@LIMIT@", limit))
    return lab, lab.phone("anna-desk"), lab.phone("carla-home"), Provider(lab)


def test_so_many_an_hour_for_each() -> None:
    lab, anna, carla, city = office("2 an hour each")
    city.on_call = lambda call: call.refuse(486)
    statuses = []
    for phone in (anna, anna, anna, carla):
        call = phone.invites("01701234567")
        lab.advance()
        statuses.append(call.status)
    assert statuses == [486, 486, 480, 486]
    assert "allows 2 an hour each" in str(lab.notes("trunk passed over"))
    lab.advance(3600)
    call = anna.invites("01701234567")
    lab.advance()
    assert call.status == 486
    lab.at_rest()


def test_minutes_a_day() -> None:
    lab, anna, carla, city = office("10 minutes a day")
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance(300)
    second = carla.invites("01701234567")
    lab.advance()
    assert second.state == "ringing"
    second.cancel()
    lab.advance(310)
    call.bye()
    lab.advance()
    refused = carla.invites("01701234567")
    lab.advance()
    assert refused.status == 480
    emergency = carla.invites("112")
    lab.advance()
    assert emergency.state == "ringing"
    emergency.cancel()
    lab.advance(86_400)
    again = carla.invites("01701234567")
    lab.advance()
    assert again.state == "ringing"
    again.cancel()
    lab.at_rest()


def test_forwarded_calls_count_for_who_forwards() -> None:
    lab, anna, _, _city = office("1 at once each")
    first, second = anna.invites("102"), anna.invites("102")
    lab.advance()
    assert first.state == "ringing"
    assert second.status == 480  # Carla's one call is taken, by the first
    own = anna.invites("01701234567")
    lab.advance()
    assert own.state == "ringing"
    first.cancel()
    own.cancel()
    lab.at_rest()


def test_only_some_countries() -> None:
    lab, anna, _, _city = office("9 at once")
    there, elsewhere = anna.invites("0043 1 5880000".replace(" ", "")), anna.invites("+442079460958")
    lab.advance()
    assert there.state == "ringing"
    lab.advance(8)  # it is said why
    assert elsewhere.status == 403
    there.cancel()
    lab.at_rest()


def test_calls_under_way_count_after_a_reload() -> None:
    """A trunk that is described anew, taken away, and described again: its calls hold their channels."""
    lab = Lab(OFFICE.replace("@LIMIT@", "2 at once").replace("peer: 198.51.100.7,", "peer: 198.51.100.7, channels: 1,"))
    anna, carla, city = lab.phone("anna-desk"), lab.phone("carla-home"), Provider(lab)
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()

    def reload(**changed: str) -> None:
        text = OFFICE.replace("@LIMIT@", "2 at once")
        for old, new in changed.items():
            text = text.replace(old, new)
        lab.switch.use_plans(load_texts([("office.yaml", text)])[0])
        lab.advance(1)

    def status() -> int:
        another = carla.invites("01701234567")
        lab.advance()
        if another.state == "ringing":
            another.cancel()
            lab.advance()
        return another.status

    assert status() == 480, "the only channel is taken"
    reload(**{"peer: 198.51.100.7,": "peer: 198.51.100.7, channels: 1, user: acme,"})
    assert status() == 480
    reload(**{"peer: 198.51.100.7,": "peer: 198.51.100.7, channels: 2,"})
    assert status() == 487
    reload(city="village")
    reload(**{"2 at once": "1 at once"})
    assert status() == 480, "line 2 allows one at once, and there is one"
    call.bye()
    lab.advance()
    assert status() == 487
    lab.at_rest()


FIRM = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE, abroad: stop at 3 an hour}
people:
  anna: {number: 101, places: {office: {phone: anna-desk}}, limit: [1 at once, 10 minutes a day]}
  carla:
    number: 102
    places: {home: {phone: carla-home}}
    countries: DE
    calls: [{ring: +49 170 1234567}]
  dario: {number: 103, places: {home: {phone: dario-home}}}
phones: {anna-desk: {}, carla-home: {}, dario-home: {}}
trunks:
  city: {peer: 198.51.100.7, number: +49 89 1234, limit: 3 an hour, countries: [DE, AT, FR]}
  backup: {peer: 198.51.100.8, number: +49 89 1234}
outside:
  - {dial: 112, via: city, emergency: yes}
  - {dial: + *, via: [city, backup]}
"""
PARIS, VIENNA, LONDON, MOBILE = "+33142685300", "+4315880000", "+442079460958", "+491701234567"


@pytest.fixture
def firm() -> Lab:
    return Lab(FIRM)


def refused(lab: Lab, phone: Phone, *numbers: str) -> list[int]:
    """What each call comes to; the providers say 486."""
    statuses = []
    for number in numbers:
        call = phone.invites(number)
        lab.advance()
        statuses.append(call.status)
    return statuses


def busy(lab: Lab) -> tuple[Provider, Provider]:
    city, backup = Provider(lab), Provider(lab, "198.51.100.8")
    for provider in (city, backup):
        provider.on_call = lambda call: call.refuse(486)
    return city, backup


def test_what_a_person_may(firm: Lab) -> None:
    city = Provider(firm)
    anna, carla = firm.phone("anna-desk"), firm.phone("carla-home")
    first = anna.invites(MOBILE)
    firm.advance()
    assert refused(firm, anna, MOBILE) == [480]
    assert "anna may have 1 at once" in str(firm.notes("trunk passed over"))
    city.call.answer()
    firm.advance(11 * 60)
    first.bye()
    firm.advance()
    assert refused(firm, anna, MOBILE) == [480]
    assert "anna may have 10 minutes a day" in str(firm.notes("trunk passed over"))
    not_there = carla.invites(PARIS)
    firm.advance(8)
    assert not_there.status == 403
    forwarded = firm.phone("dario-home").invites("102")
    firm.advance()
    assert forwarded.state == "ringing"
    forwarded.cancel()
    firm.at_rest()


def test_what_a_trunk_may_and_the_next_one_has_the_call(firm: Lab) -> None:
    city, backup = busy(firm)
    dario = firm.phone("dario-home")
    assert refused(firm, dario, LONDON) == [486]
    assert (len(city.calls_in), len(backup.calls_in)) == (0, 1)  # no numbers of GB over the first one
    assert refused(firm, dario, *[MOBILE] * 4) == [486] * 4
    assert (len(city.calls_in), len(backup.calls_in)) == (3, 2)
    firm.at_rest()


def test_a_sudden_lot_of_calls_abroad_is_stopped_until_somebody_has_looked(firm: Lab) -> None:
    stops: list[Stop] = []
    firm.switch.trunks.meter.on_stop = stops.append
    busy(firm)
    dario = firm.phone("dario-home")
    assert refused(firm, dario, VIENNA, PARIS, LONDON, PARIS, MOBILE) == [486, 486, 486, 480, 486]
    (stop,) = stops
    assert "3 within an hour" in stop.why
    firm.advance(3 * 3600)
    assert refused(firm, dario, PARIS) == [480]
    firm.starts_switch()
    dario.registers()
    firm.advance()
    assert refused(firm, dario, PARIS, MOBILE) == [480, 486]  # nor does a restart let them pass
    assert firm.switch.trunks.meter.release("acme.example")
    assert not firm.switch.trunks.meter.release("acme.example")
    assert refused(firm, dario, PARIS, MOBILE) == [486, 486]
    emergency = dario.invites("112")
    firm.advance()
    emergency.cancel()
    firm.at_rest()


def test_what_is_usual_is_not_sudden(firm: Lab) -> None:
    busy(firm)
    dario = firm.phone("dario-home")
    assert refused(firm, dario, VIENNA, PARIS) == [486, 486]
    firm.advance(5 * 3600)
    assert refused(firm, dario, *[PARIS] * 7) == [486] * 6 + [480]
    firm.at_rest()


def test_limits_hold_over_a_restart(firm: Lab) -> None:
    city = Provider(firm)
    anna = firm.phone("anna-desk")
    call = anna.invites(MOBILE)
    firm.advance()
    city.call.answer()
    firm.advance(11 * 60)
    firm.starts_switch()  # killed in the middle of the call: it has ended now, as far as it is known
    anna.registers()
    firm.advance()
    assert refused(firm, anna, MOBILE) == [480]
    used = dict((who, minutes) for who, _, minutes in firm.switch.trunks.meter.used("acme.example"))
    assert 10.9 < used["person anna"] < 12
    assert used["trunk city"] == used["person anna"]
    assert call.state == "answered"


def test_strangers_who_want_to_call_outside_are_refused_and_counted(firm: Lab) -> None:
    stranger = firm.phone("dario-home", host="203.0.113.66", registered=False)
    stranger.password = "guessed"
    call = stranger.invites("0044 20 7946 0958".replace(" ", ""))
    firm.advance()
    assert call.status in (403, 407)
    assert firm.switch.core.strangers
    known = firm.switch.core.strangers
    firm.phone("dario-home", host="203.0.113.67").invites(MOBILE).cancel()  # challenged once, as everybody is
    firm.advance()
    assert firm.switch.core.strangers == known
