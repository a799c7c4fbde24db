"""What is refused in a dialplan, where it is said to stand, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.dialplan.load import load_plans, load_texts
from softswitch.errors import ConfigError, Problem

OFFICE = """\
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
schedules:
  office hours: [mon-fri 08:00-17:00]
people:
  anna:
    number: 101
    places:
      office: {phone: anna-desk}
      home: {phone: anna-home}
    calls:
      - {when: office hours, ring: office, then: home}
  carla: {number: 102, places: {kitchen: {phone: carla-home}}}
teams:
  service team: {number: 200, members: [anna, carla]}
phones:
  anna-desk: {secret: desk}
codes: {"600": echo}
"""


def load(text: str) -> list[Problem]:
    try:
        return load_texts([("f", text)])[1]
    except ConfigError as error:
        return error.problems


def test_the_office_of_these_tests_is_right() -> None:
    assert load(OFFICE) == []


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        # the site
        ("domain: acme.example, ", "", 'f:1:1: "domain" is missing'),
        ("acme.example", "acme example", 'f:1:16: "acme example" can\'t be a domain; write it like acme.example'),
        ("timezone: Europe/Berlin, ", "", 'f:1:7: "timezone" is missing, e.g. Europe/Berlin'),
        (
            "Europe/Berlin",
            "Europe/Berln",
            'f:1:40: no timezone "Europe/Berln"; did you mean "Europe/Berlin"?',
        ),
        ("country:", "county:", 'f:1:55: unknown key "county"; did you mean "country"?'),
        ("country: DE", "holidays: {also: [2026-02-30]}", "f:1:73: there is no day 2026-02-30"),
        # schedules
        ("08:00-17:00", "08:00-25:00", "f:3:18: there is no time 25:00"),
        ("mon-fri 08:00-17:00", "mon-fry 08:00-17:00",
         'f:3:18: "mon-fry" is no day; write mon, mon-fri, daily, holidays or a date such as 2026-12-24'),
        ("[mon-fri 08:00-17:00]", "{calendar: x.ics, hours: daily}",
         "f:3:28: x.ics cannot be read: No such file or directory"),
        ("[mon-fri 08:00-17:00]", "{calendar: 'http://a.example/x.ics'}",
         'f:3:28: "http://a.example/x.ics" must begin with https://'),
        ("[mon-fri 08:00-17:00]", "{timezone: UTC}", "f:3:17: a schedule needs hours, or a calendar"),
        ("[mon-fri 08:00-17:00]", "[except mon]", "f:3:17: there are only exceptions; write the hours too"),
        ("country: DE}\nschedules:\n  office hours: [", "}\nschedules:\n  office hours: [except holidays, ",
         "f:3:18: which holidays? the site needs a country, or holidays of its own"),
        ("[mon-fri 08:00-17:00]", "{country: XX, hours: [daily, except holidays]}",
         'f:3:27: no holidays are known for the country "XX"'),
        ("[mon-fri 08:00-17:00]", "{holidays: {also: [2026-02-30]}, hours: [daily, except holidays]}",
         "f:3:36: there is no day 2026-02-30"),
        # rules
        ("when: office hours", "when: ofice hours",
         'f:11:16: no schedule "ofice hours"; did you mean "office hours"?'),
        ("when: office", "whenn: office", 'f:11:10: unknown key "whenn"; did you mean "when"?'),
        ("ring: office, then", "rang: office, then", 'f:11:30: unknown key "rang"; did you mean "ring"?'),
        ("ring: office", "ring: ofice", 'f:11:36: no place, person or team "ofice"; did you mean "office"?'),
        ("ring: office", "ring: [office, homee]",
         'f:11:45: no place, person or team "homee"; did you mean "home"?'),
        ("ring: office", "ring: carla at home", 'f:11:36: carla has no place "home"'),
        ("ring: office", "ring: karla at kitchen", 'f:11:36: no person "karla"; did you mean "carla"?'),
        ("ring: office", "ring: +49 170 1",
         "f:11:36: +49 170 1 can't be rung: there are no trunks to the public network"),
        ("ring: office", "ring: voicemail", "f:11:47: nothing can follow what the switch answers itself"),
        ("ring: office, then: home", "ring: [office, reject]",
         "f:11:36: a rejection stands alone, not beside others to ring"),
        ("ring: office", "ring: reject", "f:11:44: nothing can follow a rejection"),
        ("ring: office, ", "", "f:11:9: this does not say whom to ring"),
        ("ring: office", "for: 15, ring: office", 'f:11:35: "15" is no time to ring; write 15s or 2m'),
        ("ring: office", "for: 0s, ring: office",
         "f:11:35: 0s cannot be meant; a phone may ring between 1s and 10m"),
        ("then: home", "then: {bussy: home}", 'f:11:51: no outcome "bussy"; did you mean "busy"?'),
        ("then: home", "then: {no answer: hom}",
         'f:11:62: no place, person or team "hom"; did you mean "home"?'),
        ("then: home", "then: {busy: {ring: home, four: 5s}}",
         'f:11:70: unknown key "four"; did you mean "for"?'),
        ("ring: office", "ring: office, steps: [{ring: home}]",
         "f:11:51: steps: says all; write ring, for and then inside of it"),
        ("ring: office", "from: custmers, ring: office", 'f:11:36: no list, person or team "custmers"'),
        ("ring: office", "to: 999, ring: office", 'f:11:34: nobody is called "999"'),
        ("calls:\n      - {when: office hours, ring: office, then: home}", "calls: office",
         "f:10:12: a list is expected here"),
        # people, places, phones
        ("number: 102", "number: 101", 'f:12:19: "101" already means anna (f:6)'),
        ("number: 102", "number: 110", "f:12:19: 110 is an emergency number and can't be anybody's"),
        ("number: 102", "number: 1o2", 'f:12:19: "1o2" can\'t be a number; it has digits only, 15 at most'),
        ("number: 102", "number: [102]", "f:12:19: text is expected here"),
        ("phone: carla-home", "phone: anna-desk",
         'f:12:50: the phone "anna-desk" is at anna at office already (f:8)'),
        ("{phone: carla-home}", "{}", "f:12:33: a place needs a phone, or a number to dial"),
        ("{phone: carla-home}", "{phone: c, dial: +49 170 1234567}",
         "f:12:33: a place has a phone or a number to dial, not both; make it two places"),
        ("{phone: carla-home}", "{dial: home}", 'f:12:49: "home" is no number; write +49 170 1234567'),
        ("  carla: {", "  d c: {places: {}, calls: [{ring: reject}]}\n  carla: {",
         'f:12:3: "d c" can\'t be dialled; use letters, digits, ".", "-" and "_"'),
        ("kitchen", "service team", 'f:14:3: "service team" is the name of a place already (f:12)'),
        ("kitchen", "voicemail", 'f:12:33: "voicemail" has a meaning of its own and can\'t be a name'),
        ("kitchen", "home at last", 'f:12:33: "home at last" can\'t be a name'),
        ("{secret: desk}", "{secret: pa$$word!}",
         "f:16:23: secret: is the name of an entry in the secrets file, not the secret itself"),
        ("{secret: desk}", "{password: desk}", 'f:16:15: unknown key "password"'),
        ("{secret: desk}", "{gateway: true}", "f:16:24: write yes or no"),
        # teams, codes
        ("[anna, carla]", "[anna, clara]", 'f:14:47: no person "clara"; did you mean "carla"?'),
        ("[anna, carla]", "[anna, 101]", "f:14:40: somebody is a member twice"),
        (", members: [anna, carla]", "", 'f:14:3: "members" is missing'),
        ("members: [anna, carla]", "members: anna, ring: al",
         'f:14:52: a team rings all, in order, in turn, longest idle or at random, not "al"; did you mean "all"?'),
        ('"600": echo', '"600": forward all', 'f:17:9: "600" lacks its {number}'),
        ('"600": echo', '"600": ecko', 'f:17:16: no code does "ecko"; did you mean "echo"?'),
        ('"600": echo', '"600": zzz',
         'f:17:16: no code does "zzz"; there are echo, voicemail, park, pickup, emergency test, forward all, '
         "forward busy, forward no answer, forward unreachable, forward none, do not disturb, do not disturb off, "
         "I am at, by my rules"),
        ('"600": echo', '"*21*{numbr}": forward all',
         'f:17:9: "{numbr}" means nothing in a code; there are {number}, {place}, {until}'),
        ('"600": echo', '"*21*{number}*{number}": forward all',
         'f:17:9: "*21*{number}*{number}" asks for the same twice'),
        ('"600": echo', '"*78*{place}": do not disturb', "f:17:9: {place} has nothing to do here"),
        ('"600": echo', '"#21#{until}": forward none', "f:17:9: {until} has nothing to do here"),
        ("number: 101", "number: 101\n    busy when: talking", 'f:7:16: only "on any call" is known here'),
        ("country: DE", "country: DE, forwards: many", "f:1:78: forwards: is how often a call may be sent on, 1 to 30"),
        ('"600": echo', '"112": echo', "f:17:9: 112 is an emergency number and can't be a code"),
        ('"600": echo', '"102": echo', 'f:17:16: "102" already means carla (f:12)'),
        ('"600": echo', '"*55{place}": echo',
         "f:17:9: {place} has nothing to do here"),
        ('"600": echo', '"6o0": echo',
         'f:17:9: "6o0" can\'t be dialled; a code has digits, * and # only, and perhaps {number}'),
        # numbers
        ("codes:", "numbers: {+49 89 1234: karla}\ncodes:",
         'f:17:24: no person or team "karla"; did you mean "carla"?'),
        ("codes:", "numbers: {089 1234: carla}\ncodes:",
         'f:17:11: "089 1234" can\'t be a number called from outside; write +49 89 12340'),
        ("codes:", "numbers: {+49 89 1234: carla, +49 (89) 1234: anna}\ncodes:",
         'f:17:46: "+49891234" already means carla (f:17)'),
        # keys of the file
        ("phones:", "fones:", 'f:15:1: unknown key "fones"; did you mean "phones"?'),
        ("codes: {", "codes: [{", None),
        # YAML
        ("number: 101", "number: 101\n    number: 103", 'f:7:5: "number" is here twice; the first is in line 6'),
        ("number: 101", "number: &n 101", "f:6:13: anchors (&n) are not used here; write the value out"),
    ],
)  # fmt: skip
def test_one_mistake_is_told_once_and_where_it_stands(right: str, wrong: str, expected: str | None) -> None:
    assert right in OFFICE
    found = [str(problem) for problem in load(OFFICE.replace(right, wrong, 1)) if problem.severity == "error"]
    if expected is None:
        assert len(found) == 1
    else:
        assert found == [expected]


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("when: office hours, ", "", 'f:3:3: warning: nobody uses the schedule "office hours"'),
        ("- {when: office hours,", "- {ring: office}\n      - {when: office hours,",
         "f:12:9: warning: from here on no rule can be reached: rule 1 fits every call"),
        ("{phone: carla-home}", "{dial: +49 170 1234567, confirm: press 1}",
         "f:12:43: warning: there are no trunks to call this number over, so this place is unreachable"),
        ("  anna-desk:", "  anna-dsk:",
         'f:16:3: warning: the phone "anna-dsk" is at nobody\'s place; did you mean "anna-desk"?'),
        ("{phone: carla-home}", "{dial: +49 170 1234567}",
         "f:12:3: warning: carla has no phone; calls for carla are refused"),
    ],
)  # fmt: skip
def test_what_is_odd_is_a_warning(right: str, wrong: str, expected: str) -> None:
    assert right in OFFICE
    found = load(OFFICE.replace(right, wrong, 1))
    assert expected in [str(problem) for problem in found]
    assert all(problem.severity == "warning" for problem in found)


def test_all_mistakes_of_all_files_are_told_together() -> None:
    others = "site: {domain: other.example, timezone: Mars/Olympus}\npeople: {eva: {number: x}}\n"
    wrong = OFFICE.replace("office hours, r", "ofice hours, r").replace("[anna, carla]", "[anna, clara]")
    with pytest.raises(ConfigError) as caught:
        load_texts([("a.yaml", wrong), ("b.yaml", others), ("c.yaml", "a: [")])
    errors = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert [(problem.file, problem.line) for problem in errors] == [
        ("a.yaml", 11),
        ("a.yaml", 14),
        ("b.yaml", 1),
        ("b.yaml", 2),
        ("c.yaml", 2),
    ]


def test_two_hundred_mistakes_are_two_hundred_problems() -> None:
    people = [
        f"  p{n}:\n    places: {{}}\n    calls:\n"
        + (f"      - {{ring: nobody{n}, for: 15s}}" if n % 2 else "      - {ring: p0, for: 15, wen: x}")
        for n in range(1, 134)
    ]
    text = "site: {domain: a.example, timezone: UTC}\npeople:\n  p0: {places: {o: {phone: x}}}\n" + "\n".join(people)
    assert sum(problem.severity == "error" for problem in load(text)) == 67 * 1 + 66 * 2


def test_what_is_wrong_is_not_told_again_where_it_is_used() -> None:
    text = OFFICE.replace("office hours: [mon-fri 08:00-17:00]", "office hours: {hours: {x: y}}").replace(
        "carla: {number: 102, places: {kitchen: {phone: carla-home}}}", "carla: 102"
    )
    assert [problem.line for problem in load(text)] == [3, 12]


def test_a_loop_without_way_out_is_told_with_its_path() -> None:
    loop = OFFICE.replace("kitchen: {phone: carla-home}}", "kitchen: {phone: carla-home}}, calls: [{ring: dario}]")
    loop = loop.replace("teams:", "  dario: {places: {den: {phone: d}}, calls: [{ring: desk}]}\nteams:\n"
                        "  desk: {members: [eva], then: carla}")  # fmt: skip
    loop = loop.replace("teams:", "  eva: {number: 105}\nteams:", 1)
    errors = [str(problem) for problem in load(loop) if problem.severity == "error"]
    assert errors == ["f:12:3: calls go round without ever ringing: carla → dario → desk → carla"]
    # With a way out it is no loop.
    assert load(loop.replace("[{ring: desk}]", "[{ring: desk, then: den}]"))[0].severity == "warning"
    assert not [p for p in load(loop.replace("then: carla", "then: reject")) if p.severity == "error"]


def test_a_condition_may_break_a_loop() -> None:
    loop = OFFICE.replace("{when: office hours, ring: office, then: home}", "{ring: carla}").replace(
        "kitchen: {phone: carla-home}}", "kitchen: {phone: carla-home}}, calls: [{when: office hours, ring: anna}]"
    )
    warned = load(loop)  # at the hours when the condition doesn't break it
    assert warned
    assert all("nobody can reach" in one.text and one.severity == "warning" for one in warned)


def test_several_files_are_one_site_or_several() -> None:
    more = "site: {domain: acme.example}\npeople: {dario: {number: 103, places: {den: {phone: dario-home}}}}\n"
    other = "site: {domain: other.example, timezone: UTC}\npeople: {anna: {number: 101, places: {x: {phone: y}}}}\n"
    plans, _ = load_texts([("a", OFFICE), ("b", more), ("c", other)])
    assert set(plans) == {"acme.example", "other.example"}
    assert set(plans["acme.example"].people) == {"anna", "carla", "dario"}
    assert set(plans["other.example"].people) == {"anna"}
    assert plans["other.example"].timezone == "UTC"


def test_an_entry_in_two_files_is_refused() -> None:
    more = "site: {domain: acme.example, timezone: UTC}\npeople:\n  anna: {number: 103}\n"
    with pytest.raises(ConfigError) as caught:
        load_texts([("a", OFFICE), ("b", more)])
    assert [str(problem) for problem in caught.value.problems] == [
        "b:1:40: the timezone is Europe/Berlin already (a:1)",
        'b:3:3: "anna" is already written in a:5',
    ]


def test_files(tmp_path: Path) -> None:
    good, huge = tmp_path / "good.yaml", tmp_path / "huge.yaml"
    good.write_text(OFFICE)
    assert set(load_plans([good])[0]) == {"acme.example"}
    huge.write_bytes(b"# " + b"x" * 50_000_000)
    with pytest.raises(ConfigError) as caught:
        load_plans([good, huge, tmp_path / "none.yaml"])
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "huge.yaml:0:0: larger than 16000000 bytes",
        "none.yaml:0:0: cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "~", "- a\n- b", "text", "site:", "site: []", "people: {anna: {places: {office: }}}", "{}", "a: [" * 15],
)
def test_files_that_are_no_dialplan_end_in_problems(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_texts([("f", text)])
    assert caught.value.problems


def test_no_file_is_a_problem_too() -> None:
    with pytest.raises(ConfigError, match="there is no dialplan"):
        load_plans([])


def test_another_way_for_the_sound_than_there_is() -> None:
    text = "site: {domain: acme.example, timezone: Europe/Berlin}\nphones:\n  gate: {gateway: yes, media: relayed}\n"
    with pytest.raises(ConfigError) as caught:
        load_texts([("acme.yaml", text)])
    (problem,) = caught.value.problems
    assert 'media: "relayed" is not understood; write relay, direct, "direct in office-lan"' in str(problem)


def test_a_schedule_with_holidays_that_it_never_speaks_of_is_warned_about() -> None:
    warned = load(OFFICE.replace("[mon-fri 08:00-17:00]", "{country: AT, hours: daily}"))
    assert [str(one) for one in warned] == [
        "f:3:18: warning: country: has no effect: no line of this schedule speaks of holidays"
    ]


def test_a_phone_that_shall_do_what_it_cant_is_refused() -> None:
    text = "site: {domain: acme.example, timezone: Europe/Berlin}\nphones:\n  gate: {gateway: yes, srtp: required}\n"
    with pytest.raises(ConfigError) as caught:
        load_texts([("acme.yaml", text)])
    (problem,) = caught.value.problems
    assert str(problem) == (
        'acme.yaml:3:30: srtp: "required" is none of require, prefer, never; did you mean "require"?'
    )


def test_hours_at_which_nobody_can_be_reached_are_warned_about() -> None:
    late = "dario: {number: 103}\n  carla: {calls: [{when: office hours, ring: anna}, {ring: dario}], number: 102, "
    (no_phone, hours) = load(OFFICE.replace("carla: {number: 102, ", late))
    assert "dario has no phone" in no_phone.text
    when = "mon-fri 00:00-08:00 17:00-24:00, sat-sun all day"
    assert hours.text == f"nobody can reach carla {when}: no phone rings then"
    rejected = OFFICE.replace("carla: {number: 102, ", "carla: {number: 102, calls: [{ring: reject}], ")
    assert load(rejected) == []
