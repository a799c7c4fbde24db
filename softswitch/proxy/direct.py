"""When sound needs the relay, and when two phones talk straight to each other: `ROWS`, a table read from above.

docs/media.md has the same table in words for operators; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from softswitch.dialplan.plan import Plan
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.media.reach import is_private
from softswitch.sip.sdp import Sdp, is_unspecified
from softswitch.sip.uri import parse_uri

RELAY, STRAIGHT, ONE_ROUTER = "relay", "direct", "direct behind one router"
PREFIX = "direct in "
"""`media: direct in office-lan`."""


class Party(NamedTuple):
    """One side of an offer, as far as the way of its sound goes."""

    word: str
    """What holds for it: `RELAY`, `STRAIGHT`, `ONE_ROUTER`, or `PREFIX` and the name of a network."""
    encrypts: bool
    """The dialplan has a word on its encryption."""
    network: str
    """Of the listener that it uses."""
    source: str
    """The address that its messages come from."""
    named: frozenset[str]
    """The addresses that it says it has: in its offer, or in its Contact where it is the one who is asked."""

    @property
    def permits(self) -> bool:
        """Whether its word lets it talk straight where it is now."""
        if self.word.startswith(PREFIX):
            # With IPv4 and IPv6 a network is two, see `server/families`.
            return self.network.removesuffix(" IPv6") == self.word.removeprefix(PREFIX)
        return self.word != RELAY


def _no_router(one: Party, other: Party) -> bool:
    """Both are seen with the addresses that they name, and these reach equally far."""
    clear = one.named == {one.source} and other.named == {other.source}
    return clear and is_private(one.source) == is_private(other.source)


def _one_home(one: Party, other: Party) -> bool:
    """Both are seen with one public address, name addresses of one small private network, and may do it there."""
    homes = {_home(host) for host in one.named | other.named}
    return one.word == other.word == ONE_ROUTER and one.source == other.source and len(homes) == 1 and "" not in homes


def _home(host: str) -> str:
    """The network that a home router would make of it: 256 addresses of IPv4; "" for a public address."""
    if not is_private(host):
        return ""
    return str(ip_network((host, 24 if ip_address(host).version == 4 else 64), strict=False))


class Row(NamedTuple):
    """Where it is so, sound takes this way."""

    text: str
    holds: Callable[[Party, Party], bool]
    straight: bool = False


ROWS = (
    Row("a phone has a word on encryption", lambda one, other: one.encrypts or other.encrypts),
    Row("a phone may not where it is", lambda one, other: not (one.permits and other.permits)),
    Row("the addresses are not known yet", lambda one, other: not (one.named and other.named)),
    Row("they are in different networks", lambda one, other: one.network != other.network),
    Row("no router stands before either of them", _no_router, straight=True),
    Row("both are in one home", _one_home, straight=True),
    Row("a router stands between", lambda one, other: True),
)
"""The first row that holds decides."""


def row_of(one: Party, other: Party) -> Row:
    """What decides between these two."""
    return next(row for row in ROWS if row.holds(one, other))


def word_of(plan: Plan, account: str, network: str, straight_networks: frozenset[str]) -> str:
    """What holds for a phone: its own word, its firm's, or what the settings say of the network that it is in."""
    phone = plan.phones[account]
    return phone.media or plan.media or (STRAIGHT if network in straight_networks else RELAY)


def offer_named(sdp: bytes) -> frozenset[str]:
    """Where the sender of an SDP wants to hear; without the streams that it refuses or holds in the old way."""
    try:
        offer = Sdp.parse(sdp)
    except PeerError:
        return frozenset(("",))  # is no address, so that it is nobody's
    hosts = {offer.host(media) or "" for media in offer.media if media.port}
    return frozenset(_plain(host) for host in hosts if not is_unspecified(host))


def contact_named(contact: bytes) -> frozenset[str]:
    """The host of a Contact's URI."""
    try:
        return frozenset((_plain(parse_uri(contact).host.decode("ascii", "replace").strip("[]")),))
    except PeerError:
        return frozenset(("",))


def _plain(host: str) -> str:
    """One spelling for each address of IPv6 (RFC 5952)."""
    try:
        return str(ip_address(host)) if ":" in host else host
    except ValueError:
        return host


def row_for_call(
    plan: Plan,
    accounts: tuple[str, str],
    flows: tuple[Flow, Flow],
    contact: bytes,
    sdp: bytes | None,
    straight_networks: frozenset[str],
) -> Row:
    """For the offer of one phone of the firm to another one; each pair has the caller first.

    `contact` is the URI that the callee registered, `sdp` the offer, None where there is none yet.
    """
    named = (offer_named(sdp) if sdp is not None else frozenset(), contact_named(contact))
    one, other = (
        Party(
            word_of(plan, account, flow.listener.network, straight_networks),
            bool(plan.phones[account].srtp),
            flow.listener.network,
            flow.host,
            names,
        )
        for account, flow, names in zip(accounts, flows, named, strict=True)
    )
    return row_of(one, other)


def stays_straight(began: tuple[Flow, Flow], now: tuple[Flow, Flow], target: bytes, sdp: bytes | None) -> bool:
    """Whether an offer within a call that began without the relay may go without it too.

    Each pair has the sender first; `target` is the Contact that the other one named last. It may not where somebody
    has gone elsewhere meanwhile. Who says nothing of an address, such as one who holds with 0.0.0.0, has to be where
    it was.
    """
    named = offer_named(sdp) if sdp is not None else frozenset()
    if not named:
        return now[0].host == began[0].host and now[0].listener.network == began[0].listener.network
    # That they were behind one router, and might, can be seen from how the call began.
    word = ONE_ROUTER if began[0].host == began[1].host else STRAIGHT
    one, other = (
        Party(word, False, flow.listener.network, flow.host, names)
        for flow, names in zip(now, (named, contact_named(target)), strict=True)
    )
    return row_of(one, other).straight
