"""What one decision costs, in microseconds, against the size of the plan: 10, 1 000 and 10 000 people."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from softswitch.dialplan.decide import Outcome, next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan

SIZES = (10, 1000, 10_000)
RULES = 20
CALLS = 20_000
NOON = 1_795_777_200.0  # Friday 2026-11-27 11:00 UTC


def office(size: int) -> str:
    """A third of the people have no rules, a third one rule, a third twenty of which the last fits."""
    lines = ["site: {domain: bench.example, timezone: Europe/Berlin}", "schedules:"]
    lines.append("  office hours: [mon-fri 08:00-12:00 12:30-17:00]")
    lines += [f"  night {n}: ['daily 22:{n:02}-06:{n:02}']" for n in range(RULES)]
    lines.append("people:")
    for n in range(size):
        lines.append(f"  p{n}:\n    number: {100_000 + n}")
        lines.append(f"    places: {{desk: {{phone: desk{n}}}, home: {{phone: home{n}}}}}")
        if n % 3:
            lines.append("    calls:")
        if n % 3 == 2:
            lines += [f"    - {{when: night {rule}, ring: home}}" for rule in range(RULES - 1)]
        if n % 3:
            lines.append("    - {when: office hours, ring: desk, for: 15s, then: home}")
    return "\n".join(lines)


def microseconds(plan: Plan, users: Sequence[int], history: tuple[Outcome, ...]) -> float:
    """The mean of one decision over people in random order, best of three runs."""
    chosen = random.Random(1).choices(users, k=CALLS)
    calls = [Facts("bench.example", str(100_000 + user), "+49301234", "", NOON) for user in chosen]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()  # CPU, so that a neighbour on the machine doesn't count
        for facts in calls:
            next_step(plan, facts, history)
        best = min(best, time.process_time() - start)
    return best / CALLS * 1e6


def main() -> None:
    """Print the table."""
    print("| people | load s | no rules µs | one rule µs | 20 rules µs | one rule, second step µs |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        start = time.perf_counter()
        plans, _ = load_texts([("bench.yaml", office(size))])
        loaded = time.perf_counter() - start
        plan = plans["bench.example"]
        kinds = [range(kind, size, 3) for kind in range(3)]
        times = [microseconds(plan, users, ()) for users in kinds]
        times.append(microseconds(plan, kinds[1], (Outcome.NO_ANSWER,)))
        print(f"| {size} | {loaded:.2f} | " + " | ".join(f"{us:.2f}" for us in times) + " |", flush=True)


if __name__ == "__main__":
    main()
