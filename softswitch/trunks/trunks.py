"""All trunks of all sites: found by name for calls out, by address for calls in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from softswitch.dialplan.plan import Plan
from softswitch.dialplan.trunk import OutsideCall
from softswitch.flow import Flow
from softswitch.proxy.ports import Resolver
from softswitch.transaction.layer import Layer
from softswitch.trunks.keeper import Keeper
from softswitch.trunks.line import DOWN, Channel, Line
from softswitch.trunks.meter import Meter
from softswitch.trunks.peer import Peer
from softswitch.trunks.registration import Registration
from softswitch.trunks.usage import OutsideUse, Stop

SecretOf = Callable[[str], str | None]


class Trunks:
    """The lines in use, each with its keeper once `start` was called."""

    def __init__(
        self,
        plans: Mapping[str, Plan],
        secret_of: SecretOf,
        layer: Layer,
        resolver: Resolver,
        wall: Callable[[], float],
        write: Callable[[OutsideUse | Stop], None] = lambda what: None,
    ) -> None:
        """`write` keeps what was called."""
        self.layer = layer
        self.resolver = resolver
        self.on_change: Callable[[Line], None] = lambda line: None
        """Told when a line comes up or goes down."""
        self._wall = wall
        self._secret_of = secret_of
        self._keepers: dict[Line, Keeper] = {}
        self._started = False
        self._lines: dict[tuple[str, str], Line] = {}
        self._leaving: dict[tuple[str, str], Line] = {}
        """Those that are in no plan any more, while calls go on over them."""
        self.meter = Meter(wall, self._channels, write)
        self._hosts: dict[str, Line] = {}
        self.use(plans)

    def __iter__(self) -> Iterator[Line]:
        return iter(list(self._lines.values()))

    def _channels(self) -> Iterator[Channel]:
        """Of all calls under way."""
        for line in (*self._lines.values(), *self._leaving.values()):
            yield from line.channels

    def start(self) -> None:
        """Register, and ask whether peers are alive."""
        self._started = True
        for line in self:
            self._keep(line)

    def stop(self) -> None:
        """Leave the registrars."""
        for keeper in self._keepers.values():
            keeper.stop()

    def use(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans. A trunk that is described as before stays as it is, but for one that was given up."""
        kept: dict[tuple[str, str], Line] = {}
        for plan in plans.values():
            for trunk in plan.trunks.values():
                known = self._lines.get((plan.site, trunk.name))
                before = known or self._leaving.pop((plan.site, trunk.name), None)
                if known is None or known.trunk != trunk or known.country != plan.country or known.state == DOWN:
                    known = Line(plan.site, plan.country, trunk, self._secret_of)
                    known.on_release = self.meter.ended
                    if before is not None:
                        known.follow(before)
                kept[plan.site, trunk.name] = known
        for name, line in self._lines.items():
            if line not in kept.values() and line in self._keepers:
                self._keepers.pop(line).stop()
            if name not in kept:
                self._leaving[name] = line
        self._leaving = {name: line for name, line in self._leaving.items() if line.channels}
        self._lines = kept
        self._hosts.clear()
        if self._started:
            for line in self:
                self._keep(line)

    def _keep(self, line: Line) -> None:
        if line not in self._keepers:
            kind = Registration if line.trunk.registers else Peer
            keeper = self._keepers[line] = kind(self, line)
            keeper.start()

    def changed(self, line: Line, state: str, detail: str) -> None:
        """From a keeper: how a line is now."""
        came = line.state != state
        if state == DOWN and (came or line.detail != detail):
            line.last_failure, line.last_failure_at = detail, self._wall()
        line.detail = detail
        line.state = state
        if came:
            self.on_change(line)

    def silent(self, line: Line) -> None:
        """A call over this line was not even answered with 100: no further one is sent there until it speaks."""
        self.changed(line, DOWN, "it did not answer a call")
        keeper = self._keepers.get(line)
        if keeper is not None:
            keeper.hurry()

    def flow_closed(self, flow: Flow, reason: str) -> None:
        """A connection has closed, or could not be opened."""
        for keeper in self._keepers.values():
            keeper.flow_closed(flow, reason)

    def line(self, site: str, name: str) -> Line | None:
        return self._lines.get((site, name))

    def lines(self, site: str, call: OutsideCall) -> list[Line]:
        """The trunks for a call in the order to try them; for an emergency those that work go first,
        and of these those of its line, first where a channel is free.
        """
        found = [line for name in call.trunks if (line := self._lines.get((site, name))) is not None]
        if call.emergency:
            ours = {name: at < call.preferred for at, name in enumerate(call.trunks)}
            found.sort(key=lambda line: (line.state == DOWN, not ours[line.name], line.is_full))
        return found

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
