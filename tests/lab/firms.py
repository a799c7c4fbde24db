"""Random firms: dialplans that use the language as operators might, for what must hold whatever is written."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

OUTCOMES = ("busy", "no answer", "unreachable", "declined")
ENDS = ("reject", "reject busy", "reject unavailable")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland", "UTC")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PEOPLE = 4
TEAMS = 2
OUTSIDE = ("+4930123456", "004930777", "+33123456", "+498912345678")
"""Callers from outside; of the first list are the ones with +49 30."""
ORDERS = ("all", "in order", "in turn", "longest idle", "at random")


@dataclass(frozen=True, slots=True)
class Words:
    """What routes speak of, and how they like to be written."""

    targets: Sequence[str]
    ends: Sequence[str] = ENDS
    outcomes: Sequence[str] = OUTCOMES
    most_at_once: int = 3
    ending: float = 0.1
    """How often a step is a rejection."""
    timed: float = 0.6
    """How often a step says for how long."""
    following: float = 0.5
    """How often a step says what follows."""
    longest: int = 3
    """Steps of the long form."""
    depth: int = 2
    """How deep what follows may have something that follows."""


def route(source: random.Random, words: Words, depth: int = 0) -> str:
    """The inside of a rule or of what follows an outcome, in one of its forms."""
    count = source.choice([1, 1, *range(1, words.longest + 1)])
    if count == 1 and source.random() < 0.7:
        return step(source, words, depth)
    return "steps: [" + ", ".join("{" + step(source, words, depth) + "}" for _ in range(count)) + "]"


def step(source: random.Random, words: Words, depth: int = 0) -> str:
    """Whom to ring, for how long, and what follows."""
    if source.random() < words.ending:
        return f"ring: {source.choice(words.ends)}"
    count = source.choice([1, 1, *range(1, words.most_at_once + 1)])
    chosen = [source.choice(words.targets) for _ in range(count)]
    parts = [f"ring: {chosen[0]}" if count == 1 else f"ring: [{', '.join(chosen)}]"]
    if source.random() < words.timed:
        parts.append(f"for: {source.choice([1, 4, 10, 15, 25, 35, 40])}s")
    if depth < words.depth and source.random() < words.following:
        parts.append(f"then: {then(source, words, depth + 1)}")
    return ", ".join(parts)


def then(source: random.Random, words: Words, depth: int = 0) -> str:
    """What follows, whatever comes or by outcome."""
    if source.random() < 0.25:
        return follow(source, words, depth)
    outcomes = source.sample(words.outcomes, source.randint(1, len(words.outcomes)))
    return "{" + ", ".join(f"{outcome}: {follow(source, words, depth)}" for outcome in outcomes) + "}"


def follow(source: random.Random, words: Words, depth: int) -> str:
    if source.random() < 0.5:
        return source.choice([*words.targets, *words.ends])
    return "{" + route(source, words, depth) + "}"


def days(source: random.Random, holidays: bool) -> str:
    """Days of a schedule's line."""
    kind = source.choice(
        ["range", "range", "list", "daily", "date", "dates", "weeks", "holidays" if holidays else "list"]
    )
    first, last = sorted(source.sample(range(7), 2))
    match kind:
        case "range":
            return f"{WEEKDAYS[first]}-{WEEKDAYS[last]}"
        case "list":
            return ", ".join(WEEKDAYS[day] for day in sorted(source.sample(range(7), source.randint(1, 3))))
        case "weeks":
            weeks = source.choice(["even weeks", "odd weeks", f"week {source.randint(1, 52)}", "weeks 51-2"])
            return f"{weeks} {WEEKDAYS[first]}-{WEEKDAYS[last]}"
        case "date":
            return date(source)
        case "dates":
            month = source.randint(1, 12)
            return f"2026-{month:02}-03..2026-{month:02}-{source.randint(4, 28):02}"
        case other:
            return other


def date(source: random.Random) -> str:
    return f"2026-{source.randint(1, 12):02}-{source.randint(1, 28):02}"


def times(source: random.Random) -> str:
    """One or two ranges; the last may go over midnight."""
    edges = sorted(source.sample(range(96), source.choice([2, 4])))
    texts = [f"{edge // 4:02}:{edge % 4 * 15:02}" for edge in edges]
    if source.random() < 0.2:
        texts[-1] = "24:00"
    elif source.random() < 0.2:
        return f"{texts[-1]}-{texts[0]}"
    return " ".join(f"{start}-{end}" for start, end in zip(texts[::2], texts[1::2], strict=True))


def schedule(source: random.Random, holidays: bool) -> str:
    """A list of lines, with a zone of its own now and then."""
    lines = [f"{days(source, holidays)} {times(source)}" for _ in range(source.randint(1, 3))]
    if source.random() < 0.2:
        day = date(source)
        lines.append(f"{day} 09:30 .. {day[:-2]}{min(28, int(day[-2:]) + 2):02} 18:00")
    if source.random() < 0.4:
        lines.append(f"except {source.choice(['holidays', 'mon', date(source)]) if holidays else date(source)}")
    listed = "[" + ", ".join(f'"{line}"' for line in lines) + "]"
    if source.random() < 0.2:
        return f"{{timezone: {source.choice(ZONES)}, hours: {listed}}}"
    return listed


def conditions(source: random.Random, own: int, schedules: Sequence[str]) -> str:
    """What a rule asks; nothing for every third."""
    parts = []
    if source.random() < 0.5 and schedules:
        chosen = source.sample(schedules, min(len(schedules), source.choice([1, 1, 2])))
        parts.append(f"when: [{', '.join(chosen)}]")
    if source.random() < 0.3:
        callers = ["customers", "anonymous", "+49 89 *", "+*", "t0", *(f"p{n}" for n in range(PEOPLE) if n != own)]
        parts.append(f"from: [{', '.join(source.sample(callers, source.choice([1, 2])))}]")
    if source.random() < 0.15:
        parts.append(f"to: {source.choice([f'p{own}', f'{100 + own}', f'+49 89 1234{own}'])}")
    return "".join(f"{part}, " for part in parts)


def firm(source: random.Random) -> str:
    """A dialplan of a few people and teams. One in some is refused, since its calls could go round."""
    holidays = source.random() < 0.4
    site = f"domain: acme.example, timezone: {source.choice(ZONES)}"
    if holidays:
        site += f", country: DE, holidays: {{region: BY, also: [{date(source)}], except: [2026-12-26]}}"
    names = [f"s{n}" for n in range(source.randint(0, 3))]
    lines = [f"site: {{{site}}}", "lists: {customers: [+49 30 *, +33 123456]}", "schedules:"]
    lines += [f"  {name}: {schedule(source, holidays)}" for name in names] or ["  {}"]
    lines.append("people:")
    others = [f"p{n}" for n in range(PEOPLE)] + [f"t{n}" for n in range(TEAMS)]
    for n in range(PEOPLE):
        sent_on = [other for other in others if other != f"p{n}"] + [f"p{(n + 1) % PEOPLE} at desk", f"{101 + n % 3}"]
        words = Words([*(f"desk{n}", f"den{n}", f"p{n}", f"desk{n}", f"den{n}", f"van{n}") * 2, *sent_on])
        words = Words(
            [
                target.replace(f"desk{n}", "desk").replace(f"den{n}", "den").replace(f"van{n}", "van")
                for target in words.targets
            ]
        )
        rules = [f"{{{conditions(source, n, names)}{route(source, words)}}}" for _ in range(source.randint(0, 4))]
        zone = f"timezone: {source.choice(ZONES)}, " if source.random() < 0.2 else ""
        den = source.choice([f"n{n}", f"[n{n}, m{n}]"])
        places = f"desk: {{phone: d{n}}}, den: {{phone: {den}}}, van: {{dial: +49 170 {n}}}"
        lines.append(f"  p{n}: {{number: {100 + n}, {zone}places: {{{places}}}, calls: [{', '.join(rules)}]}}")
    lines.append("teams:")
    words = Words([*others, *(f"p{n} at desk" for n in range(PEOPLE))], most_at_once=2, depth=1)
    for n in range(TEAMS):
        members = source.sample(others[:PEOPLE], source.randint(1, PEOPLE))
        parts = [f"number: {200 + n}", f"members: [{', '.join(members)}]", f"ring: {source.choice(ORDERS)}"]
        if source.random() < 0.5:
            parts.append(f"for: {source.choice([5, 12, 20])}s")
        if source.random() < 0.5:
            parts.append(f"then: {then(source, words)}")
        lines.append(f"  t{n}: {{{', '.join(parts)}}}")
    lines.append("phones: {gate: {gateway: yes}}")
    lines.append("numbers: {" + ", ".join(f"+49 89 1234{n}: p{n}" for n in range(PEOPLE)) + ", +49 89 12345: t1}")
    lines.append('codes: {"600": echo}')
    return "\n".join(lines) + "\n"
