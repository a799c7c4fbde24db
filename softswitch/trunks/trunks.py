"""All trunks of all sites: found by name for calls out, by address for calls in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from softswitch.dialplan.plan import Plan
from softswitch.dialplan.trunk import OutsideCall
from softswitch.flow import Flow
from softswitch.trunks.line import DOWN, UP, Line

SecretOf = Callable[[str], str | None]


class Trunks:
    """The lines in use."""

    def __init__(self, plans: Mapping[str, Plan], secret_of: SecretOf) -> None:
        self._secret_of = secret_of
        self._lines: dict[tuple[str, str], Line] = {}
        self._hosts: dict[str, Line] = {}
        self.use(plans)

    def __iter__(self) -> Iterator[Line]:
        return iter(list(self._lines.values()))

    def use(self, plans: Mapping[str, Plan]) -> list[Line]:
        """Go by these plans; a trunk that is described as before stays as it is. Those that are gone are returned."""
        kept: dict[tuple[str, str], Line] = {}
        for plan in plans.values():
            for trunk in plan.trunks.values():
                known = self._lines.get((plan.site, trunk.name))
                if known is None or known.trunk != trunk or known.country != plan.country:
                    known = Line(plan.site, plan.country, trunk, self._secret_of)
                kept[plan.site, trunk.name] = known
        gone = [line for line in self._lines.values() if line not in kept.values()]
        self._lines = kept
        self._hosts.clear()
        return gone

    def line(self, site: str, name: str) -> Line | None:
        return self._lines.get((site, name))

    def lines(self, site: str, call: OutsideCall) -> list[Line]:
        """The trunks for a call in the order to try them; for an emergency those that work go first."""
        found = [line for name in call.trunks if (line := self._lines.get((site, name))) is not None]
        if call.emergency:
            found.sort(key=lambda line: line.state == DOWN)
        return found

    def under_way(self, site: str, number: int) -> int:
        """How many calls are under way by this line of `outside`."""
        return sum(channel.what == (site, number) for line in self._lines.values() for channel in line.channels)

    def located(self, line: Line, flows: Sequence[Flow]) -> None:
        """Where a trunk is reached was found out."""
        if flows:
            line.flows = flows
            line.hosts = frozenset(flow.host for flow in flows)
            self._hosts.clear()

    def line_of(self, host: str) -> Line | None:
        """The trunk whose calls come from this address, or None."""
        if not self._lines:
            return None
        if host not in self._hosts:
            found = next((line for line in self._lines.values() if host in line.hosts), None)
            found = found or next((line for line in self._lines.values() if _accepts(line, host)), None)
            if found is None:
                return None  # not kept: strangers come from more addresses than one wants to remember
            self._hosts[host] = found
        return self._hosts[host]


def _accepts(line: Line, host: str) -> bool:
    texts = line.trunk.accept
    if not line.trunk.registers and not line.flows:
        texts = (*texts, line.trunk.domain.strip("[]"))
    address = ip_address(host.partition("%")[0])
    for text in texts:
        try:
            network = ip_network(text)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return True
    return False


__all__ = ["DOWN", "UP", "Trunks"]
