#!/usr/bin/env python3
"""CPU and added delay a packet: our relay and rtpengine in user space, in turn, under the same load.

    scripts/bench/relay.py --bench ../shared/bench --calls 100 400 800 --runs 3

The load generator (media/rtpload.c) and the CPU counters (cpu.py) are those of the bench folder beside the checkout.
The relay runs on core 0, the load on core 1; rtpengine gets the priority that ours takes by itself. Both engines are
set up by the same ng commands and then carry two-way G.711 calls, 100 packets a second each; `us/packet`
is the CPU time of the relay's process over the packets it passed, with all that it always does (latching, quality);
`setup` that of one offer and one answer; `KiB/call` what the process grew by for each.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
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
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from softswitch.media.ng import pack, unpack  # noqa: E402

A_PORT, B_PORT, NG_PORT = 9000, 9002, 2223
LOOPBACK = "127.0.0.1"


@contextmanager
def ours() -> Iterator[subprocess.Popen[bytes]]:
    words = ["--control", f"udp:{LOOPBACK}:{NG_PORT}", "--ports", "20000-39999", "--network", f"lan={LOOPBACK}"]
    command = ["taskset", "-c", "0", sys.executable, "-m", "softswitch.media.relay", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.terminate()


@contextmanager
def rtpengine() -> Iterator[subprocess.Popen[bytes]]:
    words = ["--foreground", "--log-stderr", "--log-level=3", "--table=-1", f"--interface={LOOPBACK}"]
    words += [f"--listen-ng={LOOPBACK}:{NG_PORT}", "--port-min=20000", "--port-max=39999", "--num-threads=1"]
    with tempfile.TemporaryDirectory() as directory:
        command = ["nice", "-n", "-10", "taskset", "-c", "0", "rtpengine", *words, f"--pidfile={directory}/pid"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.terminate()


ENGINES = {"ours": ours, "rtpengine": rtpengine}


class Ng:
    """Asks an engine; repeats a question until it is answered."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect((LOOPBACK, NG_PORT))
        self._sock.settimeout(0.5)
        self._cookies = itertools.count()

    def ask(self, **message: object) -> dict[str, object]:
        cookie = b"bench%d" % next(self._cookies)
        datagram = pack(cookie, {key.replace("_", "-"): value for key, value in message.items()})  # type: ignore[misc]
        for _ in range(20):
            try:
                self._sock.send(datagram)
                while True:
                    got, reply = unpack(self._sock.recv(65_535))
                    if got == cookie:
                        return dict(reply)
            except ConnectionRefusedError:
                time.sleep(0.1)
            except TimeoutError:
                continue
        raise SystemExit("the engine does not answer")

    def port(self, port: int, host: str = LOOPBACK, **message: object) -> int:
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
        )
        reply = self.ask(sdp=sdp, flags=["trust-address"], ICE="remove", replace=["origin"], **message)
        found = re.search(rb"m=audio (\d+)", bytes(reply["sdp"]))  # type: ignore[call-overload]
        assert found is not None
        return int(found.group(1))


def measure(engine: str, calls: int, seconds: int, load: Path, cpu: ModuleType) -> dict[str, float]:
    """One run: set up, load, counters."""
    with ENGINES[engine]() as process, tempfile.TemporaryDirectory() as directory:
        ng = Ng()
        ng.ask(command="ping")
        runtime: Callable[[], int] = lambda: cpu.runtime_ns([process.pid])
        memory_before = cpu.rss_pss_mib([process.pid])[0]
        before = runtime()
        streams = []
        for number in range(calls):
            key = {"call_id": f"c{number}", "from_tag": "a"}
            facing_b = ng.port(A_PORT, command="offer", **key)
            facing_a = ng.port(B_PORT, command="answer", to_tag="b", **key)
            streams.append(f"{LOOPBACK} {facing_a} {facing_b}\n")
        setup = (runtime() - before) / 1e3 / calls
        listed = Path(directory) / "streams"
        listed.write_text("".join(streams))
        memory = cpu.rss_pss_mib([process.pid])[0]
        before = runtime()
        words = ["taskset", "-c", "1", str(load), str(listed), str(seconds), "20", str(A_PORT), str(B_PORT)]
        got = json.loads(subprocess.check_output(words))
        spent = (runtime() - before) / 1e3
        return {
            "us_packet": spent / max(1, got["sent"] - got["lost"]),
            "p50": got["us_p50"],
            "p99": got["us_p99"],
            "p999": got["us_p999"],
            "loss": got["lost"] / max(1, got["counted"]),
            "setup_us": setup,
            "rss_mib": memory,
            "kib_call": 1024 * (memory - memory_before) / calls,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench")
    parser.add_argument("--calls", type=int, nargs="+", default=[10, 100, 400, 800])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    given = parser.parse_args()
    source = given.bench / "media" / "rtpload.c"
    if not source.exists():
        raise SystemExit(f"no load generator at {source}: name the bench folder with --bench")
    spec = importlib.util.spec_from_file_location("cpu", given.bench / "cpu.py")
    assert spec is not None
    assert spec.loader is not None
    cpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cpu)
    engines = [name for name in ENGINES if name == "ours" or shutil.which(name)]
    with tempfile.TemporaryDirectory() as directory:
        load = Path(directory) / "rtpload"
        subprocess.check_call(["gcc", "-O2", "-w", "-o", str(load), str(source)])
        print("| calls | engine | us/packet [runs] | delay us p50 / p99 / p99.9 | loss | setup us | MiB | KiB/call |")
        print("|---|---|---|---|---|---|---|---|")
        for calls in given.calls:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
            for _ in range(given.runs):
                for name in engines:
                    runs[name].append(measure(name, calls, given.seconds, load, cpu))
            for name, results in runs.items():
                middle = {key: statistics.median(run[key] for run in results) for key in results[0]}
                spread = sorted(run["us_packet"] for run in results)
                print(
                    f"| {calls} | {name} | {middle['us_packet']:.1f} [{spread[0]:.1f}..{spread[-1]:.1f}] "
                    f"| {middle['p50']:.0f} / {middle['p99']:.0f} / {middle['p999']:.0f} | {middle['loss']:.3%} "
                    f"| {middle['setup_us']:.0f} | {middle['rss_mib']:.0f} | {middle['kib_call']:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
