"""This machine's own addresses, for listeners that are bound to all of them."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from pathlib import Path

_LOCAL = re.compile(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL")


def own_addresses(proc: Path = Path("/proc")) -> list[str]:
    """Literal addresses of every interface, as Linux lists them; loopback at least where it lists nothing."""
    found = {"127.0.0.1", "::1"}
    try:
        found.update(_LOCAL.findall((proc / "net/fib_trie").read_text()))
    except OSError:
        pass  # another system, or a sandbox: then the advertised addresses must do
    try:
        for line in (proc / "net/if_inet6").read_text().splitlines():
            found.add(str(IPv6Address(bytes.fromhex(line.split()[0]))))
    except (OSError, ValueError, IndexError):
        pass
    return sorted(found)
