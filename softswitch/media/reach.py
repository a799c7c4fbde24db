"""Which addresses mean something only within some network."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network

_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
"""Not `is_private` of the standard library, which takes the documentation networks for private too."""


@lru_cache(maxsize=4096)
def is_private(host: str) -> bool:
    """Whether this literal address can't be reached from everywhere; False for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE if network.version == address.version)
