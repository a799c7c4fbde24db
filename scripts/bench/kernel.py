#!/usr/bin/env python3
"""The relay in user space, with kernel forwarding, and rtpengine, in turn, between networks of their own (as root).

    scripts/bench/kernel.py --calls 10 100 400 800 --runs 3

Network namespaces: parties A and B on one host with an address in each of two networks, the relay on another between
them. Each call is set up by the same ng commands. The relay works on core 0 and the load on core 1, packets' processing
included (receive packet steering); so `core us/packet` is what core 0 was not idle, over the packets that arrived, less
what it wasn't idle without calls. That is honest for the kernel, whose work belongs to no process, and counts receiving
and sending for all alike; it wants a machine with nothing else to do. `process us/packet` is the CPU time of the
relay's processes alone, as scripts/bench/relay.py has it.

With `--flood` nothing is steered, and the load sends as fast as it can: `us/packet` is then the CPU time of the load,
in which all of the kernel's work is done; other work on the machine doesn't matter much.

`none` has no relay: A and B reach each other through plain routing, which is what cannot be avoided. `nat` are rules
with connection tracking as they were tried first; see docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from relay import Ng  # noqa: E402

RELAY, LOAD = "softsw-bench-relay", "softsw-bench-load"
A, B, FACING_A, FACING_B = "10.77.1.2", "10.77.2.2", "10.77.1.1", "10.77.2.1"
A_PORT, B_PORT = 9000, 9002
NETWORKS = {"a": FACING_A, "b": FACING_B}
CONTROL_PORT = 2223
WARM_SECONDS = 4.0
"""Before anything is measured; then the kernel has all streams, of which the relay hands over 128 a second."""
_MOST_BUSY = 0.05
"""What core 0 may be busy without calls."""


def run(command: str) -> None:
    subprocess.run(command.split(), check=True)


@contextmanager
def networks(steered: bool) -> Iterator[None]:
    """`steered`: the relay's packets are processed on core 0, the load's on core 1; else where they are sent."""
    remove()
    try:
        for netns in (RELAY, LOAD):
            run(f"ip netns add {netns}")
            run(f"ip -n {netns} link set lo up")
        for name, own, other in (("net-a", FACING_A, A), ("net-b", FACING_B, B)):
            run(f"ip link add {name} netns {RELAY} type veth peer name {name} netns {LOAD}")
            for netns, address, core in ((RELAY, own, 1), (LOAD, other, 2)):
                run(f"ip -n {netns} addr add {address}/24 dev {name}")
                run(f"ip -n {netns} link set {name} up")
                steer = f"echo {core if steered else 0} > /sys/class/net/{name}/queues/rx-0/rps_cpus"
                subprocess.run(["ip", "netns", "exec", netns, "sh", "-c", steer], check=True)
        run(f"ip netns exec {RELAY} sysctl -q -w net.ipv4.ip_forward=1")
        # Each of the load's addresses has the other one beyond the relay, though both are its own.
        run(f"ip -n {LOAD} rule add pref 9 lookup local")
        run(f"ip -n {LOAD} rule del pref 0")
        for table, own, gateway in ((101, A, FACING_A), (102, B, FACING_B)):
            run(f"ip -n {LOAD} route add default via {gateway} table {table}")
            run(f"ip -n {LOAD} rule add pref 1 from {own} iif lo table {table}")
        for name in ("all", "net-a", "net-b"):
            for setting in ("accept_local=1", "rp_filter=0"):
                run(f"ip netns exec {LOAD} sysctl -q -w net.ipv4.conf.{name}.{setting}")
        yield
    finally:
        remove()


def remove() -> None:
    for netns in (RELAY, LOAD):
        subprocess.run(["ip", "netns", "del", netns], check=False, capture_output=True)


class Processes:
    """A program and its children: their CPU time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def runtime_ns(self) -> int:
        total, todo = 0, [self._pid]
        while todo:
            pid = todo.pop()
            for thread in Path(f"/proc/{pid}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
                todo += map(int, (thread / "children").read_text().split())
        return total


@contextmanager
def ours(*more: str) -> Iterator[Processes | None]:
    words = ["--control", f"udp:127.0.0.1:{CONTROL_PORT}", "--ports", "20000-39999", *more]
    for name, address in NETWORKS.items():
        words += ["--network", f"{name}={address}"]
    command = ["taskset", "-c", "0", sys.executable, "-m", "softswitch.media.relay", *words]
    with subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield Processes(process.pid)
        finally:
            process.terminate()


@contextmanager
def rtpengine() -> Iterator[Processes | None]:
    words = ["--foreground", "--log-stderr", "--log-level=3", "--table=-1", "--num-threads=1"]
    words += [f"--interface={name}/{address}" for name, address in NETWORKS.items()]
    words += [f"--listen-ng=127.0.0.1:{CONTROL_PORT}", "--port-min=20000", "--port-max=39999"]
    with tempfile.TemporaryDirectory() as directory:
        command = ["nice", "-n", "-10", "taskset", "-c", "0", "rtpengine", *words, f"--pidfile={directory}/pid"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield Processes(process.pid)
            finally:
                process.terminate()


@contextmanager
def nothing() -> Iterator[Processes | None]:
    yield None


@contextmanager
def nat() -> Iterator[Processes | None]:
    """As it was tried first: the caller's packets are translated, the callee's as answers to them."""
    calls = range(20_000, 39_999, 4)
    there = ", ".join(f"{port} : {B}" for port in calls)
    back = ", ".join(f"{port} : {port + 2}" for port in calls)
    rules = f"""table ip first_try {{
      map there {{ type inet_service : ipv4_addr; elements = {{ {there} }} }}
      map back {{ type inet_service : inet_service; elements = {{ {back} }} }}
      chain pre {{
        type nat hook prerouting priority dstnat;
        udp sport {A_PORT} udp dport 20000-39999 dnat to udp dport map @there : {B_PORT}
      }}
      chain post {{
        type nat hook postrouting priority srcnat;
        udp sport {A_PORT} ct original proto-dst 20000-39999 snat to {FACING_B} : ct original proto-dst map @back
      }}
    }}"""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield None
    finally:
        run("nft delete table ip first_try")


ENGINES = {"none": nothing, "ours": ours, "kernel": lambda: ours("--kernel"), "rtpengine": rtpengine, "nat": nat}


def set_up(engine: str, calls: int) -> list[str]:
    """The calls, as the load generator reads them."""
    if engine == "none":
        return [f"{B} {B_PORT} {A} {A_PORT}\n"] * calls
    if engine == "nat":
        return [f"{FACING_A} {20_000 + 4 * number} {FACING_B} {20_002 + 4 * number}\n" for number in range(calls)]
    ng, made = Ng(), []
    ng.ask(command="ping")
    for number in range(calls):
        key = {"call_id": f"c{number}", "from_tag": "a"}
        to_b = {"direction": ["a", "b"]} if engine == "rtpengine" else {"to_interface": "b"}
        to_a = {} if engine == "rtpengine" else {"to_interface": "a"}
        facing_b = ng.port(A_PORT, host=A, command="offer", **key, **to_b)
        facing_a = ng.port(B_PORT, host=B, command="answer", to_tag="b", **key, **to_a)
        made.append(f"{FACING_A} {facing_a} {FACING_B} {facing_b}\n")
    return made


def idle_seconds() -> float:
    """What core 0 has been idle since it was started."""
    fields = re.search(r"^cpu0 (.*)", Path("/proc/stat").read_text(), re.MULTILINE)
    assert fields is not None
    idle, waiting = fields[1].split()[3:5]
    return (int(idle) + int(waiting)) / os.sysconf("SC_CLK_TCK")


def busy_share(seconds: float) -> float:
    """How busy core 0 is when nobody calls."""
    before, at = idle_seconds(), time.monotonic()
    time.sleep(seconds)
    return 1 - (idle_seconds() - before) / (time.monotonic() - at)


def measure(engine: str, calls: int, seconds: float, load: Path) -> dict[str, float]:
    with ENGINES[engine]() as process, tempfile.TemporaryDirectory() as directory:
        listed = Path(directory) / "calls"
        listed.write_text("".join(set_up(engine, calls)))
        busy = busy_share(1.0)
        warm = WARM_SECONDS + (calls / 50 if engine == "kernel" else 0)
        command = ["ip", "netns", "exec", LOAD, "taskset", "-c", "1", load, listed, str(warm + seconds)]
        command += [str(warm), A, str(A_PORT), B, str(B_PORT)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            time.sleep(warm + 0.2)
            idle, ran, at = idle_seconds(), process.runtime_ns() if process else 0, time.monotonic()
            time.sleep(seconds - 0.4)
            took = time.monotonic() - at
            not_idle = took - (idle_seconds() - idle) - took * busy
            ran = (process.runtime_ns() if process else 0) - ran
            figures = {}
            if engine == "kernel":
                figures["in_kernel"] = Ng().ask(command="statistics")["kernel-streams"]
            got = json.loads(running.communicate()[0])
        packets = got["streams"] * 50 * took
        return {
            **got,
            **figures,
            "busy": busy,
            "core": 1e6 * not_idle / packets,
            "process": ran / 1e3 / packets,
            "loss": got["lost"] / max(1, got["sent"]),
        }


def flood(calls: int, seconds: float, load: Path) -> None:
    """What a packet costs in all on one core that does everything: with nothing but routing, and with the table."""
    print("| calls | engine | us/packet, sending and receiving included | lost |")
    print("|---|---|---|---|")
    for name in ("none", "kernel", "none", "kernel"):
        with ENGINES[name](), tempfile.TemporaryDirectory() as directory:
            listed = Path(directory) / "calls"
            listed.write_text("".join(set_up(name, calls)))
            warm = WARM_SECONDS + calls / 50
            command = ["ip", "netns", "exec", LOAD, "taskset", "-c", "1", load, listed, str(warm + seconds)]
            command += [str(warm), A, str(A_PORT), B, str(B_PORT), "flood"]
            got = json.loads(subprocess.check_output(command))
            print(f"| {calls} | {name} | {got['cpu']:.2f} | {got['lost'] / max(1, got['sent']):.3%} |", flush=True)


def inside(given: argparse.Namespace, load: Path) -> None:
    print(
        "| calls | engine | core us/packet [runs] | process us/packet | delay us p50 / p99 / p99.9 "
        "| loss | lost at the load's own sockets | silent streams | load late |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    engines = [name for name in given.engines if name != "rtpengine" or shutil.which(name)]
    for calls in given.calls:
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
        for _ in range(given.runs):
            for name in engines:
                runs[name].append(measure(name, calls, given.seconds, load))
                if runs[name][-1]["busy"] > _MOST_BUSY:
                    print(f"{name}: core 0 was {runs[name][-1]['busy']:.0%} busy without calls: `core` means little")
                if name == "kernel" and runs[name][-1]["in_kernel"] != 2 * calls:
                    print(f"kernel: only {runs[name][-1]['in_kernel']} of {2 * calls} streams were in the kernel")
        for name, results in runs.items():
            middle = {key: statistics.median(run[key] for run in results) for key in results[0]}
            spread = sorted(run["core"] for run in results)
            late = middle["late"] / max(1, middle["sent"])
            print(
                f"| {calls} | {name} | {middle['core']:.2f} [{spread[0]:.2f}..{spread[-1]:.2f}] "
                f"| {middle['process']:.2f} | {middle['p50']:.0f} / {middle['p99']:.0f} / {middle['p999']:.0f} "
                f"| {middle['loss']:.3%} | {middle['dropped']:.0f} | {middle['streams_silent']:.0f} | {late:.1%} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, nargs="+", default=[10, 100, 400, 800])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["none", "ours", "kernel", "rtpengine"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--flood", action="store_true", help="what a packet costs, whatever else the machine does")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside and given.flood:
        for calls in given.calls:
            flood(calls, given.seconds, given.inside)
        return
    if given.inside:
        inside(given, given.inside)
        return
    with tempfile.TemporaryDirectory() as directory, networks(not given.flood):
        load = Path(directory) / "rtp_stream"
        subprocess.check_call(["gcc", "-O2", "-o", str(load), str(HERE / "rtp_stream.c")])
        again = ["ip", "netns", "exec", RELAY, sys.executable, __file__, *sys.argv[1:], "--inside", str(load)]
        raise SystemExit(subprocess.call(again))


if __name__ == "__main__":
    main()
