"""aiosip 0.2.0: the oldest client that we promise to serve."""

from __future__ import annotations

from ..office import DOMAIN, Account
from .worker import Worker


class OldPhone(Worker):
    """An aiosip client on a loopback port; it knows one name only, so its account is its user name too."""

    def __init__(self, account: Account, server: str, *, port: int, password: str = "") -> None:
        """`server` is host:port; `password` a wrong one."""
        super().__init__(
            "oldphone_worker.py",
            {
                "aor": f"sip:{account.name}@{DOMAIN}", "user": account.name, "server": server, "port": port,
                "password": password or account.password,
            },
        )  # fmt: skip
        self.wait_event("ready")

    def register(self, expires: int = 120) -> int:
        """Register (or with 0 unregister); the last status."""
        self.command("register", expires=expires)
        return int(self.wait_event("registered")["code"])

    def message(self, user: str, text: str) -> int:
        """Send a MESSAGE; the last status."""
        self.command("send", method="MESSAGE", target=f"sip:{user}@{DOMAIN}", text=text)
        return int(self.wait_event("answered")["code"])
