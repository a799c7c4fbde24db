"""What `limit:` and `countries:` of a line of `outside` stop."""

from __future__ import annotations

from lab import Lab, Phone, Provider

from softswitch.dialplan.load import load_texts

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
