"""baresip: a phone commanded over its ctrl_tcp module, which speaks JSON in netstrings."""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..office import DOMAIN, Account
from .process import Deadline, PeerFailed, Process, wait_until

MODULES = "/usr/lib/baresip/modules"
CONTROL_PORT = 4444

# COMPAT: no mwi module where nobody is watched: baresip 1.0.0 asks again at once, for ever, where SUBSCRIBE is refused.
_CONFIG = """\
module_path {modules}
module g711.so
module srtp.so
module aufile.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
sip_listen {address}:{sip_port}
sip_cafile {authority}
audio_source aufile,{wav}
audio_player aufile,{folder}/player.wav
audio_alert aufile,{folder}/player.wav
audio_channels 1-1
ausrc_srate 8000
auplay_srate 8000
snd_path {folder}
rtp_ports {rtp_low}-{rtp_high}
jitter_buffer_delay 2-10
call_max_calls {calls}
ctrl_tcp_listen {address}:{control}
"""


class Baresip:
    """A baresip that registers one account at start and plays a WAV to whoever it talks with."""

    def __init__(
        self,
        folder: Path,
        account: Account,
        server: str,
        *,
        transport: str,
        address: str,
        wav: Path,
        authority: Path,
        netns: str,
        sip_port: int = 5070,
        calls: int = 4,
        watches: str = "",
        srtp: str = "",
        rtcp_mux: bool = False,
        codecs: str = "pcma,pcmu",
    ) -> None:
        """`server` is host:port; `address` is the phone's own and must not be loopback; `authority` a CA in PEM.

        With `calls` at once it is busy. `watches`: whose presence it subscribes to; then it asks for its mailbox too.
        `srtp` is baresip's word for it: "srtp" (may be), "srtp-mand" (has to be).
        """
        folder.mkdir(parents=True)
        ipv6 = ":" in address
        (folder / "config").write_text(
            _CONFIG.format(
                modules=MODULES, address=f"[{address}]" if ipv6 else address,
                sip_port=sip_port, authority=authority, wav=wav, folder=folder,
                rtp_low=10000, rtp_high=10100, control=CONTROL_PORT, calls=calls,
            )
        )  # fmt: skip
        (folder / "accounts").write_text(
            f"<{account.aor};transport={transport}>;auth_user={account.name};auth_pass={account.password}"
            f';outbound="sip:{server};transport={transport}";regint=60;audio_codecs={codecs}'
            + (f";mediaenc={srtp}\n" if srtp else "\n")
        )
        if "g722" in codecs:
            with (folder / "config").open("a") as config:
                config.write("module g722.so\n")
        if rtcp_mux:
            with (folder / "config").open("a") as config:
                config.write("rtcp_mux yes\n")
        watched = f'"Watched" <sip:{watches}@{DOMAIN}>;presence=p2p\n' if watches else ""
        (folder / "contacts").write_text(watched)
        if watches:
            with (folder / "config").open("a") as config:
                config.write("module_app contact.so\nmodule_app presence.so\nmodule_app mwi.so\n")
        self._folder = folder
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._next = 0
        self._token = 0
        self._process = Process(["baresip", "-6" if ipv6 else "-4", "-s", "-f", folder], netns=netns, cwd=folder)
        self._process.wait_for("baresip is ready")
        self._socket = _connect_inside(netns, address, CONTROL_PORT)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        buffer = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                length, rest = buffer.split(b":", 1)
                if len(rest) <= int(length):
                    break
                with self._changed:
                    self._events.append(json.loads(rest[: int(length)]))
                    self._changed.notify_all()
                buffer = rest[int(length) + 1 :]

    def command(self, name: str, parameters: str = "") -> str:
        """Give a command of baresip's menu ("dial", "accept", "hangup"); what it says when it was taken."""
        self._token += 1
        token = str(self._token)
        text = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))
        _, answer = self._wait(lambda event: event.get("token") == token, f"an answer to {name}", 5.0)
        if not answer.get("ok"):
            raise PeerFailed(f"baresip refused {name} {parameters}: {answer}")
        return str(answer.get("data", ""))

    def wait_event(self, kind: str, seconds: float = 10.0) -> dict[str, Any]:
        """The next event of this kind, after the one waited for last: CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED …"""
        number, event = self._wait(lambda event: event.get("type") == kind, kind, seconds, self._next)
        self._next = number + 1
        return event

    def _wait(
        self, fits: Callable[[dict[str, Any]], bool], what: str, seconds: float, since: int = 0
    ) -> tuple[int, dict[str, Any]]:
        deadline = Deadline(seconds)
        with self._changed:
            while True:
                for number, event in enumerate(self._events[since:], since):
                    if fits(event):
                        return number, event
                if not self._changed.wait(deadline.left):
                    raise PeerFailed(
                        f"baresip: no {what} within {seconds} s; events {self._events}\n{self._process.output[-6000:]}"
                    )

    def registered(self) -> None:
        """Wait until its REGISTER was answered with 200."""
        # It may have been registered before the control connection stood: its own words count as well.
        self._process.wait_for(r"\{0/\w+/v[46]\} 200 |200 OK.*\[1 binding", 10)

    def hears(self, text: str) -> None:
        """Wait for a text message."""
        self._process.wait_next(text, 10)

    def dial(self, user: str) -> None:
        self.command("dial", f"sip:{user}@{DOMAIN}")

    def answer(self) -> None:
        """Wait for a call and take it."""
        self.wait_event("CALL_INCOMING")
        self.command("accept")

    def established(self) -> None:
        self.wait_event("CALL_ESTABLISHED")

    def transfer(self, user: str) -> None:
        """Send who is at the other end on to somebody."""
        self.command("transfer", f"sip:{user}@{DOMAIN}")

    def hold(self) -> None:
        self._reinvite("hold")

    def resume(self) -> None:
        """COMPAT: afterwards 1.0.0 hears, and plays nothing into a file any more: nothing is recorded."""
        self._reinvite("resume")

    def _reinvite(self, command: str) -> None:
        """It says nothing of the end, but shows the ACK that it sends."""
        before = self.output.count("\nACK sip:")
        self.command(command)
        wait_until(lambda: self.output.count("\nACK sip:") > before, f"an ACK of {command}", 10)

    def hang_up(self) -> None:
        self.command("hangup")

    def closed(self) -> None:
        self.wait_event("CALL_CLOSED")

    @property
    def heard(self) -> Path:
        """The recording of what came from the other side."""
        found = sorted(self._folder.glob("dump-*-dec.wav"))
        if not found:
            raise PeerFailed(f"baresip recorded nothing:\n{self._process.output[-6000:]}")
        return found[-1]

    def recorded_bytes(self) -> int:
        """How long the recording of the running call is by now."""
        dumps = sorted(self._folder.glob("dump-*-dec.wav"))
        return dumps[-1].stat().st_size if dumps else 0

    def signal(self, number: int) -> None:
        """Send it a signal, such as the one that ends it on the spot."""
        self._process.signal(number)

    @property
    def output(self) -> str:
        return self._process.output

    def kill(self) -> None:
        """As if its plug were pulled: it tells nobody."""
        self._process.signal(signal.SIGKILL)
        self._process.wait(2)

    def stop(self) -> None:
        self._socket.close()
        self._process.stop()


def _connect_inside(netns: str, host: str, port: int) -> socket.socket:
    """A TCP connection made from within a namespace: a socket keeps the namespace in which it was created."""
    result: list[socket.socket | OSError] = []

    def connect() -> None:
        # Only this thread moves into the namespace, and it ends here.
        try:
            enter(netns)
            result.append(socket.create_connection((host, port), timeout=5))
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    result[0].settimeout(None)
    return result[0]


def enter(netns: str) -> None:
    """Move the calling thread into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{netns}") as file:
        if libc.setns(file.fileno(), 0x40000000):  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), f"setns {netns}")
