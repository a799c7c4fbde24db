"""The switch under test as a process of its own, or kamailio standing in for it.

INTEROP_STANDIN=kamailio runs the tests against Debian's kamailio (with rtpengine for the sound, where that is
installed): what fails there is the drivers' fault and not the switch's.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .certificates import Certificates
from .office import ACCOUNTS, DIALPLAN, DOMAIN, Listen, write_office
from .peers.kamailio import Kamailio
from .peers.process import PeerFailed, Process

STANDIN = os.environ.get("INTEROP_STANDIN", "")
READY_SECONDS = 15.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running switch and where it listens."""

    listen: tuple[Listen, ...]
    process: Process
    certificates: Certificates
    folder: Path
    standin: bool

    def port(self, transport: str) -> int:
        return next(one.port for one in self.listen if one.transport == transport)

    @property
    def host(self) -> str:
        return self.listen[0].host

    def at(self, transport: str) -> str:
        """The address to type into a phone: "127.0.0.1:5061"."""
        return f"{self.host}:{self.port(transport)}"

    def complaints(self, since: int = 0) -> list[str]:
        """Lines of its log from number `since` on that tell of a bug of its own."""
        pattern = re.compile(r"Traceback|\bCRITICAL\b|\"level\": ?\"(error|critical)\"|Task exception was never")
        return [line for line in self.process.output.splitlines()[since:] if pattern.search(line)]


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports that nobody uses now, neither for UDP nor for TCP."""
    found: list[int] = []
    held: list[socket.socket] = []
    try:
        while len(found) < count:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            tcp = socket.socket(family, socket.SOCK_STREAM)
            udp = socket.socket(family, socket.SOCK_DGRAM)
            held += [tcp, udp]
            tcp.bind((host, 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind((host, port))
            except OSError:
                continue
            found.append(port)
    finally:
        for one in held:
            one.close()
    return found


@contextmanager
def run_server(
    folder: Path,
    listen: tuple[Listen, ...],
    certificates: Certificates,
    *,
    netns: str | None = None,
    digest: tuple[str, ...] = ("MD5", "SHA-256"),
    media: str = "always",
    ports: str = "20000-20399",
    more: str = "",
    level: str = "debug",
    dialplan: str = DIALPLAN,
    secrets_too: str = "",
    at: str = "",
    killed: bool = False,
    allowed: str = "",
    engine: str = "built-in",
    authorities: Path | None = None,
    relay: str = "",
) -> Iterator[Server]:
    """A switch that is ready; at the end it must stop within five seconds and have nothing to complain of.

    `killed`: instead it is ended by SIGKILL. `allowed` is in the complaints that the test brings about.
    """
    if STANDIN:
        with _kamailio(folder, listen, certificates, netns, media, ports) as process:
            yield Server(listen, process, certificates, folder, standin=True)
        return
    config = write_office(
        folder,
        listen,
        certificates.certificate,
        certificates.key,
        digest=digest,
        media=media,
        ports=ports,
        more=more,
        level=level,
        dialplan=dialplan,
        secrets_too=secrets_too,
        engine=engine,
        authorities=authorities,
        relay=relay,
    )
    (folder / "notify.sock").unlink(missing_ok=True)
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(str(folder / "notify.sock"))
    notified.settimeout(0.2)
    process = Process(
        [Path(sys.executable).with_name("softswitch"), "run", "--config", config, *(["--at", at] if at else [])],
        netns=netns,
        env={"NOTIFY_SOCKET": str(folder / "notify.sock"), "PYTHONUNBUFFERED": "1"},
        cwd=folder,
    )
    server = Server(listen, process, certificates, folder, standin=False)
    try:
        with notified:
            _wait_ready(process, notified)
        yield server
        if killed:
            process.signal(signal.SIGKILL)
            process.wait(STOP_SECONDS)
        elif not process.running():
            raise PeerFailed(f"the switch ended during the test:\n{process.output[-4000:]}")
    finally:
        code = process.stop(STOP_SECONDS)
    if code and not killed:
        raise PeerFailed(f"the switch ended with {code}:\n{process.output[-4000:]}")
    if complaints := [line for line in server.complaints() if not allowed or allowed not in line]:
        raise PeerFailed("the switch complained:\n" + "\n".join(complaints))


def _wait_ready(process: Process, notified: socket.socket) -> None:
    """Wait for READY=1 as systemd would (sd_notify(3))."""
    for _ in range(int(READY_SECONDS / 0.2)):
        if not process.running():
            raise PeerFailed(f"the switch did not start:\n{process.output[-4000:]}")
        try:
            if b"READY=1" in notified.recv(4096).split(b"\n"):
                return
        except TimeoutError:
            continue
    process.stop()
    raise PeerFailed(f"the switch was not ready in {READY_SECONDS} s:\n{process.output[-4000:]}")


@contextmanager
def _kamailio(
    folder: Path, listen: tuple[Listen, ...], certificates: Certificates, netns: str | None, media: str, ports: str
) -> Iterator[Process]:
    tls = folder / "tls.cfg"
    tls.write_text(
        f"[server:default]\nmethod = TLSv1.2+\nverify_certificate = no\n"
        f"certificate = {certificates.certificate}\nprivate_key = {certificates.key}\n"
    )
    lines = []
    for account in ACCOUNTS.values():
        lines.append(f'$sht(secret=>{account.name}) = "{account.password}";')
        lines += [
            f'$sht(person=>{key}) = "{account.person}";' for key in (account.name, account.person, account.number)
        ]
    relayed = media == "always" and netns is not None and shutil.which("rtpengine") is not None
    relay = start_rtpengine(folder, listen[:1], netns, ports) if relayed else None
    process = Kamailio(
        folder,
        "office.cfg",
        [
            f"{one.transport}:{one.host}:{one.port}"
            + (f" advertise {one.advertised}:{one.port}" if one.advertised else "")
            for one in listen
        ],
        {"DOMAIN": DOMAIN, "TLS": str(tls), "NG": "2223", "ACCOUNTS": "\n".join(f"    {line}" for line in lines)},
        defines=["WITH_RTPENGINE"] if relay else [],
        netns=netns,
    )
    try:
        process.wait_for("registered server_name callback", READY_SECONDS)
        yield process
    finally:
        process.stop()
        if relay is not None:
            relay.stop()


def start_rtpengine(folder: Path, listen: tuple[Listen, ...], netns: str | None, ports: str) -> Process:
    """A daemon in user space that takes commands on 127.0.0.1:2223 and media on the listeners' addresses."""
    low, high = ports.split("-")
    addresses = [f"{one.host}!{one.advertised}" if one.advertised else one.host for one in listen]
    relay = Process(
        ["rtpengine", "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=6",
         *(f"--interface={address}" for address in dict.fromkeys(addresses)),
         "--listen-ng=127.0.0.1:2223", f"--port-min={low}", f"--port-max={high}",
         f"--pidfile={folder}/rtpengine.pid"],
        netns=netns,
    )  # fmt: skip
    relay.wait_for("Startup complete", READY_SECONDS)
    return relay
