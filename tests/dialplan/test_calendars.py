"""Calendars as schedules: their busy times, what is refused in them and where, and copies of addresses."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from softswitch.calendars import Copies, addresses
from softswitch.dialplan.busy import BusyTimes
from softswitch.dialplan.icalendars import mistakes
from softswitch.dialplan.load import load_plans, load_texts
from softswitch.dialplan.schedule import Schedule
from softswitch.errors import ConfigError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=BERLIN).timestamp()
ADDRESS = "https://calendar.example/on-call.ics"
FIRM = """\
site: {domain: acme.example, timezone: Europe/Berlin}
schedules:
  on call: {calendar: CALENDAR}
people:
  anna: {number: 101, places: {home: {phone: h}}, calls: [{when: on call, ring: home}, {ring: reject}]}
"""


def calendar(*events: Iterable[str] | str) -> str:
    """A file with these events; each a text with one property a line."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//acme//example"]
    for number, event in enumerate(events):
        text = event if isinstance(event, str) else "\n".join(event)
        lines += ["BEGIN:VEVENT", f"UID:{number}", *text.split("\n"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def busy(text: str, first: str = "2026-11-23", days: int = 7, zone: ZoneInfo = BERLIN) -> list[str]:
    start = datetime.fromisoformat(first).replace(tzinfo=zone)
    found = BusyTimes("c", text).during(start.timestamp(), (start + timedelta(days=days)).timestamp(), zone)
    return [" to ".join(f"{datetime.fromtimestamp(t, UTC).astimezone(zone):%d %H:%M}" for t in span) for span in found]


WEEKLY = "DTSTART;TZID=Europe/Berlin:20261019T180000\nDTEND;TZID=Europe/Berlin:20261020T080000\nRRULE:FREQ=WEEKLY"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20261124T090000Z\nDTEND:20261124T103000Z", ["24 10:00 to 24 11:30"]),
        ("DTSTART:20261124T090000\nDURATION:PT90M", ["24 09:00 to 24 10:30"]),
        ("DTSTART;VALUE=DATE:20261126\nDTEND;VALUE=DATE:20261128", ["26 00:00 to 28 00:00"]),
        ("DTSTART;VALUE=DATE:20261126", ["26 00:00 to 27 00:00"]),
        (WEEKLY, ["23 18:00 to 24 08:00"]),  # the wall clock's 18:00 on either side of the change
        (f"{WEEKLY};INTERVAL=2", []),
        (f"{WEEKLY}\nEXDATE;TZID=Europe/Berlin:20261123T180000", []),
        (f"{WEEKLY};BYDAY=MO,FR", ["23 18:00 to 24 08:00", "27 18:00 to 28 08:00"]),
        (f"{WEEKLY}\nTRANSP:TRANSPARENT", []),
        (f"{WEEKLY}\nSTATUS:CANCELLED", []),
        (f"{WEEKLY}\nSTATUS:TENTATIVE", ["23 18:00 to 24 08:00"]),
        (f"{WEEKLY}\nX-MICROSOFT-CDO-BUSYSTATUS:FREE", []),
        ("DTSTART;TZID=W. Europe Standard Time:20261124T090000\nDURATION:PT1H", ["24 09:00 to 24 10:00"]),
        ("DTSTART;TZID=America/New_York:20261124T090000\nDURATION:PT1H", ["24 15:00 to 24 16:00"]),
        ("DTSTART:20261231T230000Z\nDURATION:PT3H", []),
    ],
)
def test_busy_times_of_an_event(event: str, expected: list[str]) -> None:
    text = calendar(event)
    assert mistakes(text, BERLIN) == []
    assert busy(text) == expected


def test_more_of_a_calendar() -> None:
    moved = (
        "DTSTART;TZID=Europe/Berlin:20261125T120000\nDURATION:PT1H\nRECURRENCE-ID;TZID=Europe/Berlin:20261123T180000"
    )
    text = calendar(WEEKLY, moved).replace("UID:1", "UID:0")
    assert busy(text) == ["25 12:00 to 25 13:00"]
    assert busy(calendar(WEEKLY, "DTSTART:20261123T200000Z\nDURATION:PT24H")) == ["23 18:00 to 24 21:00"]
    # Over the turn of a year, asked from either side.
    late = calendar("DTSTART:20261231T220000Z\nDURATION:PT3H")
    assert busy(late, "2026-12-31", 1) == busy(late, "2027-01-01", 1) == ["31 23:00 to 01 02:00"]
    periods = (
        "FREEBUSY:20261125T090000Z/20261125T100000Z,20261126T090000Z/PT1H\nFREEBUSY;FBTYPE=FREE:20261127T090000Z/PT1H"
    )
    served = calendar(f"DTSTART:20261101T000000Z\n{periods}").replace("VEVENT", "VFREEBUSY")
    assert busy(served) == ["25 10:00 to 25 11:00", "26 10:00 to 26 11:00"]


def test_times_without_a_zone_are_those_of_the_schedule() -> None:
    text = calendar("DTSTART:20261124T090000\nDURATION:PT1H", "DTSTART:20261125T090000Z\nDURATION:PT1H")
    tested = Schedule("t", BERLIN, calendars=(BusyTimes("c", text),))
    there = tested.in_zone(ZoneInfo("America/New_York"))
    nine = datetime(2026, 11, 24, 9, 30, tzinfo=BERLIN).timestamp()
    assert (tested.contains(nine), there.contains(nine)) == (True, False)
    assert (tested.contains(nine + 6 * 3600), there.contains(nine + 6 * 3600)) == (False, True)
    utc = datetime(2026, 11, 25, 9, 30, tzinfo=UTC).timestamp()
    assert tested.contains(utc)
    assert there.contains(utc)


def test_with_hours_and_exceptions(tmp_path: Path) -> None:
    (tmp_path / "on-call.ics").write_bytes(calendar(WEEKLY + ";COUNT=9").encode())
    file = tmp_path / "acme.yaml"
    lines = "{calendar: on-call.ics, hours: [thu 10:00-11:00, except 2026-11-30]}"
    file.write_text(FIRM.replace("{calendar: CALENDAR}", lines))
    plans, warnings = load_plans([file], wall=NOW)
    assert warnings == []
    tested = plans["acme.example"].schedules["on call"]
    for schedule in (tested, pickle.loads(pickle.dumps(tested))):
        seen, t = [], NOW
        while (change := schedule.next_change(t)) is not None:
            seen.append(f"{datetime.fromtimestamp(change, UTC).astimezone(BERLIN):%m-%d %H:%M}")
            t = change
            if len(seen) == 8:
                break
        assert seen == ["11-23 18:00", "11-24 08:00", "11-26 10:00", "11-26 11:00",
                        "12-03 10:00", "12-03 11:00", "12-07 18:00", "12-08 08:00"]  # fmt: skip


EVENT = "DTSTART:20261124T090000Z\nDURATION:PT1H"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the calendar is empty"),
        ("hello", 1, "this is no iCalendar file"),
        ("<html>\n</html>", 1, "this is no iCalendar file"),
        ("BEGIN:VCARD\nEND:VCARD", 1, "this is no iCalendar file"),
        (calendar(EVENT).replace("UID:0", "UID 0"), 5, '"UID 0" is no line of a calendar'),
        (calendar(EVENT).replace("END:VCALENDAR", ""), 1, "VCALENDAR does not end; is the file cut off?"),
        (calendar(EVENT).replace("END:VEVENT", "END:VTODO"), 8, "END:VTODO ends what did not begin"),
        (calendar(EVENT, "SUMMARY:x"), 9, "an event needs its DTSTART"),
        (calendar(EVENT, "DTSTART:2026112X"), 11, "DTSTART: "),
        (calendar("SUMMARY:long\n  line\nDTSTART:20261301T000000"), 8, "DTSTART: "),
        (calendar(f"{EVENT}\nRRULE:FREQ=FOO"), 8, "RRULE: "),
        (calendar(f"{EVENT}\nRRULE:FREQ=SECONDLY"), 8, "a series that repeats secondly cannot be meant"),
        (calendar(f"{EVENT}\nRRULE:FREQ=DAILY;BYMINUTE=1,2,3,4,5"), 8, "BYMINUTE with more than 4 entries"),
        (calendar("DTSTART;TZID=Mars/Olympus:20261124T090000"), 6, 'no timezone "Mars/Olympus"'),
        (calendar("DTSTART:20261124T090000Z\nDTEND:20261124T080000Z"), 7, "the event ends before it starts"),
        (calendar("DTSTART:20261124T090000Z\nDTEND;VALUE=DATE:20261124"), 7, "DTSTART is a day and DTEND is not"),
        (calendar("DTSTART:00010101T000000Z\nRRULE:FREQ=DAILY"), 6, "the year 1 cannot be meant"),
        (calendar(f"{EVENT}\nDTSTART:20261124T090000Z"), 6, "DTSTART is here twice"),
    ],
)
def test_what_is_wrong_in_a_calendar_and_where(text: str, line: int, words: str) -> None:
    found = mistakes(text, BERLIN)
    assert len(found) == 1
    assert found[0][0] == line
    assert found[0][1].startswith(words)


def test_mistakes_in_a_file_are_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "on-call.ics").write_text(calendar(EVENT, "DTSTART:2026112X"))
    (tmp_path / "acme.yaml").write_text(FIRM.replace("CALENDAR", "on-call.ics"))
    with pytest.raises(ConfigError) as caught:
        load_plans([tmp_path / "acme.yaml"])
    assert [str(one).removeprefix(f"{tmp_path}/") for one in caught.value.problems] == [
        "on-call.ics:11:1: DTSTART: Wrong date format 2026112X"
    ]
    (tmp_path / "on-call.ics").write_bytes(b"\xff" * 20)
    with pytest.raises(ConfigError, match="no UTF-8 text at byte 0"):
        load_plans([tmp_path / "acme.yaml"])
    (tmp_path / "on-call.ics").write_bytes(b"x" * 5_000_001)
    with pytest.raises(ConfigError, match="larger than 5000000 bytes"):
        load_plans([tmp_path / "acme.yaml"])


def test_an_address_is_read_from_the_last_good_copy(tmp_path: Path) -> None:
    copies = Copies(tmp_path / "calendars")
    text = FIRM.replace("CALENDAR", f'"{ADDRESS}"')
    plans, problems = load_texts([("f", text)], copy_of=copies.get)
    assert [str(one) for one in problems] == [
        "f:3:23: warning: this calendar was not fetched yet; until then it has no busy times"
    ]
    assert addresses(plans.values()) == [ADDRESS]
    assert plans["acme.example"].schedules["on call"].next_change(NOW) is None

    served: dict[str, bytes] = {ADDRESS: calendar(EVENT).encode()}
    assert copies.refresh(ADDRESS, served.__getitem__) is True
    assert copies.refresh(ADDRESS, served.__getitem__) is False
    plans, problems = load_texts([("f", text)], copy_of=copies.get, wall=NOW)
    assert problems == []
    nine = datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp()
    assert plans["acme.example"].schedules["on call"].next_change(NOW) == nine

    def away(address: str) -> bytes:
        raise TimeoutError(address)

    with pytest.raises(TimeoutError):
        copies.refresh(ADDRESS, away)
    served[ADDRESS] = b"<html>Sign in</html>"
    with pytest.raises(ValueError, match="this is no iCalendar file"):
        copies.refresh(ADDRESS, served.__getitem__)
    plans, problems = load_texts([("f", text)], copy_of=copies.get)
    assert problems == []
    assert plans["acme.example"].schedules["on call"].next_change(NOW) == nine
