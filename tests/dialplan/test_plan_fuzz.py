"""Whatever stands in a file, only ConfigError comes out; whatever plan was accepted, every call comes to an end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.dialplan.decide import MAX_STEPS, Outcome, Ring, next_step
from softswitch.dialplan.explain import simulate
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan
from softswitch.errors import ConfigError

OFFICE = """\
site: {domain: acme.example, timezone: Europe/Berlin, holidays: {also: [2026-12-24..2026-12-31]}}
schedules:
  office hours:
    - mon-thu 08:00-12:00 13:00-17:00
    - except holidays
  fair: 2026-11-24 09:00 .. 2026-11-27 18:00
lists: {customers: [+49 30 *]}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}, mobile: {dial: +49 170 1}}
    calls:
      - {when: office hours, from: customers, ring: office, for: 15s, then: {busy: carla, no answer: mobile}}
      - steps: [{ring: [office, team]}, {ring: reject busy}]
  carla: {number: 102, places: {home: {phone: [c1, c2]}}, calls: [{when: fair, to: 102, ring: anna}]}
teams: {team: {number: 200, members: [carla, anna], ring: in order, then: anna at office}}
phones: {c1: {secret: c, gateway: no}}
codes: {"600": echo}
assertions: [{at: fri 18:05, to: 600, rings: echo}]
"""
PIECES = [
    *("", "\n", "  ", "- ", ": ", "{", "}", "[", "]", ",", "*", "&a ", '"', "!x ", "\t", "#", "\0", "é", "\ud7ff"),
    *("25:00", "2026-02-30", "except ", "0", "101", "99999999999999999999", "+", "..", "-", "s", "m"),
    *("anna", "carla", "team", " at ", "ring: ", "then: ", "when: ", "steps: ", "routes: ", '"*conditions": '),
]
KEYS = (
    "site domain timezone people anna places calls phone ring then busy steps when teams members schedules hours "
    "holidays also assertions codes lists"
).split()


def load(text: str) -> Plan | None:
    try:
        plans, problems = load_texts([("f", text)])
    except ConfigError as refused:
        problems, plans = refused.problems, {}
    assert all(problem.text and problem.line >= 0 for problem in problems)
    assert bool(plans) != any(problem.severity == "error" for problem in problems)
    return next(iter(plans.values()), None)


edits = st.lists(
    st.tuples(st.integers(0, len(OFFICE)), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=5
)


@settings(max_examples=150, deadline=None)
@given(edits)
def test_edits_of_a_right_file_end_in_a_plan_or_in_problems(changes: list[tuple[int, int, str]]) -> None:
    assert load(OFFICE) is not None
    text = OFFICE
    for at, length, piece in changes:
        text = text[:at] + piece + text[at + length :]
    plan = load(text)
    if plan is not None:
        for user in ("101", "102", "200", "600", "x"):
            assert simulate(plan, user, "fri 18:05")


nested = st.recursive(
    st.sampled_from(["anna", "x", "", "15s", "office hours", "101", "mon 08:00-09:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(nested)
def test_any_shape_ends_in_a_plan_or_in_problems(shape: object) -> None:
    load(flow(shape))
    load("site: {domain: a.example, timezone: UTC}\npeople: " + flow(shape))


def flow(shape: object) -> str:
    match shape:
        case dict():
            return "{" + ", ".join(f'"{key}": {flow(value)}' for key, value in shape.items()) + "}"
        case list():
            return "[" + ", ".join(flow(value) for value in shape) + "]"
        case _:
            return f'"{shape}"'


NAMES = ["p0", "p1", "p2", "p3", "t0", "t1"]
targets = st.sampled_from([*NAMES, *NAMES, "desk", "den", "p0 at desk", "p2 at den", "reject"])
outcomes = st.sampled_from(["busy", "no answer", "unreachable", "declined"])
conditions = st.sampled_from(["", "", "when: day, ", "when: night, ", "from: p1, ", "from: outside, "])


@st.composite
def routes(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return "ring: " + draw(targets)
    ring = draw(st.lists(targets.filter(lambda target: target != "reject"), min_size=1, max_size=3))
    then = draw(st.dictionaries(outcomes, targets, max_size=3))
    return f"ring: [{', '.join(ring)}], then: {{{', '.join(f'{key}: {to}' for key, to in then.items())}}}"


@st.composite
def firms(draw: st.DrawFn) -> str:
    lines = ["site: {domain: a.example, timezone: Europe/Berlin}", "lists: {outside: [+49 *]}"]
    lines += ["schedules: {day: mon-fri 08:00-17:00, night: daily 22:00-06:00}", "people:"]
    for n in range(4):
        rules = draw(st.lists(st.tuples(conditions, routes()), max_size=3))
        desk = draw(st.sampled_from([f"phone: d{n}", f"phone: d{n}", "dial: +49 1"]))
        places = f"desk: {{{desk}}}, den: {{phone: n{n}}}"
        calls = ", ".join(f"{{{condition}{route}}}" for condition, route in rules)
        lines.append(f"  p{n}: {{number: {n}, places: {{{places}}}, calls: [{calls}]}}")
    lines.append("teams:")
    for n in range(2):
        members = draw(st.lists(st.sampled_from(NAMES[:4]), min_size=1, max_size=3, unique=True))
        order, then = draw(st.sampled_from(["all", "in order"])), draw(st.sampled_from(["{}", *NAMES]))
        lines.append(f"  t{n}: {{number: 2{n}, members: [{', '.join(members)}], ring: {order}, then: {then}}}")
    return "\n".join(lines)


@settings(max_examples=100, deadline=None)
@given(
    firms(),
    st.lists(st.sampled_from(list(Outcome)), min_size=MAX_STEPS, max_size=MAX_STEPS),
    st.integers(1_790_000_000, 1_800_000_000),
    st.sampled_from(["", "p1", "+49123"]),
)
def test_every_call_comes_to_an_end(text: str, history: list[Outcome], wall: int, caller: str) -> None:
    plan = load(text)
    if plan is None:
        return
    for user in plan.destinations:
        facts = Facts("a.example", user, caller, "", wall)
        steps = [next_step(plan, facts, tuple(history[:count])) for count in range(MAX_STEPS + 1)]
        rings = [step for step in steps if isinstance(step, Ring)]
        # Once it has ended it stays so.
        assert steps[: len(rings)] == rings
        assert len(rings) <= MAX_STEPS
        for step in rings:
            assert step.phones
            assert len(set(step.phones)) == len(step.phones)
            assert set(step.phones) <= plan.phones.keys()
            assert step.reasons
            assert 1 <= step.seconds <= 600
