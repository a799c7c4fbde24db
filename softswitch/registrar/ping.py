"""Which phones that came over UDP are to be sent an OPTIONS now, and which of them are dead.

It keeps the way through NAT open, and shows who lost power: only over UDP nothing else does before the registration
expires. A phone that tells its public address in its Contact does not look like one behind NAT, so all are pinged, but
for those in networks that the settings name: there a phone without NAT is left in peace.

Every interval each phone gets one; a wheel of one-second slots spreads them evenly. Any answer counts as alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from softswitch.registrar.bindings import Binding
from softswitch.registrar.flows import behind_nat

MISSES = 3
"""So many pings in a row without an answer mean dead."""

_Key = tuple[str, str, str]


class Pings:
    """The schedule. Time comes in as `wall`, seconds since 1970."""

    def __init__(self, interval: float, unpinged: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        """`interval`: whole seconds between two pings of a phone; 0 switches pings off.

        `unpinged`: networks whose phones are not pinged where they have no NAT before them.
        """
        self._unpinged = tuple(unpinged)
        self._slots: list[dict[_Key, Binding]] = [{} for _ in range(int(interval))]
        self._sizes = [0] * len(self._slots)
        self._slot_of: dict[_Key, int] = {}
        self._misses: dict[_Key, int] = {}
        self._second: int | None = None

    def watch(self, binding: Binding) -> None:
        """A binding is new or was refreshed: ping it if it wants pings; what was missed is forgotten."""
        if not self._slots:
            return
        key = binding.site, binding.account, binding.contact
        if not (binding.flow.startswith("udp") and not binding.path and self._wants(binding)):
            # With a Path it is the edge proxy's business to keep its NAT open.
            self.forget(binding)
            return
        at = self._slot_of.get(key)
        if at is None:
            at = self._sizes.index(min(self._sizes))
            self._sizes[at] += 1
            self._slot_of[key] = at
        self._slots[at][key] = binding
        self._misses.pop(key, None)

    def _wants(self, binding: Binding) -> bool:
        if not self._unpinged or behind_nat(binding):
            return True
        address = ip_address(binding.flow.split("|")[2].partition("%")[0])
        return not any(address in network for network in self._unpinged)

    def refreshed(self, old: Binding, new: Binding) -> None:
        """The same contact registered again; the usual case, made cheap."""
        if old.flow != new.flow or old.path != new.path:
            self.watch(new)
            return
        key = new.site, new.account, new.contact
        at = self._slot_of.get(key)
        if at is not None:
            self._slots[at][key] = new
            self._misses.pop(key, None)

    def forget(self, binding: Binding) -> None:
        """The binding is gone."""
        key = binding.site, binding.account, binding.contact
        at = self._slot_of.pop(key, None)
        if at is not None:
            del self._slots[at][key]
            self._sizes[at] -= 1
            self._misses.pop(key, None)

    def due(self, wall: float) -> list[Binding]:
        """Those to be sent an OPTIONS now: each once an interval, however seldom or often this is called."""
        if not self._slots:
            return []
        second = int(wall)
        if self._second is None or second < self._second:
            # The first call, or the clock was set back: begin here.
            self._second = second - 1
        passed = min(second - self._second, len(self._slots))
        self._second = second
        slots = [self._slots[(second - back) % len(self._slots)] for back in reversed(range(passed))]
        return [binding for slot in slots for binding in slot.values()]

    def answered(self, binding: Binding) -> None:
        """Any response to a ping of this binding came."""
        self._misses.pop((binding.site, binding.account, binding.contact), None)

    def missed(self, binding: Binding) -> bool:
        """A ping of this binding had no answer (its transaction timed out or could not be sent); True: it is dead.

        A binding that was refreshed since over another flow is not blamed for what was sent to the old one.
        """
        key = binding.site, binding.account, binding.contact
        at = self._slot_of.get(key)
        if at is None or self._slots[at][key].flow != binding.flow:
            return False
        misses = self._misses.get(key, 0) + 1
        self._misses[key] = misses
        return misses >= MISSES

    def __len__(self) -> int:
        """How many are watched."""
        return len(self._slot_of)
