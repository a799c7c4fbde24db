"""How long an operator waits for `softswitch check`: whole processes, for dialplans of 50 and 1 000 people.

    python scripts/bench/load.py [--rounds 5] [--rules 20]

Every person has so many rules, of which the last fits, a desk and a home phone; there are holidays, and assertions for
some. To reach: 50 people in 0.5 s, 1 000 in 5 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = {50: 0.5, 1000: 5.0}
SOFTSWITCH = Path(sys.executable).with_name("softswitch")


def office(size: int, rules: int) -> str:
    """A dialplan of so many people with so many rules each."""
    lines = [
        "site: {domain: bench.example, timezone: Europe/Berlin, country: DE, holidays: {region: BY}}",
        "schedules:",
    ]
    lines.append("  office hours: [mon-thu 08:00-12:00 13:00-17:00, fri 08:00-14:00, except holidays]")
    lines += [f"  night {n}: ['daily 22:{n:02}-06:{n:02}']" for n in range(rules - 1)]
    lines.append("people:")
    for n in range(size):
        lines.append(f"  p{n}:\n    number: {100_000 + n}")
        lines.append(f"    places: {{desk: {{phone: desk{n}}}, home: {{phone: home{n}}}}}\n    calls:")
        lines += [f"    - {{when: night {rule}, ring: home}}" for rule in range(rules - 1)]
        lines.append("    - {when: office hours, ring: desk, for: 15s, then: home}")
    lines.append("assertions:")
    lines += [f"  - {{at: mon 09:00, to: {100_000 + n}, rings: p{n} at desk}}" for n in range(min(size, 50))]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rules", type=int, default=20)
    given = parser.parse_args()
    print("| people | check s, median [min..max] | to reach |\n|---|---|---|")
    for size, target in SIZES.items():
        with tempfile.TemporaryDirectory(prefix="load-") as name:
            folder = Path(name)
            (folder / "plan.yaml").write_text(office(size, given.rules))
            settings = folder / "softswitch.yaml"
            settings.write_text("listen: [{transport: udp, bind: 127.0.0.1:5060}]\ndialplans: plan.yaml\n")
            taken = []
            for _ in range(given.rounds):
                start = time.perf_counter()
                subprocess.run([SOFTSWITCH, "check", "--config", settings], check=True, capture_output=True)
                taken.append(time.perf_counter() - start)
        print(
            f"| {size} | {statistics.median(taken):.2f} [{min(taken):.2f}..{max(taken):.2f}] | {target} |", flush=True
        )


if __name__ == "__main__":
    main()
