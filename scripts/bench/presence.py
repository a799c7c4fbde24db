"""What watching costs: one person publishes, many watch; the switch and kamailio in turn on one core.

    scripts/bench/presence.py [--rounds 3] [--watchers 50,1000] [--rate 20] [--seconds 5]

Prints a line of JSON for each server, round and number of watchers: CPU for each PUBLISH and each NOTIFY, and the
time from the PUBLISH to the NOTIFYs. The load generator (presload.py) is no part of this project; `--bench` says where
it is. kamailio wants the Debian packages kamailio-presence-modules, kamailio-sqlite-modules and sqlite3; without them
the switch is measured alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import ROOT, RUN, SERVER_CORE, CannotMeasure, _end, _wait_for_answer

KAMAILIO_PRESENCE = Path("/usr/share/kamailio/db_sqlite/presence-create.sql")
PLAN = """\
site: {domain: bench.local, timezone: Europe/Berlin}
people:
  pres0: {number: 100, seen by: partners, places: {desk: {phone: pres0-desk}}}
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
    try:
        for _ in range(given.rounds):
            for watchers in given.watchers:
                for name, server in servers.items():
                    with tempfile.TemporaryDirectory(prefix="bench-") as folder, server(Path(folder), given) as pid:
                        _load(load, name, pid, watchers, given)
    except CannotMeasure as error:
        print(f"presence: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench", help="of presload.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watchers", type=lambda text: [int(one) for one in text.split(",")], default=[50, 1000])
    parser.add_argument("--rate", type=float, default=20.0, help="PUBLISHes a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--port", type=int, default=5360)
    parser.add_argument("--store", choices=["memory", "sqlite"], default="memory")
    return parser.parse_args()


def _load(load: Path, name: str, pid: int, watchers: int, given: argparse.Namespace) -> None:
    rate = given.rate if watchers <= 100 else given.rate / 10
    subprocess.run(
        [sys.executable, load, "--target", f"127.0.0.1:{given.port}", "--pid", str(pid), "--watchers", str(watchers),
         "--rate", str(rate), "--secs", str(given.seconds), "--event", "presence", "--name", name],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip


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
