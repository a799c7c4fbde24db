"""The servers that `signalling` compares, each started for one setup and ended again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = "import sys; from softswitch.cli.main import main; sys.argv.insert(1, 'run'); sys.exit(main())"
SERVER_CORE = 0
START_SECONDS = 30.0
END_SECONDS = 8.0
KAMAILIO_SQL = Path("/usr/share/kamailio/db_sqlite")


class CannotMeasure(Exception):
    """Something is missing; the text says what."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How both servers are configured for some of the loads."""

    name: str
    durable: bool = False
    """Registrations are in SQLite before their 200 (kamailio: usrloc db_mode 1, write-through), both in WAL mode."""
    challenges: bool = False
    """INVITE wants credentials; else the load comes from a listed peer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server may run."""

    folder: Path
    """Scratch, the run's own."""
    bench: Path
    """The folder with the load generators."""
    port: int
    users: int
    python: Path
    """The interpreter that runs the switch."""


@contextmanager
def softswitch(setup: Setup, place: Place, log_level: str) -> Iterator[int]:
    """The process id of a running switch with `users` callers u0… and as many callees c0…; see the README of bench."""
    folder = place.folder / "softswitch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    accounts = [f"{kind}{number}" for kind in "uc" for number in range(place.users)]
    plan = ["site:", "  domain: bench.local", "  timezone: Europe/Berlin", "people:"]
    plan += [f"  {name[0]}p{name[1:]}: {{places: {{desk: {{phone: {name}}}}}}}" for name in accounts]
    plan += ["phones:", *(f"  {name}: {{secret: {name}}}" for name in accounts)]
    (folder / "plan.yaml").write_text("\n".join(plan) + "\n")
    secrets = folder / "secrets.yaml"
    secrets.touch(mode=0o600)
    secrets.write_text("".join(f"{name}: p{name[1:]}\n" for name in accounts))
    store = f"sqlite:///{folder}/softswitch.db" if setup.durable else "memory"
    config = [
        "listen:",
        f"  - {{transport: udp, bind: '127.0.0.1:{place.port}', network: lan}}",
        "dialplans: [plan.yaml]",
        "secrets: secrets.yaml",
        f"store: {store}",
        "control: control.sock",
        "relay: {use: never}",
        "digest: {algorithms: [MD5]}",
        "limits: {messages_per_second: 0}",
        f"log: {{level: {log_level}}}",
    ]
    if not setup.challenges:
        config.append("peers: [{address: 127.0.0.1, name: bench}]")
    (folder / "softswitch.yaml").write_text("\n".join(config) + "\n")
    # Packages of this environment, also where the interpreter is another one of the same version.
    path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), place.python, "-s", "-c", RUN, "--config", folder / "softswitch.yaml"],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_answer(place.port, process.pid, folder / "log")
        yield process.pid
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def kamailio(setup: Setup, place: Place) -> Iterator[int]:
    """The process id of a running kamailio, one worker, configured as the bench folder has it and `setup` wants."""
    folder = place.folder / "kamailio"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script = folder / "start.sh"
    shutil.copy(place.bench / "kamailio" / "start.sh", script)
    text = (place.bench / "kamailio" / "kamailio.cfg").read_text()
    (folder / "kamailio.cfg").write_text(_durable(text, folder / "location.db") if setup.durable else text)
    defines = [f"USERS={place.users}", *(["WITH_INVITE_AUTH"] if setup.challenges else [])]
    environment = {**os.environ, "SCRATCH": str(folder), "PORT": str(place.port), "CORE": str(SERVER_CORE)}
    started = subprocess.run(
        ["bash", script, "1", *defines], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    pid = int(started.stdout)
    try:
        _wait_for_answer(place.port, pid, folder / "kam" / "log")
        yield pid
    finally:
        _end(pid)


def _durable(config: str, database: Path) -> str:
    """kamailio's configuration with its location table in a new SQLite file."""
    with sqlite3.connect(database) as connection:
        for name in ("standard", "usrloc"):
            connection.executescript((KAMAILIO_SQL / f"{name}-create.sql").read_text())
    connection.close()
    changed = config.replace(
        'modparam("usrloc", "db_mode", 0)',
        'loadmodule "db_sqlite.so"\n'
        f'modparam("db_sqlite", "db_set_journal_mode", "{database}=WAL;")\n'
        'modparam("usrloc", "db_mode", 1)\n'
        f'modparam("usrloc", "db_url", "sqlite://{database}")',
    )
    if changed == config:
        raise CannotMeasure("kamailio.cfg of the bench folder has no usrloc db_mode 0 to replace")
    return changed


def _wait_for_answer(port: int, pid: int, log: Path) -> None:
    """Until the server answers an OPTIONS, or is gone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(0.2)
        own = client.getsockname()[1]
        question = (
            f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKready\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:ready@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1:{port}>\r\n"
            f"Call-ID: ready{own}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and _runs(pid):
            try:
                client.sendto(question, ("127.0.0.1", port))
                if client.recv(65536).startswith(b"SIP/2.0"):
                    return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.1)
    raise CannotMeasure(f"the server does not answer; it says:\n{log.read_text(errors='replace')[-2000:]}")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _end(pid: int) -> None:
    """End a server that is no child of ours, workers included: its main process sees to them."""
    for number in (signal.SIGCONT, signal.SIGTERM):
        if _runs(pid):
            os.kill(pid, number)
    until = time.monotonic() + END_SECONDS
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.1)
    if _runs(pid):
        os.kill(pid, signal.SIGKILL)
