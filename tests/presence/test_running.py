"""Watchers of a real switch: kill -9, and they are told on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from interop.peers.process import wait_until
from interop.server import free_ports
from lab.digest import answer
from records.test_running import End, recorded, switch

from softswitch.ops.control import ask
from softswitch.store.reading import reading
from softswitch.store.sqlite_history import states_of
from softswitch.store.sqlite_presence import all_publications, all_subscriptions

SETTINGS = """\
listen: [{{transport: udp, bind: "127.0.0.1:{port}"}}]
dialplans: office.yaml
secrets: secrets.yaml
store: sqlite:///switch.db
control: control.sock
digest: {{algorithms: [MD5]}}
relay: {{use: never}}
"""
OFFICE = """\
site: {domain: acme.example, timezone: Europe/Berlin}
people:
  anna: {name: Anna Berger, number: 101, places: {office: {phone: anna-desk}}}
  dario: {name: Dario Conti, number: 103, places: {home: {phone: dario-home}}}
phones:
  anna-desk: {secret: anna-desk}
  dario-home: {secret: dario-home}
"""
PIDF = (
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:101@acme.example"><tuple id="t"><status>'
    "<basic>open</basic></status></tuple><note>back at three</note></presence>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (port,) = free_ports(1)
    (tmp_path / "port").write_text(str(port))
    (tmp_path / "softswitch.yaml").write_text(SETTINGS.format(port=port))
    (tmp_path / "office.yaml").write_text(OFFICE)
    (tmp_path / "secrets.yaml").touch(0o600)
    (tmp_path / "secrets.yaml").write_text("dario-home: secret\nanna-desk: secret\n")
    return tmp_path


class Phone(End):
    """One that proves its password."""

    def __init__(self, server: int, account: str, number: str) -> None:
        super().__init__(server)
        self.account, self.number = account, number

    def asks(self, method: str, uri: str, to: str, *lines: str, cseq: int = 1, body: str = "") -> list[str]:
        """Send it twice, the second time with credentials; the final answer."""
        proof: tuple[str, ...] = ()
        for number in (cseq, cseq + 1):
            head = (
                f"{method} {uri} SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{method}{number}{self.account}",
                "Max-Forwards: 70",
                f"Contact: <sip:{self.account}@127.0.0.1:{self.port}>",
                f"From: <sip:{self.number}@acme.example>;tag={self.account}",
                f"To: {to}",
                f"Call-ID: {method}-{self.account}",
                f"CSeq: {number} {method}",
                *lines,
                *proof,
                f"Content-Length: {len(body)}",
            )
            self.socket.send("\r\n".join((*head, "", body)).encode())
            answered = self.wait("SIP/2.0 2", "SIP/2.0 3", "SIP/2.0 4", "SIP/2.0 5")
            challenge = re.search(r"(WWW|Proxy)-Authenticate: (.*)", "\n".join(answered))
            if challenge is None:
                break
            name = "Authorization" if challenge[1] == "WWW" else "Proxy-Authorization"
            proof = (f"{name}: {answer(challenge[2].encode(), self.account, 'secret', method, uri, 1)}",)
        return answered

    def notified(self) -> tuple[int, str, str]:
        """The next NOTIFY: its CSeq number, Subscription-State and note."""
        lines = self.wait("NOTIFY")
        self.reply(lines, "200 OK")
        text = "\n".join(lines)
        found = [re.search(one, text) for one in (r"CSeq: (\d+)", r"Subscription-State: (.*)", r"<dm:note>(.*?)</dm")]
        cseq, state, note = (one[1] if one else "" for one in found)
        return int(cseq), state.strip(), note


def states(folder: Path) -> list[tuple[str, str]]:
    with reading(folder / "switch.db") as connection:
        return [(one.availability, one.cause) for one in states_of(connection, "acme.example", "anna", 0.0)]


def test_kill_9(folder: Path) -> None:
    port = int((folder / "port").read_text())
    dario, anna = Phone(port, "dario-home", "103"), Phone(port, "anna-desk", "101")
    aor, uri = "<sip:101@acme.example>", "sip:101@acme.example"
    with switch(folder):
        assert anna.asks("REGISTER", "sip:acme.example", aor, "Expires: 300")[0] == "SIP/2.0 200 OK"
        accepted = dario.asks("SUBSCRIBE", uri, aor, "Event: presence", "Expires: 300")
        assert accepted[0] == "SIP/2.0 200 OK"
        number, state, note = dario.notified()
        assert (number, state) == (1, "active;expires=300")
        assert note == "Available (office). Next call: anna"
        lines = ("Event: presence", "Expires: 300", "Content-Type: application/pidf+xml")
        assert anna.asks("PUBLISH", uri, aor, *lines, body=PIDF)[0] == "SIP/2.0 200 OK"
        assert dario.notified()[2] == "Available (office). back at three. Next call: anna"
        shown, other = ask(folder / "control.sock", "presence")
        assert (shown["person"], shown["availability"], shown["place"]) == ("anna", "available", "office")
        assert (shown["note"], shown["lands"]) == ("back at three", "anna")
        assert (shown["phones"], shown["watchers"]) == (["anna-desk"], ["103@acme.example"])
        assert (other["person"], other["availability"]) == ("dario", "offline")
        wait_until(lambda: len(states(folder)) == 3, "anna's history")
    with reading(folder / "switch.db") as connection:
        assert [one.user for one in all_subscriptions(connection)] == ["101"]
        assert [one.note for one in all_publications(connection)] == ["back at three"]
    assert states(folder) == [("offline", "start"), ("available", "registered"), ("available", "published")]
    with switch(folder):
        again, state, note = dario.notified()
        assert again > 2
        assert note == "Available (office). back at three. Next call: anna"
        gone = anna.asks("REGISTER", "sip:acme.example", aor, "Expires: 0", cseq=10)
        assert gone[0] == "SIP/2.0 200 OK"
        last, state, note = dario.notified()
        assert last == again + 1
        assert note == "Offline"
        to = next(line for line in accepted if line.startswith("To:")).partition(": ")[2]
        target = next(line for line in accepted if line.startswith("Contact:")).partition("<")[2].partition(">")[0]
        assert dario.asks("SUBSCRIBE", target, to, "Event: presence", "Expires: 0", cseq=10)[0] == "SIP/2.0 200 OK"
        assert dario.notified()[1] == "terminated;reason=timeout"


def talk(caller: Phone, callee: Phone, port: int) -> list[str]:
    """A call of 101 to 103, answered; the lines of a BYE within it."""
    lines = ("From: <sip:101@acme.example>;tag=talk", "To: <sip:103@acme.example>", "Call-ID: talk")
    assert caller.asks("REGISTER", "sip:acme.example", "<sip:101@acme.example>", "Expires: 300")[0][8:11] == "200"
    assert callee.asks("REGISTER", "sip:acme.example", "<sip:103@acme.example>", "Expires: 300")[0][8:11] == "200"
    caller.request("INVITE sip:103@acme.example", "i1", *lines, "CSeq: 1 INVITE")
    challenge = next(one for one in caller.wait("SIP/2.0 407") if one.startswith("Proxy-Authenticate"))
    proof = answer(challenge.partition(": ")[2].encode(), "anna-desk", "secret", "INVITE", "sip:103@acme.example", 1)
    caller.request("INVITE sip:103@acme.example", "i2", *lines, "CSeq: 2 INVITE", f"Proxy-Authorization: {proof}")
    callee.reply(callee.wait("INVITE"), "200 OK")
    answered = caller.wait("SIP/2.0 200")
    routes = [one.replace("Record-Route", "Route") for one in answered if one.startswith("Record-Route")]
    within = (lines[0], f"{lines[1]};tag=phone", lines[2], *routes)
    target = f"sip:dario-home@127.0.0.1:{callee.port}"
    caller.request(f"ACK {target}", "a1", *within, "CSeq: 2 ACK")
    callee.wait("ACK")
    return [f"BYE {target}", "b1", *within, "CSeq: 3 BYE"]


@pytest.mark.parametrize("hangs_up", [True, False])
def test_kill_9_right_after_the_hang_up(folder: Path, hangs_up: bool) -> None:
    """What was not on disk yet, the phones say: the lamp goes out. A call that goes on burns on."""
    port = int((folder / "port").read_text())
    watcher, anna, dario = (
        Phone(port, *one) for one in (("dario-home", "103"), ("anna-desk", "101"), ("dario-home", "103"))
    )
    aor, uri = "<sip:101@acme.example>", "sip:101@acme.example"
    with switch(folder) as process:
        assert watcher.asks("SUBSCRIBE", uri, aor, "Event: presence", "Expires: 300")[0] == "SIP/2.0 200 OK"
        bye = talk(anna, dario, port)
        while not watcher.notified()[2].startswith("On the phone"):
            pass
        wait_until(lambda: [one.answered_at > 0 for one in recorded(folder)] == [True], "the call's record")
        if hangs_up:
            anna.request(*bye)
            dario.reply(dario.wait("BYE"), "200 OK")
            anna.wait("SIP/2.0 200")
            process.kill()  # less than the fifth of a second that records wait for each other
    assert recorded(folder)[0].ended_at == 0
    with switch(folder):
        for phone in (anna, dario):
            asked = phone.wait("INFO")
            assert {"Call-ID: talk", "CSeq: 0 INFO"} <= set(asked)
            phone.reply(asked, "481 Call/Transaction Does Not Exist" if hangs_up else "200 OK")
        if not hangs_up:
            assert watcher.notified()[2].startswith("On the phone")
            anna.request(*bye)
            dario.reply(dario.wait("BYE"), "200 OK")
        while not watcher.notified()[2].startswith("Available"):
            pass
        wait_until(lambda: recorded(folder)[0].ended_at > 0, "the end of the call's record")


class Screen:
    """`softswitch` in a terminal of its own, as the operator sees it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 140, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from softswitch.cli.main import main; main()", *arguments],
            cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        )  # fmt: skip
        os.close(slave)
        self.written = ""

    def shows(self, pattern: str) -> None:
        """Wait until it has written this, since it was last asked."""

        def seen() -> bool:
            while select.select([self._master], [], [], 0)[0]:
                try:
                    self.written += os.read(self._master, 65536).decode("utf-8", "replace")
                except OSError:  # it has ended
                    break
            found = re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.written))
            return found is not None

        wait_until(seen, pattern, 20)
        self.written = ""

    def ends(self, number: int = 0) -> int:
        """Its exit status, after a signal perhaps."""
        if number:
            self.process.send_signal(number)
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            os.close(self._master)


def test_the_board_in_a_terminal(folder: Path) -> None:
    port = int((folder / "port").read_text())
    anna, dario = Phone(port, "anna-desk", "101"), Phone(port, "dario-home", "103")
    with switch(folder):
        screen = Screen(folder, "presence", "--watch", "--config", "softswitch.yaml")
        try:
            screen.shows(r"101\s+Anna Berger\s+offline")
            bye = talk(anna, dario, port)
            screen.shows(r"101\s+Anna Berger\s+on the phone\s+\d+ s\s+office\s+to 103")
            screen.shows(r"103\s+Dario Conti\s+on the phone\s+\d+ s\s+home\s+from 101")
            anna.request(*bye)
            dario.reply(dario.wait("BYE"), "200 OK")
            screen.shows(r"101\s+Anna Berger\s+available")
        finally:
            assert screen.ends(signal.SIGINT) == 0
        wait_until(lambda: states(folder)[-1] == ("available", "call ended"), "the end of the call in anna's history")
        since = Screen(folder, "presence", "101", "--since", "1h", "--config", "softswitch.yaml")
        try:
            since.shows(
                r"offline .*the switch was started[\s\S]*on the phone .*began a call[\s\S]*available .*a call ended"
            )
        finally:
            assert since.ends() == 0
