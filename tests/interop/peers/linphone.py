"""linphonec: a phone whose command line is typed into a pipe."""

from __future__ import annotations

from pathlib import Path

from ..office import DOMAIN, Account
from .process import Process

_PORTS = {"udp": "sip_port={0}\nsip_tcp_port=0\nsip_tls_port=0", "tcp": "sip_port=0\nsip_tcp_port={0}\nsip_tls_port=0",
          "tls": "sip_port=0\nsip_tcp_port=0\nsip_tls_port={0}"}  # fmt: skip

_CONFIG = """\
[sip]
{ports}
root_ca={authority}
default_proxy=0
verify_server_certs=1
verify_server_cn=1
guess_hostname=1
contact=sip:{person}@{address}
use_ipv6={ipv6}
prefer_ipv6={ipv6}
keepalive_period=10000

[net]
mtu=0

[rtp]
audio_rtp_port=7078
audio_adaptive_jitt_comp_enabled=0
audio_jitt_comp=60

[sound]
echocancellation=0
agc=0
local_ring=

[auth_info_0]
username={person}
userid={account}
passwd={password}
domain={domain}

[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=sip:{person}@{domain}
reg_expires=60
reg_sendregister=1
publish={publish}
dial_escape_plus=0

{codecs}
"""

# G.711 alone: its samples can be compared with what was sent. Those that are not named would be added, enabled.
_CODECS = (("PCMA", 8000, 1, 1), ("PCMU", 8000, 1, 1), ("opus", 48000, 2, 0), ("speex", 16000, 1, 0),
           ("speex", 8000, 1, 0), ("G729", 8000, 1, 0))  # fmt: skip
_CODEC_LINES = "\n".join(
    f"[audio_codec_{number}]\nmime={mime}\nrate={rate}\nchannels={channels}\nenabled={enabled}\n"
    for number, (mime, rate, channels, enabled) in enumerate(_CODECS)
)


class Linphone:
    """A linphonec that registers one account at start, plays a WAV and records what it hears."""

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
        sip_port: int = 5072,
        watches: str = "",
    ) -> None:
        """`server` is host:port; the namespace needs a default route; `authority` is a CA in PEM.

        `watches`: whose presence it subscribes to; then it publishes its own, too.
        """
        (folder / ".local/share/linphone").mkdir(parents=True)
        config = folder / "linphonerc"
        config.write_text(
            _CONFIG.format(
                ports=_PORTS[transport].format(sip_port), authority=authority, person=account.person,
                address=f"[{address}]" if ":" in address else address, ipv6=int(":" in address),
                account=account.name, password=account.password, domain=DOMAIN, server=server, transport=transport,
                publish=int(bool(watches)), codecs=_CODEC_LINES,
            )
            + (f"\n[friend_0]\nurl=<sip:{watches}@{DOMAIN}>\npol=accept\nsubscribe=1\n" if watches else "")
        )  # fmt: skip
        self.heard = folder / "heard.wav"
        self._process = Process(
            ["linphonec", "-c", config, "-d", "6", "-l", "/dev/stdout"],
            netns=netns,
            cwd=folder,
            env={"HOME": str(folder)},
        )
        for line in ("soundcard use files", f"play {wav}", f"record {self.heard}"):
            self._type(line)

    def _type(self, line: str) -> None:
        self._process.write(line + "\n")

    def registered(self) -> None:
        """Wait until its REGISTER was answered with 200."""
        self._process.wait_next(r"to \[LinphoneRegistrationOk\]", 10)

    def hears(self, text: str) -> None:
        """Wait for a line about a text message."""
        self._process.wait_next(text, 10)

    def writes(self, user: str, text: str) -> None:
        """Send a text message."""
        self._type(f"chat sip:{user}@{DOMAIN} {text}")

    def dial(self, user: str) -> None:
        self._type(f"call sip:{user}@{DOMAIN}")

    def answer(self) -> None:
        """Wait for a call and take it."""
        self._process.wait_next("to LinphoneCallIncomingReceived", 10)
        self._type("answer")

    def established(self) -> None:
        self._process.wait_next("to LinphoneCallStreamsRunning", 10)

    def transfer(self, user: str) -> None:
        """Send who is at the other end on to somebody."""
        self._type(f"transfer sip:{user}@{DOMAIN}")

    def hold(self) -> None:
        self._type("pause")
        self._process.wait_next(r"to LinphoneCallPaused$", 10)

    def resume(self) -> None:
        self._type("resume")
        self.established()

    def join(self) -> None:
        """Connect whom the first call is with to whom the second one is with."""
        self._type("transfer 1 --to-call 2")

    def hang_up(self) -> None:
        self._type("terminate")

    def closed(self) -> None:
        self._process.wait_next("to LinphoneCallReleased", 10)

    def recorded_bytes(self) -> int:
        """How long the recording of the running call is by now."""
        return self.heard.stat().st_size if self.heard.exists() else 0

    @property
    def output(self) -> str:
        return self._process.output

    def stop(self) -> None:
        if self._process.running():
            self._type("quit")
        self._process.stop()
