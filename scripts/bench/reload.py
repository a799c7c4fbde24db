"""What a reload costs: how long it takes, and how long a request waits meanwhile, against the size of the plan.

The switch runs as a process of its own; OPTIONS go to it one after the other, each answer timed. In every round the
dialplan is another one, so that each person's calls change.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SIZES = (50, 1000)
RELOADS = 3
PAUSE_SECONDS = 0.001
SOFTSWITCH = Path(sys.executable).with_name("softswitch")


def office(size: int, seconds: int) -> str:
    """People with a desk and a home phone, office hours and holidays, who ring for so long."""
    lines = [
        "site: {domain: bench.example, timezone: Europe/Berlin, country: DE, holidays: {region: BY}}",
        "schedules:",
        "  office hours: [mon-thu 08:00-12:00 13:00-17:00, fri 08:00-14:00, except holidays]",
        "people:",
    ]
    for n in range(size):
        lines += [
            f"  p{n}:",
            f"    number: {100_000 + n}",
            f"    places: {{desk: {{phone: desk{n}}}, home: {{phone: home{n}}}}}",
            "    calls:",
            f"    - {{when: office hours, ring: desk, for: {seconds}s, then: home}}",
            "    - {ring: home}",
        ]
    lines.append("phones:")
    lines += [f"  {place}{n}: {{secret: p{n}}}" for place in ("desk", "home") for n in range(size)]
    lines.append("assertions:")
    lines += [f"  - {{at: mon 09:00, to: {100_000 + n}, rings: p{n} at desk}}" for n in range(min(size, 50))]
    return "\n".join(lines) + "\n"


def configure(folder: Path, size: int) -> tuple[Path, int]:
    """The settings' file and the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "office.yaml").write_text(office(size, 15))
    (folder / "secrets.yaml").write_text("".join(f'p{n}: "secret"\n' for n in range(size)))
    (folder / "secrets.yaml").chmod(0o600)
    file = folder / "softswitch.yaml"
    file.write_text(
        f"listen: [{{transport: udp, bind: 127.0.0.1:{port}}}]\ndialplans: office.yaml\nsecrets: secrets.yaml\n"
        f"store: sqlite:///{folder}/switch.db\ncontrol: {folder}/control.sock\nrelay: {{use: never}}\n"
        "digest: {algorithms: [MD5]}\npeers: [{address: 127.0.0.1, name: bench}]\nlog: {level: warning}\n"
    )
    return file, port


def wait(port: int, stop: threading.Event) -> list[float]:
    """Seconds from each request to its answer, until told to stop."""
    waited = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(("127.0.0.1", port))
        phone.settimeout(2.0)
        own = phone.getsockname()[1]
        number = 0
        while not stop.is_set():
            number += 1
            request = (
                f"OPTIONS sip:bench.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{number}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:b@bench.example>;tag={number}\r\nTo: <sip:bench.example>\r\n"
                f"Call-ID: {number}@bench\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            start = time.perf_counter()
            phone.send(request.encode())
            phone.recv(65535)
            waited.append(time.perf_counter() - start)
            time.sleep(PAUSE_SECONDS)
    return waited


def measured(port: int, what: list[str] | None) -> tuple[list[float], str]:
    """The waiting times while a command runs, or for a second; and what the command said last."""
    stop, found = threading.Event(), list[float]()
    thread = threading.Thread(target=lambda: found.extend(wait(port, stop)))
    thread.start()
    said = ""
    if what is None:
        time.sleep(1.0)
    else:
        said = subprocess.run(what, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    stop.set()
    thread.join()
    return sorted(found), said


def bench(size: int) -> None:
    """Two lines of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, port = configure(folder, size)
        switch = subprocess.Popen([SOFTSWITCH, "run", "--config", file])
        try:
            for _ in range(100):
                if (folder / "control.sock").exists():
                    break
                time.sleep(0.1)
            show(size, "idle", measured(port, None))
            for round_ in range(RELOADS):
                (folder / "office.yaml").write_text(office(size, 16 + round_))
                show(size, "reload", measured(port, [str(SOFTSWITCH), "reload", "--config", str(file)]))
        finally:
            switch.terminate()
            switch.wait()


def show(size: int, what: str, result: tuple[list[float], str]) -> None:
    """One line."""
    waited, said = result
    at = [waited[int((len(waited) - 1) * part)] * 1e3 for part in (0.5, 0.99, 1.0)]
    print(f"| {size} | {what} | {said} | " + " | ".join(f"{one:.2f}" for one in at) + " |", flush=True)


def main() -> None:
    """Print the table."""
    print("| people | while | | wait p50 ms | p99 ms | max ms |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        bench(size)


if __name__ == "__main__":
    main()
