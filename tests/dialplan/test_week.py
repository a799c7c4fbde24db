"""The week of a person: against the decision asked minute by minute, on the days clocks change, and as a picture."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from softswitch.dialplan import spans
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_plans, load_texts
from softswitch.dialplan.picture import letter_of, svg
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.week import Week, course_of, week_of

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 25, 12, 30, tzinfo=BERLIN).timestamp()
NIGHT = """\
site: {domain: acme.example, timezone: Europe/Berlin}
schedules: {night: [sat 23:00-02:30], morning: [daily 06:00-07:15]}
people:
  anna: {number: 101, places: {home: {phone: h}, desk: {phone: d}}, calls: [{when: night, ring: home}, {ring: eva}]}
  eva: {timezone: America/New_York, places: {den: {phone: e}}, calls: [{when: morning, ring: den}, {ring: reject}]}
"""


@pytest.fixture(scope="module", name="office")
def sample_office() -> Plan:
    return load_plans([Path(__file__).parents[1] / "office.yaml"])[0]["acme.example"]


@pytest.fixture(scope="module", name="night")
def night_plan() -> Plan:
    return load_texts([("f", NIGHT)])[0]["acme.example"]


def hours(week: Week, number: int) -> str:
    course = week.courses[number]
    own = [(one.start, one.end) for one in week.stretches if one.course == course]
    return spans.in_words(own, week.zone, week.days[0].day, 7)


def test_annas_week_at_the_sample_office(office: Plan) -> None:
    week = week_of(office, "101", MONDAY)
    assert [course.who for course in week.courses] == ["anna at mobile", "anna at office"]
    assert hours(week, 1) == "mon-thu 08:00-12:00 13:00-17:00, fri 08:00-14:00"
    assert week.courses[1].then == ("then: anna at mobile rings for 30 s (anna-mobile)",)
    assert week.courses[0].then == (
        "if busy: the call is refused: 486 Busy Here",
        "if no answer or unreachable: service team rings for 20 s (carla-home, dario-home)",
        "if declined: the call is refused: 603 Decline",
    )
    after = week.switches(NOW)
    assert [f"{week.reads(one.start):%a %H:%M} {one.course.who}" for one in after[:2]] == [
        "Wed 13:00 anna at office",
        "Wed 17:00 anna at mobile",
    ]
    # Of another week than the running one every switch is told.
    assert len(week.switches(NOW + 30 * 86400)) == len(week.switches(0.0)) == 4 * 4 + 2


@pytest.mark.parametrize("first", [MONDAY, date(2026, 10, 19), date(2027, 3, 22), date(2026, 10, 26)])
def test_every_minute_is_drawn_as_it_is_decided(night: Plan, first: date) -> None:
    source = random.Random(first.toordinal())
    week = week_of(night, "101", first)
    assert week.stretches[0].start == datetime.combine(first, datetime.min.time(), BERLIN).timestamp()
    for one, following in zip(week.stretches, week.stretches[1:], strict=False):
        assert one.end == following.start
        assert one.course != following.course
    for _ in range(1500):
        at = source.uniform(week.start, week.end - 1)
        expected = course_of(night, Facts("acme.example", "101", wall=at))
        assert next(one.course for one in week.stretches if one.start <= at < one.end) == expected
        local = datetime.fromtimestamp(at, UTC).astimezone(BERLIN)
        minute = local.hour * 60 + local.minute
        day = week.days[(local.date() - first).days]
        twice = any(bar.again and bar.start <= minute < bar.end for bar in day.bars)
        shown = [b for b in day.bars if b.start <= minute < b.end and (not twice or b.again == bool(local.fold))]
        assert [bar.course for bar in shown] == [expected], local


def test_the_days_on_which_clocks_change(night: Plan) -> None:
    back = week_of(night, "101", date(2026, 10, 19)).days[6]
    assert back.change_words == "clocks go back 1 h"
    # The doubled hour is inside both times; half past two is read twice too.
    read = [(bar.start, bar.end, bar.course.who, bar.again) for bar in back.bars][:5]
    assert read == [
        (0, 150, "anna at home", False),
        (150, 180, "refused", False),
        (120, 150, "anna at home", True),
        (150, 180, "refused", True),
        (180, 660, "refused", False),
    ]
    forward = week_of(night, "101", date(2027, 3, 22)).days[6]
    assert forward.change_words == "clocks go forward 1 h"
    assert [(bar.start, bar.end) for bar in forward.bars][:2] == [(0, 120), (180, 720)]
    assert [day.change for day in week_of(night, "101", MONDAY).days] == [None] * 7


def test_who_calls_may_matter(office: Plan) -> None:
    text = NIGHT.replace("{when: night, ring: home}", "{from: eva, ring: desk}")
    plan = load_texts([("f", text)])[0]["acme.example"]
    assert [course.who for course in week_of(plan, "101", MONDAY, "eva").courses] == ["anna at desk"]
    assert [course.who for course in week_of(plan, "101", MONDAY).courses] == ["refused", "eva at den"]
    assert [course.first for course in week_of(office, "600", MONDAY).courses] == ["the switch answers: echo"]
    with pytest.raises(ValueError, match='is called "999"'):
        week_of(office, "999", MONDAY)
    with pytest.raises(ValueError, match="the calendar"):
        week_of(office, "101", date(9999, 12, 28))


def test_the_picture_tells_all_and_stays_inside(night: Plan) -> None:
    week = week_of(night, "101", date(2026, 10, 19))
    root = ElementTree.fromstring(svg(week, NOW))
    _, _, width, height = (int(part) for part in root.attrib["viewBox"].split())
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "anna · 101" in texts
    assert "first switch: Mon 12:00 to B, eva at den" in texts
    assert "Sunday 25 October: clocks go back 1 h, after 02:59" in texts
    assert "anna at home rings for 30 s (h)" in texts
    for element in root.iter("{http://www.w3.org/2000/svg}rect"):
        if "x" in element.attrib:
            assert 0 <= float(element.attrib["x"]) + float(element.attrib["width"]) <= width
            assert 0 <= float(element.attrib["y"]) + float(element.attrib["height"]) <= height
    bars = [element.attrib for element in root.iter("{http://www.w3.org/2000/svg}rect") if "rx" not in element.attrib]
    assert len([bar for bar in bars if bar.get("class") == "bar"]) == sum(len(day.bars) for day in week.days)
    skipped = ElementTree.fromstring(svg(week_of(night, "101", date(2027, 3, 22)), NOW))
    assert any(element.attrib.get("fill") == "url(#skipped)" for element in skipped.iter())
    assert not any(element.attrib.get("fill") == "url(#skipped)" for element in root.iter())


def test_names_cannot_break_the_picture() -> None:
    text = NIGHT.replace("number: 101,", "name: 'A <b> & \"c\"', number: 101,")
    plan = load_texts([("f", text)])[0]["acme.example"]
    root = ElementTree.fromstring(svg(week_of(plan, "101", MONDAY), NOW))
    assert 'A <b> & "c" · 101' in [element.text for element in root.iter()]


def test_letters() -> None:
    assert [letter_of(number) for number in (0, 25, 26, 53)] == ["A", "Z", "A2", "B3"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("found", "days", "words"),
    [
        ([("2026-11-23 00:00", "2026-11-30 00:00")], 7, "always"),
        ([("2026-11-23 22:00", "2026-11-24 06:00")], 7, "mon 22:00-24:00, tue 00:00-06:00"),
        ([("2026-11-27 00:00", "2026-11-29 00:00")], 7, "fri-sat all day"),
        ([("2026-11-23 08:00", "2026-11-23 09:00"), ("2026-11-30 08:00", "2026-11-30 09:00")], 14, "mon 08:00-09:00"),
        ([("2026-11-30 08:00", "2026-11-30 09:00")], 14, "2026-11-30 08:00-09:00"),
        ([(f"2026-11-{day} 08:00", f"2026-11-{day} 09:30") for day in range(23, 30)], 7, "daily 08:00-09:30"),
        ([], 7, ""),
    ],
)
def test_hours_in_words(found: list[tuple[str, str]], days: int, words: str) -> None:
    assert spans.in_words([(at(start), at(end)) for start, end in found], BERLIN, MONDAY, days) == words
