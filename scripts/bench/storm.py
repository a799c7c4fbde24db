#!/usr/bin/env python3
"""What a storm of commands adds to the delay of packets: 400 calls carry sound while 50 others a second come and go.

    scripts/bench/storm.py --bench ../shared/bench --calls 400 --rate 50 --runs 3

Each of these others is an offer, an answer and a deletion, with four ports that are opened and closed. In turn without
and with the storm, as `relay.py` otherwise. `longest round` is the longest time for which the relay's loop was at
anything else than waiting for a packet: no collector, no command and no file may make it long.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from relay import A_PORT, B_PORT, LOOPBACK, ROOT, Ng, ours


class Storm(threading.Thread):
    """Sets calls up and down at a steady rate, on the core of the load."""

    def __init__(self, rate: float) -> None:
        super().__init__(daemon=True)
        self._rate = rate
        self._over = threading.Event()
        self.done = 0

    def run(self) -> None:
        os.sched_setaffinity(threading.get_native_id(), {1})
        ng, begun = Ng(), time.monotonic()
        while not self._over.is_set():
            key = {"call_id": f"storm{self.done}", "from_tag": "a"}
            ng.port(A_PORT, command="offer", **key)
            ng.port(B_PORT, command="answer", to_tag="b", **key)
            ng.ask(command="delete", call_id=key["call_id"])
            self.done += 1
            self._over.wait(max(0.0, begun + self.done / self._rate - time.monotonic()))

    def end(self) -> int:
        """How many calls it made."""
        self._over.set()
        self.join()
        return self.done


def measure(calls: int, seconds: int, rate: float, load: Path) -> dict[str, float]:
    """One run: set up, then load with or without the storm."""
    with ours(), tempfile.TemporaryDirectory() as directory:
        ng = Ng()
        streams = []
        for number in range(calls):
            key = {"call_id": f"c{number}", "from_tag": "a"}
            facing_b = ng.port(A_PORT, command="offer", **key)
            facing_a = ng.port(B_PORT, command="answer", to_tag="b", **key)
            streams.append(f"{LOOPBACK} {facing_a} {facing_b}\n")
        listed = Path(directory) / "streams"
        listed.write_text("".join(streams))
        ng.ask(command="statistics")  # which forgets the longest round so far
        storm = Storm(rate) if rate else None
        if storm is not None:
            storm.start()
        words = ["taskset", "-c", "1", str(load), str(listed), str(seconds), "20", str(A_PORT), str(B_PORT)]
        got = json.loads(subprocess.check_output(words))
        made = storm.end() if storm is not None else 0
        longest = ng.ask(command="statistics")["longest-round"]
        assert isinstance(longest, int)
        return {
            "p50": got["us_p50"],
            "p99": got["us_p99"],
            "p999": got["us_p999"],
            "loss": got["lost"] / max(1, got["counted"]),
            "made": made / seconds,
            "longest": longest,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench")
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second that come and go")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    source = given.bench / "media" / "rtpload.c"
    if not source.exists():
        sys.exit(f"no load generator at {source}: name the bench folder with --bench")
    with tempfile.TemporaryDirectory() as directory:
        load = Path(directory) / "rtpload"
        subprocess.check_call(["gcc", "-O2", "-w", "-o", str(load), str(source)])
        print("| storm | calls/s made | delay us p50 / p99 / p99.9 | loss | longest round us, median [most] |")
        print("|---|---|---|---|---|")
        runs: dict[float, list[dict[str, float]]] = {0.0: [], given.rate: []}
        for _ in range(given.runs):
            for rate, results in runs.items():
                results.append(measure(given.calls, given.seconds, rate, load))
        for rate, results in runs.items():
            middle = {key: statistics.median(run[key] for run in results) for key in results[0]}
            most = max(run["longest"] for run in results)
            print(
                f"| {'yes' if rate else 'no'} | {middle['made']:.0f} "
                f"| {middle['p50']:.0f} / {middle['p99']:.0f} / {middle['p999']:.0f} | {middle['loss']:.3%} "
                f"| {middle['longest']:.0f} [{most:.0f}] |"
            )


if __name__ == "__main__":
    main()
