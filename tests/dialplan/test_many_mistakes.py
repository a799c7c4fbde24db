"""Two hundred mistakes of every kind in one dialplan: each is told once, where it stands, with what may be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice

import pytest

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError, Problem

MARK = "¦"
"""Where a mistake is to be told."""
OFFICE = {
    "schedules": ["office hours: [mon-fri 08:00-17:00]"],
    "lists": ["customers: [+49 30 *]"],
    "people": [
        "anna: {number: 101, places: {office: {phone: anna-desk}, home: {phone: anna-home}}, "
        "calls: [{when: office hours, from: customers, ring: office}]}"
    ],
    "teams": ["service team: {number: 200, members: [anna]}"],
    "phones": ["anna-desk: {secret: desk}"],
    "numbers": ["+49 89 12340: anna"],
    "codes": ['"600": echo'],
}
Mistake = tuple[str, str, str]
"""The section, or "rule"; an entry of it with the place marked; and words that must be told."""
HOME = "places: {{home: {{phone: ph{n}}}}}"
MISTAKES: list[Mistake] = [
    # rules: names, keys, times
    ("rule", "when: ¦ofice hours, ring: home", 'no schedule "ofice hours"; did you mean "office hours"?'),
    ("rule", "when: [office hours, ¦evening], ring: home", 'no schedule "evening"'),
    ("rule", "from: ¦custmers, ring: home", 'no list, person or team "custmers"; did you mean "customers"?'),
    ("rule", "to: ¦1O1, ring: home", 'nobody is called "1O1"; did you mean'),
    ("rule", "ring: ¦hom", 'no place, person or team "hom"; did you mean "home"?'),
    ("rule", "ring: [home, ¦servis team]", 'no place, person or team "servis team"; did you mean "service team"?'),
    ("rule", "ring: ¦anna at offce", 'anna has no place "offce"; did you mean "office"?'),
    ("rule", "ring: ¦ana at home", 'no person "ana"; did you mean "anna"?'),
    ("rule", "¦rings: home", 'unknown key "rings"; did you mean "ring"?'),
    ("rule", "ring: home, ¦whenn: office hours", 'unknown key "whenn"; did you mean "when"?'),
    ("rule", "ring: home, for: ¦15", "15"),
    ("rule", "ring: home, for: ¦11m", "11m"),
    ("rule", "ring: home, then: {{¦bussy: anna}}", 'no outcome "bussy"; did you mean "busy"?'),
    ("rule", "ring: home, then: {{busy: ¦ana}}", 'no place, person or team "ana"; did you mean "anna"?'),
    ("rule", "ring: home, then: {{busy: {{ring: ¦anan}}}}", 'did you mean "anna"?'),
    ("rule", "steps: [{{ring: home}}, {{ring: ¦servise team}}]", 'did you mean "service team"?'),
    ("rule", "ring: ¦[reject, home]", "a rejection stands alone"),
    ("rule", "ring: reject, ¦then: home", "nothing can follow a rejection"),
    ("people", "p{n}: {{HOME, calls: [¦{{for: 15s}}]}}", "this does not say whom to ring"),
    ("rule", "ring: home, steps: ¦[{{ring: home}}]", "steps: says all"),
    ("people", "p{n}: {{HOME, calls: ¦home}}", "a list is expected here"),
    # people and places
    ("people", "p{n}: {{HOME, number: ¦101}}", '"101" already means anna (f:'),
    ("people", "p{n}: {{HOME, number: ¦10a}}", "\"10a\" can't be a number"),
    ("people", "p{n}: {{HOME, number: ¦112}}", "112 is an emergency number"),
    ("people", "p{n}: {{HOME, timezone: ¦Europe/Berln}}", 'no timezone "Europe/Berln"; did you mean "Europe/Berlin"?'),
    ("people", "p{n}: {{places: {{¦desk: {{}}}}}}", "a place needs a phone, or a number to dial"),
    ("people", "p{n}: {{places: {{¦desk: {{phone: ph{n}, dial: +49 170 1}}}}}}", "not both"),
    ("people", "p{n}: {{places: {{desk: {{phone: ¦anna-desk}}}}}}", "is at anna at office already"),
    ("people", "p{n}: {{places: {{¦anna: {{phone: ph{n}}}}}}}", '"anna" is the name of a person already'),
    ("people", "p{n}: {{places: {{¦voicemail: {{phone: ph{n}}}}}}}", "has a meaning of its own"),
    ("people", "p{n}: {{places: {{desk: {{¦fone: ph{n}}}}}}}", 'unknown key "fone"; did you mean "phone"?'),
    ("people", "p{n}: {{places: {{desk: {{phone: ¦my phone{n}}}}}}}", "can't be an account"),
    ("people", "¦p {n}: {{HOME}}", "can't be dialled"),
    # schedules
    ("schedules", "s{n}: [¦mon-fry 08:00-17:00]", '"mon-fry" is no day'),
    ("schedules", "s{n}: [¦mon-fri 08:00-25:00]", "there is no time 25:00"),
    ("schedules", "s{n}: [¦mon 08:60-09:00]", "there is no time 08:60"),
    ("schedules", "s{n}: [daily, ¦2026-02-30]", "there is no day 2026-02-30"),
    ("schedules", "s{n}: [¦mon 08:00-08:00]", "is empty"),
    ("schedules", "s{n}: [¦2026-12-31..2026-12-27]", "ends before it starts"),
    ("schedules", "s{n}: [¦2026-11-27 18:00 .. 2026-11-24 09:00]", "ends before it starts"),
    ("schedules", "s{n}: [¦08:00-17:00]", "does not say on which days"),
    ("schedules", "s{n}: [daily, ¦except mon 08:00-12:00]", "an exception takes whole days out"),
    ("schedules", "s{n}: ¦[except mon]", "there are only exceptions"),
    ("schedules", "s{n}: [¦week 54]", "there is no week 54"),
    ("schedules", "s{n}: {{hours: daily, timezone: ¦Mars}}", 'no timezone "Mars"'),
    ("schedules", "s{n}: {{calendar: ¦none{n}.ics}}", "cannot be read: No such file"),
    ("schedules", "s{n}: {{calendar: ¦'http://calendar.example/{n}.ics'}}", "must begin with https://"),
    ("schedules", "s{n}: ¦{{timezone: UTC}}", "a schedule needs hours, or a calendar"),
    # teams, lists, phones, numbers, codes
    ("teams", "t{n}: {{members: [anna, ¦ana]}}", 'no person "ana"; did you mean "anna"?'),
    ("teams", "t{n}: {{members: ¦[anna, anna]}}", "somebody is a member twice"),
    ("teams", "t{n}: {{members: [anna], ring: ¦in turns}}", 'did you mean "in turn"?'),
    ("teams", "t{n}: {{members: [anna], for: ¦soon}}", "soon"),
    ("teams", "¦t{n}: {{number: 7{n}}}", '"members" is missing'),
    ("lists", "l{n}: [+49 30 *, ¦030 12]", '"030 12" is no outside number'),
    ("phones", "ph{n}: {{secret: ¦not a name}}", "not the secret itself"),
    ("phones", "ph{n}: {{gateway: ¦true}}", "write yes or no"),
    ("numbers", "+49 89 77{n:03}: ¦ana", 'no person or team "ana"; did you mean "anna"?'),
    ("codes", '"*9{n}": ¦ecko', 'did you mean "echo"?'),
    # what YAML has and this language has not
    ("people", "p{n}: {{HOME, number: 1{n:03}, ¦number: 2{n:03}}}", '"number" is here twice'),
    ("people", "p{n}: {{HOME, name: ¦*somebody}}", "aliases (*somebody) are not used here"),
    ("people", "p{n}: {{HOME, name: ¦&a{n} Anna}}", "are not used here"),
    ("people", "p{n}: {{HOME, name: ¦!name Anna}}", "tags (!name) are not used here"),
]  # fmt: skip
COUNT = 200


def planted(mistakes: Iterable[Mistake]) -> tuple[str, list[tuple[int, int, str]]]:
    """A dialplan with these mistakes, and where each is to be told in which words."""
    sections = {name: list(lines) for name, lines in OFFICE.items()}
    words: dict[str, list[str]] = {}
    for number, (section, line, said) in enumerate(mistakes):
        if section == "rule":
            section, line = "people", "p{n}: {{HOME, calls: [{{LINE}}]}}".replace("LINE", line)
        sections[section].append(line.replace("HOME", HOME).format(n=number))
        words.setdefault(section, []).append(said)
    lines = ["site: {domain: acme.example, timezone: Europe/Berlin, country: DE}"]
    found = []
    for section, entries in sections.items():
        lines.append(f"{section}:")
        saying = iter(words.get(section, ()))
        for entry in entries:
            text = f"  {entry}"
            lines.append(text.replace(MARK, ""))
            if MARK in text:
                found.append((len(lines), text.index(MARK) + 1, next(saying)))
    return "\n".join(lines) + "\n", found


def errors(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as refused:
        load_texts([("f", text)])
    return [problem for problem in refused.value.problems if problem.severity == "error"]


def test_the_office_without_mistakes_is_right() -> None:
    text, _ = planted([])
    assert load_texts([("f", text)])[1] == []


def test_two_hundred_mistakes_are_all_told() -> None:
    text, expected = planted(islice(cycle(MISTAKES), COUNT))
    told = {(one.line, one.column): one.text for one in errors(text)}
    for line, column, words in expected:
        assert words in told.get((line, column), ""), f"{line}:{column} {words}: {text.splitlines()[line - 1]}"
    assert len(errors(text)) == COUNT == len(told)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{number}" for number in range(len(MISTAKES))])
def test_each_is_told_alone(mistake: Mistake) -> None:
    """None of them only shows because of another one, and none is told twice."""
    text, ((line, column, words),) = planted([mistake])
    (one,) = errors(text)
    assert (one.line, one.column) == (line, column)
    assert words in one.text


def wrong_assertions(count: int) -> Iterator[tuple[str, str]]:
    kinds = [
        ("{at: mon 10:00, to: 101, rings: ¦anna at home}", "this does not hold: anna at office rings"),
        ("{at: mon 10:00, to: 101, rings: ¦anna at hom}", 'did you mean "anna at home"?'),
        (
            "{at: mon 10:00, from: ¦ana, to: 101, rings: nobody}",
            'nobody here is called "ana", and it is no number; did',
        ),
        ("{at: ¦someday, to: 101, rings: nobody}", '"someday" is no moment'),
        ("{at: ¦2026-02-30 10:00, to: 101, rings: nobody}", "there is no day 2026-02-30"),
        (
            "{at: mon 10:00, to: 101, rings: anna at office, ¦then if bussy: nobody}",
            'no outcome "bussy"; did you mean "busy"?',
        ),
        ("{at: mon 10:00, to: 101, rings: anna at office, then if busy: ¦anna}", "the call is refused: 486"),
    ]
    return islice(cycle(kinds), count)


def test_every_assertion_that_fails_is_told() -> None:
    text, _ = planted([])
    text = text.replace("from: customers, ", "") + "assertions:\n"
    expected = []
    for line, words in wrong_assertions(50):
        expected.append((text.count("\n") + 1, f"  - {line}".index(MARK) + 1, words))
        text += f"  - {line}\n".replace(MARK, "")
    told = {(one.line, one.column): one.text for one in errors(text)}
    assert len(told) == 50
    for line_number, column, words in expected:
        assert words in told.get((line_number, column), ""), (line_number, column, words)
