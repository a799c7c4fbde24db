"""CPU of a bridged call: the switch between two trunks, and sippy's B2BUA, in turn, with sipp on both sides.

    scripts/bench/bridge.py [--calls 500] [--rate 50] [--rounds 3] [--sippy VENV/bin/b2bua_simple]

A call is INVITE, 180, 200, ACK and BYE through two dialogs; nobody talks, and no media relay is used. For the switch it
comes in over a trunk, is decided by the dialplan, and goes out over another one. Only ratios of one run mean something.
Without `--sippy` the switch is measured alone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER, CALLER, CALLEE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
PORT = 5960
START_SECONDS = 15.0
MOST_FAILED = 0.1
TICKS = os.sysconf("SC_CLK_TCK")

PLAN = f"""\
site: {{domain: bench.local, timezone: Europe/Berlin, country: DE}}
people:
  anna: {{number: 101, places: {{cell: {{dial: +49 170 1234567}}}}}}
trunks:
  in: {{peer: {CALLER}}}
  out: {{peer: "{CALLEE}:{PORT}", number: +49 89 12340}}
numbers: {{+49 89 12340: anna}}
outside: [{{dial: + *, via: out}}]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--rate", type=int, default=50, help="calls a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sippy", type=Path, default=None, help="sippy's b2bua_simple")
    given = parser.parse_args()
    if shutil.which("sipp") is None:
        print("bridge: sipp is not installed; scripts/setup test installs it", file=sys.stderr)
        return 1
    servers: dict[str, Callable[[Path], list[str | Path]]] = {"softswitch": settings}
    if given.sippy is not None:
        servers["sippy"] = lambda folder: [
            given.sippy, "-f", "-l", SERVER, "-p", str(PORT), "-n", f"{CALLEE}:{PORT}",
        ]  # fmt: skip
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(given.rounds):
        for name, command in servers.items():
            with tempfile.TemporaryDirectory(prefix="bench-bridge-") as folder:
                found[name].append(_measure(command(Path(folder)), Path(folder), given.calls, given.rate))
    print("| server | CPU of a bridged call, ms: median [least..most] | of it in the kernel |")
    print("|---|---|---|")
    for name, pairs in found.items():
        figures = [user + kernel for user, kernel in pairs]
        kernel = statistics.median(kernel for _, kernel in pairs)
        print(f"| {name} | {statistics.median(figures):.2f} [{min(figures):.2f}..{max(figures):.2f}] | {kernel:.2f} |")
    return 0


def settings(folder: Path, plan: str = PLAN) -> list[str | Path]:
    """Writes the switch's files; the command that runs it."""
    (folder / "plan.yaml").write_text(plan)
    (folder / "softswitch.yaml").write_text(
        f"listen: [{{transport: udp, bind: '{SERVER}:{PORT}', network: lan}}]\n"
        "dialplans: [plan.yaml]\nstore: memory\ncontrol: control.sock\nrelay: {use: never}\n"
        "limits: {messages_per_second: 0}\nlog: {level: warning}\n"
    )
    return [Path(sys.executable).with_name("softswitch"), "run", "--config", folder / "softswitch.yaml"]


def _measure(command: list[str | Path], folder: Path, calls: int, rate: int) -> tuple[float, float]:
    """Milliseconds of the server's CPU for a call: its own, and the kernel's."""
    callee = _sipp(folder, "uas", CALLEE, PORT)
    with (folder / "server.log").open("wb") as log, running(command, log) as server, running(callee, log):
        wait_for(folder, server)
        _call(folder, max(calls // 10, 20), rate)
        before = _cpu(server.pid)
        _call(folder, calls, rate)
        after = _cpu(server.pid)
        return (after[0] - before[0]) * 1000 / calls, (after[1] - before[1]) * 1000 / calls


def _sipp(folder: Path, kind: str, host: str, port: int, *more: str) -> list[str | Path]:
    scenario = folder / f"{kind}.xml"
    if not scenario.exists():
        text = subprocess.run(["sipp", "-sd", kind], capture_output=True, text=True, check=False).stdout
        # sippy 2.5 knows only "udp", and breaks off a call whose Contact says "UDP" as sipp's does.
        scenario.write_text(text.replace(";transport=[transport]", ""))
    return ["sipp", "-sf", scenario, "-i", host, "-p", str(port), "-nostdin", "-aa", *more]


def _call(folder: Path, calls: int, rate: int) -> None:
    command = _sipp(
        folder, "uac", CALLER, 5970, "-s", "+498912340", "-m", str(calls), "-r", str(rate), "-d", "200",
        "-timeout", f"{calls // rate + 30}s", f"{SERVER}:{PORT}",
    )  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    failed = re.findall(r"Failed call +\| +\d+ +\| +(\d+)", done.stdout)
    # sippy loses a call now and then; that changes no figure.
    if done.returncode and not (failed and int(failed[-1]) <= calls * MOST_FAILED):
        log = (folder / "server.log").read_text(errors="replace")[-2000:]
        raise SystemExit(f"bridge: sipp ended with {done.returncode}; the server said:\n{log}\n{done.stdout[-1500:]}")


@contextmanager
def running(command: list[str | Path], log: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(folder: Path, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers anything at all."""
    request = (
        f"OPTIONS sip:{SERVER}:{PORT} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER}:5971;branch=z9hG4bKbench\r\n"
        f"From: <sip:bench@{CALLER}>;tag=1\r\nTo: <sip:{SERVER}>\r\nCall-ID: bench\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    end = time.monotonic() + START_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((CALLER, 5971))
        probe.settimeout(0.3)
        while time.monotonic() < end and server.poll() is None:
            probe.sendto(request, (SERVER, PORT))
            try:
                probe.recv(65536)
                return
            except (TimeoutError, ConnectionError):
                continue
    raise SystemExit(f"bridge: the server does not answer:\n{(folder / 'server.log').read_text()[-2000:]}")


def _cpu(pid: int) -> tuple[float, float]:
    """Seconds of user and of system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


if __name__ == "__main__":
    sys.exit(main())
