"""pjsua2: the phone library inside many desk phones and apps."""

from __future__ import annotations

from pathlib import Path

from ..office import DOMAIN, Account
from .worker import Worker


class Pjsua(Worker):
    """A phone with one account, which registers at start, plays a WAV and records what it hears."""

    def __init__(
        self,
        folder: Path,
        account: Account,
        server: str,
        *,
        transport: str,
        wav: Path,
        authority: Path,
        address: str = "127.0.0.1",
        netns: str | None = None,
        publish: bool = False,
        prack: str = "",
        timer_seconds: int = 0,
        rtcp_mux: bool = False,
    ) -> None:
        """`server` is host:port, `authority` a CA in PEM.

        `prack`: "optional" or "mandatory" (RFC 3262). `timer_seconds`: how often sessions are refreshed (RFC 4028), 90
        or more.
        """
        folder.mkdir()
        self.heard = folder / "heard.wav"
        super().__init__(
            "pjsua_worker.py",
            {
                "aor": account.aor, "account": account.name, "password": account.password, "domain": DOMAIN,
                "server": server, "transport": transport, "address": address, "wav": str(wav),
                "heard": str(self.heard), "authority": str(authority),
                "publish": publish,
                "prack": prack,
                "timer_seconds": timer_seconds,
                "rtcp_mux": rtcp_mux,
            },
            netns=netns,
        )  # fmt: skip

    def registered(self) -> None:
        """Wait until its REGISTER was answered with 200."""
        self.wait_event("registration", code=200, active=True)

    def dial(self, user: str) -> None:
        self.command("call", target=f"sip:{user}@{DOMAIN}")

    def rings(self) -> None:
        """Wait for a call and say that it rings."""
        self.wait_event("incoming")
        self.command("answer", code=180)

    def answer(self) -> None:
        """Wait for a call and take it."""
        self.rings()
        self.command("answer", code=200)

    def hold(self) -> None:
        self.command("hold")
        self.wait_event("media", status="held")

    def resume(self) -> None:
        self.command("resume")
        self.wait_event("media", status="active")

    def established(self) -> None:
        self.wait_event("state", state="CONFIRMED")

    def hang_up(self) -> None:
        self.command("hangup")

    def closed(self, code: int = 200) -> None:
        """Wait until the call ended, with this last status."""
        self.wait_event("state", state="DISCONNECTED", code=code)

    def join(self) -> None:
        """Connect whom the first call is with to whom the second one is with."""
        self.command("join")

    def recorded_bytes(self) -> int:
        """How long the recording of the running call is by now."""
        return self.heard.stat().st_size if self.heard.exists() else 0
