"""CPU for each operation, the switch and kamailio in turn on one core, the load (sipp) on another.

    scripts/bench/signalling [--rounds 3] [--seconds 2] [--only L1,L2] [--info] [--plot docs/performance.svg]

"Gated": the server is stopped 20 ms at a time and so finds a full queue, which measures the work without the sleeping
and waking. Only ratios of one round mean something: machines drift. The load generators are no part of this project;
`--bench` says where they are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from figures import Figure, markdown, plot, rows
from servers import KAMAILIO_SQL, CannotMeasure, Place, Setup, kamailio, softswitch

ROOT = Path(__file__).resolve().parents[2]

PEERED = Setup("memory")
DURABLE = Setup("durable", durable=True)
CHALLENGED = Setup("challenged", challenges=True)

LOADS: dict[str, tuple[Setup, str, int]] = {
    "L3": (PEERED, "L3", 8000),
    "L1": (PEERED, "L1", 3000),
    "L2": (PEERED, "L2", 700),
    "L2a": (CHALLENGED, "L2a", 500),
    "L1d": (DURABLE, "L1", 200),
}
"""Name here, setup of the servers, name in the bench folder, operations a second: so many that each opening of the
gate finds a full queue, and few enough that the queue is empty in between."""

UNGATED = ("L1d",)
"""A gate closes whenever kamailio waits for the disk, that is once for each registration: its load would pile up."""

NAMES = {
    "L3": "OPTIONS",
    "L1": "REGISTER with digest, memory",
    "L2": "call, 6 messages in and 7 out",
    "L2a": "call with 407, 8 in and 8 out",
    "L1d": "REGISTER with digest, durable, not gated",
}
TARGETS = {"L3": 2.0, "L1": 2.0, "L2": 2.5}


def main() -> int:
    given = _arguments()
    try:
        _check(given.bench, given.only)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=given.scratch) as folder:
            found = _measure(given, Path(folder))
    except CannotMeasure as error:
        print(f"signalling: {error}", file=sys.stderr)
        return 1
    table = rows(found)
    print(markdown(table, NAMES, TARGETS))
    if given.plot is not None and not plot(table, NAMES, given.plot):
        print("no plot: matplotlib is not installed", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench", help="the load generators")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(LOADS), help=", ".join(LOADS))
    parser.add_argument("--gate", type=float, default=20.0, help="ms; 0 measures with sleeping and waking")
    parser.add_argument("--python", type=Path, default=_interpreter(), help="runs the switch; default %(default)s")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--port", type=int, default=5360, help="of the server; sipp uses port + 10, + 11 and + 30")
    parser.add_argument("--level", default="warning", help="log level of the switch")
    parser.add_argument("--info", action="store_true", help="measure the switch a second time, logging every call")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for what is written while measuring")
    parser.add_argument("--lines", type=Path, default=Path(tempfile.gettempdir()) / "signalling.jsonl")
    parser.add_argument("--plot", type=Path, default=None, help="SVG file to draw")
    given = parser.parse_args()
    unknown = set(given.only) - set(LOADS)
    if unknown:
        parser.error(f"no such load: {', '.join(sorted(unknown))}")
    return given


def _interpreter() -> Path:
    """The system's Python where it is of this version: distributions build theirs for speed, many others are not."""
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    return system if system.exists() else Path(sys.executable)


def _check(bench: Path, loads: list[str]) -> None:
    if not (bench / "runload.py").exists():
        raise CannotMeasure(f"no load generators in {bench}; name their folder with --bench")
    missing = [name for name in ("sipp", "kamailio", "taskset") if shutil.which(name) is None]
    if missing:
        raise CannotMeasure(f"not installed: {', '.join(missing)} (Debian: sip-tester, kamailio, util-linux)")
    if "L1d" in loads and not KAMAILIO_SQL.is_dir():
        raise CannotMeasure("L1d wants the Debian package kamailio-sqlite-modules; or leave it out with --only")
    if len(os.sched_getaffinity(0)) < 2:
        raise CannotMeasure("one core for the server and another for the load are needed")


def _measure(given: argparse.Namespace, folder: Path) -> list[Figure]:
    place = Place(folder, given.bench, given.port, given.users, given.python)
    contestants: dict[str, Callable[[Setup], AbstractContextManager[int]]] = {
        "kamailio": partial(kamailio, place=place),
        "softswitch": partial(softswitch, place=place, log_level=given.level),
    }
    if given.info:
        contestants["softswitch, log level info"] = partial(softswitch, place=place, log_level="info")
    setups = list(dict.fromkeys(LOADS[load][0] for load in given.only))
    found = []
    with given.lines.open("w") as lines:
        for number in range(given.rounds):
            for setup in setups:
                loads = [load for load in given.only if LOADS[load][0] is setup]
                for name, start in contestants.items():
                    with start(setup) as pid:
                        _warm_up(given, setup, pid)
                        for load in loads:
                            _, kind, rate = LOADS[load]
                            result = _run(
                                given, kind, rate, 0 if load in UNGATED else given.gate, given.seconds, pid, name
                            )
                            lines.write(json.dumps({"round": number, "row": load, **result}) + "\n")
                            lines.flush()
                            if (figure := _figure(result, load, name, number)) is not None:
                                found.append(figure)
    return found


def _warm_up(given: argparse.Namespace, setup: Setup, pid: int) -> None:
    """The first touch of memory costs more than what follows, and callees must be registered."""
    if setup is DURABLE:
        _run(given, "L1", 200, 0, 1.0, pid, "warm-up")
    else:
        _run(given, "L2a" if setup.challenges else "L2", 500, given.gate, 1.0, pid, "warm-up")


def _run(
    given: argparse.Namespace, kind: str, rate: int, gate: float, seconds: float, pid: int, name: str
) -> dict[str, object]:
    """One run of the load generator; its result as it tells it."""
    port = given.port
    command = [sys.executable, str(given.bench / "runload.py"), kind, "--pid", str(pid), "--name", name]
    command += ["--target", f"127.0.0.1:{port}", "--port", str(port + 10), "--uas-port", str(port + 30)]
    command += ["--rate", str(rate), "--secs", str(seconds), "--runs", "1", "--gate", str(gate)]
    command += ["--users", str(given.users), "--settle", ".2", "--timeout", "15"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, said = process.communicate(timeout=seconds + 90)
    except subprocess.TimeoutExpired:
        process.terminate()  # it ends what it started
        process.communicate()
        raise CannotMeasure(f"the load {kind} on {name} does not end") from None
    if process.returncode or not out.strip():
        raise CannotMeasure(f"the load {kind} on {name} failed:\n{said.decode(errors='replace')[-2000:]}")
    result: dict[str, object] = json.loads(out.splitlines()[0])
    return result


def _figure(result: dict[str, object], load: str, name: str, number: int) -> Figure | None:
    """A run in which operations failed says nothing about their cost."""
    us = result["us_per_op_sched"]
    if result["failed"] or not isinstance(us, float) or result["uas_ops"] not in (None, result["ops"]):
        shown = {key: result[key] for key in ("ops", "failed", "uas_ops", "retrans", "drops")}
        print(f"not counted: {load} {name} round {number}: {shown}", file=sys.stderr)
        return None
    print(f"round {number} {load:4} {name:28} {us:7.1f} µs/op, {result['retrans']} repeated", file=sys.stderr)
    return Figure(load, name, number, us)


if __name__ == "__main__":
    sys.exit(main())
