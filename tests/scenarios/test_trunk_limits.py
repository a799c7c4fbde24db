"""What `limit:` and `countries:` of a line of `outside` stop."""

from __future__ import annotations

from lab import Lab, Phone, Provider

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
    assert elsewhere.status == 403
    there.cancel()
    lab.at_rest()
