"""What a start runs on: the dialplan as written, else the last accepted one, else nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from softswitch.dialplan import holiday
from softswitch.errors import ConfigError
from softswitch.reload.accepted import read_accepted, write_accepted
from softswitch.reload.start import read_to_start

from .conftest import DIALPLAN, SETTINGS, Office

CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//acme.example//on call//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20261101T000000Z
DTSTART:20261127T100000Z
DTEND:20261127T120000Z
END:VEVENT
END:VCALENDAR
"""
BROKEN = DIALPLAN.replace("rings: anna at office", "rings: anna at mobile")


async def test_a_good_dialplan_is_used_and_kept(office: Office) -> None:
    await office.reloader().keep()
    kept = read_accepted(office.kept)
    assert kept is not None
    assert kept.texts == ((str(office.folder / "office.yaml"), DIALPLAN),)
    year = date.today().year
    assert date(year, 1, 6) in kept.holidays["DE", "BY", year]
    assert date(year + 10, 1, 6) in kept.holidays["DE", "BY", year + 10]
    assert office.alarms == {}


async def test_a_refused_dialplan_leaves_the_last_accepted_one(office: Office) -> None:
    await office.reloader().keep()
    before = office.kept.read_bytes()
    office.write("office.yaml", BROKEN)
    found = office.start()
    assert found.plans["acme.example"].people["anna"].number == "101"
    assert ["this does not hold" in str(one) for one in found.refused] == [True]
    assert "anna-desk" in found.secrets
    reloader = office.reloader()
    assert "the dialplan is refused (one mistake" in office.alarms["dialplan"]
    await reloader.keep()
    assert office.kept.read_bytes() == before


@pytest.mark.parametrize("broken", [BROKEN, "site: [", "", "people: {anna: {number: 1}}"])
def test_without_an_accepted_one_nothing_starts(office: Office, broken: str) -> None:
    office.write("office.yaml", broken)
    with pytest.raises(ConfigError):
        office.start()


async def test_a_file_that_is_gone(office: Office) -> None:
    await office.reloader().keep()
    (office.folder / "office.yaml").unlink()
    assert "cannot be read" in str(office.start().refused[0])


async def test_bad_settings_and_bad_secrets_start_nothing(office: Office) -> None:
    await office.reloader().keep()
    office.write("office.yaml", BROKEN)
    office.write("secrets.yaml", "anna-desk: []\n")
    with pytest.raises(ConfigError) as both:
        office.start()
    assert {one.file.rpartition("/")[2] for one in both.value.problems} == {"office.yaml", "secrets.yaml"}
    office.write("softswitch.yaml", SETTINGS + "typo: 1\n")
    with pytest.raises(ConfigError, match="typo"):
        office.start()


async def test_a_kept_plan_that_is_not_taken_any_more(office: Office) -> None:
    await office.reloader().keep()
    kept = read_accepted(office.kept)
    assert kept is not None
    write_accepted(office.kept, type(kept)((("office.yaml", "people: 3"),), {}, {}))
    office.write("office.yaml", BROKEN)
    with pytest.raises(ConfigError, match="this does not hold"):
        office.start()


async def test_memory_keeps_nothing(office: Office) -> None:
    office.write("softswitch.yaml", SETTINGS.replace("sqlite:///switch.db", "memory"))
    await office.reloader().keep()
    assert not office.kept.exists()
    office.write("office.yaml", BROKEN)
    with pytest.raises(ConfigError):
        office.start()


async def test_the_kept_plan_has_the_holidays_it_was_checked_with(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.reloader().keep()
    office.write("office.yaml", "broken")
    # As if the table of countries that is installed had lost Epiphany, and with it an assertion.
    monkeypatch.setattr(holiday, "_known", {})
    monkeypatch.setattr(holiday, "_worked_out", lambda country, region, year: frozenset())
    assert read_to_start(office.folder / "softswitch.yaml", {}, None).plans
    assert date(2027, 1, 6) in holiday.public("DE", "BY", 2027)


async def test_the_kept_plan_has_the_calendars_it_was_checked_with(office: Office) -> None:
    office.write("on-call.ics", CALENDAR)
    office.write("office.yaml", DIALPLAN.replace("schedules:\n", "schedules:\n  on call: {calendar: on-call.ics}\n"))
    await office.reloader().keep()
    office.write("office.yaml", BROKEN)
    for spoil in (lambda: office.write("on-call.ics", "nonsense"), (office.folder / "on-call.ics").unlink):
        spoil()
        schedule = office.start().plans["acme.example"].schedules["on call"]
        assert schedule.contains(datetime(2026, 11, 27, 11, tzinfo=UTC).timestamp())
        assert not schedule.contains(datetime(2026, 11, 27, 13, tzinfo=UTC).timestamp())


async def test_a_disk_that_takes_nothing_is_an_alarm(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    reloader = office.reloader()
    monkeypatch.setattr("softswitch.reload.reloader.write_accepted", full)
    await reloader.keep()
    assert "No space left on device" in office.alarms["accepted plan"]
    monkeypatch.undo()
    await reloader.keep()
    assert office.alarms == {}
    assert office.kept.exists()
