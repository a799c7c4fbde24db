"""Records of a real switch: over kill -9 and SIGTERM, forgotten on request, deleted when they are old."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contract.records import record
from interop.peers.process import wait_until
from interop.server import free_ports
from lab.digest import answer

from softswitch.ops.control import ask
from softswitch.records.record import CallRecord, Query
from softswitch.store.open import open_store
from softswitch.store.reading import reading
from softswitch.store.sqlite import all_bindings
from softswitch.store.sqlite_records import select

SETTINGS = """\
listen: [{{transport: udp, bind: "127.0.0.1:{port}"}}]
dialplans: office.yaml
secrets: secrets.yaml
store: sqlite:///switch.db
control: control.sock
digest: {{algorithms: [MD5]}}
relay: {{use: never}}
peers: [{{address: 127.0.0.1, name: city}}]
"""
OFFICE = """\
site: {domain: acme.example, timezone: Europe/Berlin}
people:
  dario: {name: Dario Conti, number: 103, places: {home: {phone: dario-home}}}
phones:
  dario-home: {secret: dario-home}
"""


class End:
    """A SIP endpoint of a few lines: sends texts, waits for what is to come, drops the rest."""

    def __init__(self, server: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", server))
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]

    def send(self, start: str, *lines: str) -> None:
        self.socket.send("\r\n".join((start, *lines, "Content-Length: 0", "", "")).encode())

    def request(self, start: str, branch: str, *lines: str) -> None:
        via = f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{branch}"
        contact = f"Contact: <sip:127.0.0.1:{self.port}>"
        self.send(f"{start} SIP/2.0", via, "Max-Forwards: 70", contact, *lines)

    def wait(self, *starts: str) -> list[str]:
        """The lines of the next message that begins so."""
        for _ in range(50):
            lines = self.socket.recv(65535).decode().split("\r\n")
            if lines[0].startswith(starts):
                return lines
        raise AssertionError(f"no {starts}")

    def reply(self, request: list[str], status: str) -> None:
        copied = [line for line in request if re.match(r"(?i)(via|from|call-id|cseq|record-route):", line)]
        to = next(line for line in request if line.startswith("To:"))
        to = to if ";tag=" in to else f"{to};tag=phone"
        self.send(f"SIP/2.0 {status}", *copied, to, f"Contact: <sip:127.0.0.1:{self.port}>")


@contextmanager
def switch(folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A switch that is ready; killed at the end."""
    path = folder / "notify.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified, (folder / "log").open("ab") as log:
        notified.bind(str(path))
        notified.settimeout(20)
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from softswitch.cli.main import main; main()",
                "run",
                "--config",
                "softswitch.yaml",
                *options,
            ],
            cwd=folder,
            env={"NOTIFY_SOCKET": str(path), "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
            stderr=log,
        )
        try:
            assert b"READY=1" in notified.recv(4096)
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)


def register(phone: End, port: int, call_id: str = "r") -> None:
    lines = (
        "From: <sip:dario@acme.example>;tag=r",
        "To: <sip:dario@acme.example>",
        f"Call-ID: {call_id}",
    )
    phone.request("REGISTER sip:acme.example", "r1", *lines, "CSeq: 1 REGISTER")
    refused = phone.wait("SIP/2.0 401")
    challenge = next(line for line in refused if line.lower().startswith("www-authenticate:")).partition(": ")[2]
    proof = answer(challenge.encode(), "dario-home", "secret", "REGISTER", "sip:acme.example", 1)
    phone.request("REGISTER sip:acme.example", "r2", *lines, "CSeq: 2 REGISTER", f"Authorization: {proof}")
    phone.wait("SIP/2.0 200")


def dialog(call_id: str, to: str = "<sip:103@acme.example>") -> tuple[str, str, str]:
    return "From: <sip:+4930123456@city.example>;tag=c", f"To: {to}", f"Call-ID: {call_id}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (port,) = free_ports(1)
    (tmp_path / "port").write_text(str(port))
    (tmp_path / "softswitch.yaml").write_text(SETTINGS.format(port=port))
    (tmp_path / "office.yaml").write_text(OFFICE)
    (tmp_path / "secrets.yaml").touch(0o600)
    (tmp_path / "secrets.yaml").write_text("dario-home: secret\n")
    return tmp_path


def outcomes(folder: Path) -> dict[str, str]:
    return {call.call_id: call.outcome for call in recorded(folder)}


def recorded(folder: Path) -> list[CallRecord]:
    with reading(folder / "switch.db") as connection:
        return list(select(connection, Query()))


def test_kill_9(folder: Path) -> None:
    port = int((folder / "port").read_text())
    caller, phone = End(port), End(port)
    with switch(folder):
        register(phone, port)
        for call in ("rings", "talks"):
            caller.request("INVITE sip:103@acme.example", call, *dialog(call), "CSeq: 1 INVITE")
            invite = phone.wait("INVITE")
            phone.reply(invite, "180 Ringing")
            caller.wait("SIP/2.0 180")
        phone.reply(invite, "200 OK")
        answered = caller.wait("SIP/2.0 200")
        route = next(line for line in answered if line.startswith("Record-Route:")).replace("Record-Route", "Route")
        to = next(line for line in answered if line.startswith("To:")).partition(": ")[2]
        target = f"sip:127.0.0.1:{phone.port}"
        caller.request(f"ACK {target}", "ack", route, *dialog("talks", to), "CSeq: 1 ACK")
        phone.wait("ACK")
        wait_until(lambda: outcomes(folder) == {"rings": "ringing", "talks": "talking"}, "record of both calls")
    with switch(folder):
        wait_until(lambda: outcomes(folder) == {"rings": "interrupted", "talks": "talking"}, "end of what rang")
        caller.request(f"BYE {target}", "bye", route, *dialog("talks", to), "CSeq: 2 BYE")
        phone.reply(phone.wait("BYE"), "200 OK")
        caller.wait("SIP/2.0 200")
        wait_until(lambda: outcomes(folder)["talks"] == "answered", "end of the conversation")
    talks = next(call for call in recorded(folder) if call.call_id == "talks")
    assert (talks.answered_by, talks.people) == ("dario-home", ("dario@acme.example",))
    assert talks.ended_at > talks.answered_at > talks.started_at


def test_what_was_handed_over_at_the_end_is_stored(folder: Path) -> None:
    """SIGTERM within the moment for which changes are collected."""
    port = int((folder / "port").read_text())
    caller = End(port)
    with switch(folder) as process:
        caller.request("INVITE sip:103@acme.example", "gone", *dialog("gone"), "CSeq: 1 INVITE")
        caller.wait("SIP/2.0 480")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert outcomes(folder) == {"gone": "unreachable"}


def test_forgetting_somebody(folder: Path) -> None:
    port = int((folder / "port").read_text())
    caller, phone = End(port), End(port)
    with switch(folder):
        register(phone, port)
        caller.request("INVITE sip:103@acme.example", "busy", *dialog("busy"), "CSeq: 1 INVITE")
        phone.reply(phone.wait("INVITE"), "486 Busy Here")
        caller.wait("SIP/2.0 486")
        wait_until(lambda: outcomes(folder) == {"busy": "busy"}, "record of the call")
        gone = ask(folder / "control.sock", "forget person", {"site": "acme.example", "person": "dario"})
        assert gone.pop("presence") > 0
        assert gone.pop("registrations") == gone.pop("call records") == 1
        assert not any(gone.values()), gone
        assert outcomes(folder) == {}
        with reading(folder / "switch.db") as connection:
            assert all_bindings(connection) == []
        caller.request("INVITE sip:103@acme.example", "again", *dialog("again"), "CSeq: 1 INVITE")
        caller.wait("SIP/2.0 480")


def test_old_records_are_deleted(folder: Path) -> None:
    with (folder / "softswitch.yaml").open("a") as settings:
        settings.write("records: {keep: 30d}\n")
    port = int((folder / "port").read_text())

    async def fill() -> None:
        stores = open_store(f"sqlite:///{folder}/switch.db")
        now = time.time()
        old = [record(number)._replace(started_at=now - 31 * 86400 - number) for number in range(1500)]
        written = stores.records.write([*old, record(9999)._replace(started_at=now - 29 * 86400)])
        assert written is not None
        await written
        await stores.close()

    asyncio.run(fill())
    with switch(folder, "--at", "2060-01-01 12:00"):
        # Tried out at another time: nothing is lost by that. A registration is durable after whatever came before it.
        register(End(port), port)
    assert len(recorded(folder)) == 1501
    with switch(folder):
        wait_until(lambda: len(recorded(folder)) == 1, "deletion")
    assert recorded(folder)[0].call_id == record(9999).call_id
