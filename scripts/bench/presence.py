"""What watching costs: one person publishes, many watch; the switch and kamailio in turn on one core.

    scripts/bench/presence.py [--events presence,dialog] [--watchers 50,1000] [--rounds 3] [--rate 20] [--seconds 5]
    scripts/bench/presence.py --subscriptions 20000

The first prints a line of JSON for each server, round, event package and number of watchers: CPU for each PUBLISH and
each NOTIFY, and the time from the PUBLISH to the NOTIFYs; and at the end the medians and their ratios. The second: how
much memory so many subscriptions take in the switch.

The load generator (presload.py) is no part of this project; `--bench` says where it is. kamailio wants the Debian
packages kamailio-presence-modules, kamailio-sqlite-modules and sqlite3; without them the switch is measured alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers import ROOT, RUN, SERVER_CORE, CannotMeasure, _end, _wait_for_answer

KAMAILIO_PRESENCE = Path("/usr/share/kamailio/db_sqlite/presence-create.sql")
SETTLED_SECONDS = 40.0
"""Longer than any transaction lives."""
PLAN = """\
site: {domain: bench.local, timezone: Europe/Berlin}
people:
  pres0: {number: 100, seen by: partners, calls seen by: partners, places: {desk: {phone: pres0-desk}}}
"""
SETTINGS = """\
listen: [{{transport: udp, bind: "127.0.0.1:{port}", network: lan}}]
dialplans: [plan.yaml]
secrets: secrets.yaml
store: {store}
control: control.sock
relay: {{use: never}}
digest: {{algorithms: [MD5]}}
limits: {{messages_per_second: 0}}
log: {{level: warning}}
peers: [{{address: 127.0.0.1, name: bench}}]
"""


def main() -> int:
    given = _arguments()
    load = given.bench / "presload.py"
    if not load.exists():
        print(f"presence: no load generator in {given.bench}; name its folder with --bench", file=sys.stderr)
        return 1
    servers = {"softswitch": _softswitch}
    if KAMAILIO_PRESENCE.exists() and shutil.which("kamailio") and shutil.which("sqlite3"):
        servers["kamailio"] = _kamailio
    else:
        print("presence: no kamailio with presence here; the switch alone", file=sys.stderr)
    figures: dict[tuple[str, int, str], list[dict[str, float]]] = {}
    try:
        if given.subscriptions:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder, _softswitch(Path(folder), given) as pid:
                _remember(given.subscriptions, given.port, pid)
            return 0
        for _ in range(given.rounds):
            for event in given.events:
                for watchers in given.watchers:
                    for name, server in servers.items():
                        with tempfile.TemporaryDirectory(prefix="bench-") as folder, server(Path(folder), given) as pid:
                            made = _load(load, name, pid, event, watchers, given)
                        figures.setdefault((event, watchers, name), []).append(made)
    except CannotMeasure as error:
        print(f"presence: {error}", file=sys.stderr)
        return 1
    _tell(figures)
    return 0


def _tell(figures: Mapping[tuple[str, int, str], list[dict[str, float]]]) -> None:
    """The medians, and how the two compare."""
    for (event, watchers, name), made in figures.items():
        each, last = (statistics.median(one[key] for one in made) for key in ("us_per_notify", "ms_p99"))
        other = figures.get((event, watchers, "kamailio"))
        beside = ""
        if other and name != "kamailio":
            ratio = each / statistics.median(one["us_per_notify"] for one in other)
            beside = f", {ratio:.2f} times kamailio's"
        print(f"{event}, {watchers} watchers, {name}: {each:.1f} us of CPU a NOTIFY{beside}; p99 {last:.0f} ms")


def _remember(count: int, port: int, pid: int) -> None:
    """Memory of the switch before and after so many subscriptions, each of another watcher."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as watcher:
        watcher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        watcher.bind(("127.0.0.1", 0))
        watcher.connect(("127.0.0.1", port))
        watcher.settimeout(5)
        at = watcher.getsockname()[1]
        for number in range(count + 500):
            if number == 500:
                time.sleep(SETTLED_SECONDS)  # what the first ones led to is over
                before = _pss_kb(pid)
            name = f"w{number}"
            lines = (
                "SUBSCRIBE sip:pres0@bench.local SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{at};branch=z9hG4bKs{number}", "Max-Forwards: 70",
                f"From: <sip:{name}@bench.local>;tag={name}", "To: <sip:pres0@bench.local>", f"Call-ID: sub{number}@a",
                "CSeq: 1 SUBSCRIBE", f"Contact: <sip:{name}@127.0.0.1:{at}>", "Event: presence", "Expires: 3600",
                "Content-Length: 0", "", "",
            )  # fmt: skip
            watcher.send("\r\n".join(lines).encode())
            while not (data := watcher.recv(65535)).startswith(b"NOTIFY"):
                if not data.startswith(b"SIP/2.0 200"):
                    raise CannotMeasure(data.split(b"\r\n")[0].decode())
            kept = re.findall(rb"^(?:Via|From|To|Call-ID|CSeq):.*\r\n", data, re.MULTILINE)
            watcher.send(b"SIP/2.0 200 OK\r\n" + b"".join(kept) + b"Content-Length: 0\r\n\r\n")
        time.sleep(SETTLED_SECONDS)
        each = (_pss_kb(pid) - before) / count
    print(f"{count} subscriptions: {each:.2f} KB each")


def _pss_kb(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench", help="of presload.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subscriptions", type=int, default=0, help="measure the memory of so many instead")
    parser.add_argument("--events", type=lambda text: text.split(","), default=["presence", "dialog"])
    parser.add_argument("--watchers", type=lambda text: [int(one) for one in text.split(",")], default=[50, 1000])
    parser.add_argument("--rate", type=float, default=20.0, help="PUBLISHes a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--port", type=int, default=5360)
    parser.add_argument("--store", choices=["memory", "sqlite"], default="memory")
    return parser.parse_args()


def _load(load: Path, name: str, pid: int, event: str, watchers: int, given: argparse.Namespace) -> dict[str, float]:
    rate = given.rate if watchers <= 100 else given.rate / 10
    done = subprocess.run(
        [sys.executable, load, "--target", f"127.0.0.1:{given.port}", "--pid", str(pid), "--watchers", str(watchers),
         "--rate", str(rate), "--secs", str(given.seconds), "--event", event, "--name", name],
        check=True, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip
    print(done.stdout.strip(), flush=True)
    made: dict[str, float] = json.loads(done.stdout)
    return made


@contextmanager
def _softswitch(folder: Path, given: argparse.Namespace) -> Iterator[int]:
    store = "memory" if given.store == "memory" else f"sqlite:///{folder}/softswitch.db"
    (folder / "softswitch.yaml").write_text(SETTINGS.format(port=given.port, store=store))
    (folder / "plan.yaml").write_text(PLAN)
    secrets = folder / "secrets.yaml"
    secrets.touch(mode=0o600)
    secrets.write_text("pres0-desk: bench\n")
    path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), sys.executable, "-c", RUN, "--config", folder / "softswitch.yaml"],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_answer(given.port, process.pid, folder / "log")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _kamailio(folder: Path, given: argparse.Namespace) -> Iterator[int]:
    for name in ("start.sh", "kamailio.cfg"):
        shutil.copy(given.bench / "kamailio" / name, folder / name)
    environment = {**os.environ, "SCRATCH": str(folder), "PORT": str(given.port), "CORE": str(SERVER_CORE)}
    started = subprocess.run(
        ["bash", folder / "start.sh", "1", "USERS=10", "WITH_PRESENCE"],
        env=environment, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    pid = int(started.stdout)
    try:
        _wait_for_answer(given.port, pid, folder / "kam" / "log")
        yield pid
    finally:
        _end(pid)


if __name__ == "__main__":
    sys.exit(main())
