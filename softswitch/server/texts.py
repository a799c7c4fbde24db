"""Words for the sysadmin: an address, an error of the operating system."""

from __future__ import annotations

import errno

from softswitch.flow import Listener


def hostport(host: str, port: int) -> str:
    """An IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown(listener: Listener) -> str:
    """udp:127.0.0.1:5060, as bound."""
    return f"{listener.transport.lower()}:{hostport(listener.host, listener.port)}"


def reason(error: Exception) -> str:
    """Why something could not be opened, and where that helps, what to look at."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    hint = "; `ss -lntup` shows by whom" if error.errno == errno.EADDRINUSE else ""
    return f"{error.strerror}{hint}" + (f": {error.filename}" if error.filename else "")
