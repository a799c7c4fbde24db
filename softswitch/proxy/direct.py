"""Which calls need no relay: both phones are where they may talk straight to each other (`media: direct in`)."""

from __future__ import annotations

from softswitch.dialplan.plan import Plan
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.sdp import Sdp
from softswitch.sip.uri import parse_uri

PREFIX = "direct in "


def talks_straight(plan: Plan, caller: str, callee: str, came: Flow, goes: Flow, contact: bytes, sdp: bytes) -> bool:
    """Whether this offer of one phone to another one goes as it is.

    Both phones have the same word, both are in the network of that name now, by the listeners that they use, and none
    of them is behind a router: the addresses that they name are those that they send from. `contact` is the URI that
    the callee registered, `sdp` the caller's offer. A phone whose encryption the dialplan decides needs the relay.
    """
    one, other = plan.phones.get(caller), plan.phones.get(callee)
    if one is None or other is None or one.srtp or other.srtp or not one.media or one.media != other.media:
        return False
    network = came.listener.network
    # With IPv4 and IPv6 it is two networks, see `server/families`.
    if network != goes.listener.network or network.removesuffix(" IPv6") != one.media.removeprefix(PREFIX):
        return False
    try:
        offer = Sdp.parse(sdp)
        named = {offer.host(media) for media in offer.media if media.port}
        where = parse_uri(contact).host.decode("ascii", "replace").strip("[]")
    except PeerError:
        return False
    return named == {came.host} and where == goes.host
