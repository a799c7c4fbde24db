"""Which phone has which part in a call: who calls, who rings, who talks; told on the bus for lamps and presence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from softswitch.events import Bus, PartChanged


class Part(NamedTuple):
    """One phone in one call; see `events.PartChanged`."""

    state: str
    caller: bool
    other: str
    local_tag: str
    remote_tag: str


class Parts:
    """The phones that are in one call."""

    __slots__ = ("_bus", "_call_id", "_parts")

    def __init__(self, bus: Bus, call_id: bytes) -> None:
        self._bus = bus
        self._call_id = call_id.decode("utf-8", "replace")
        self._parts: dict[tuple[str, str], Part] = {}
        """By site and account."""

    def calls(self, site: str, account: str, called: str, tag: bytes) -> None:
        """A phone of ours began the call; "" is somebody else's."""
        if account:
            self._set((site, account), Part("trying", True, called, _text(tag), ""))

    def rings(self, site: str, account: str, shown: str, caller_tag: bytes, tag: bytes) -> None:
        """A phone said that it rings, and so does the caller's hear it."""
        if account:
            known = self._parts.get((site, account))
            if known is None or known.state == "ended":
                self._set((site, account), Part("ringing", False, shown, _text(tag), _text(caller_tag)))
        for key, part in self._of_caller():
            if part.state == "trying":
                self._set(key, part._replace(state="ringing", remote_tag=_text(tag)))

    def answered(self, site: str, account: str, shown: str, caller_tag: bytes, tag: bytes, first: bool) -> None:
        """A phone took the call, or the switch did (""). The first time, whatever else rings stops."""
        if first:
            self.stop_ringing(but=(site, account))
        if account:
            self._set((site, account), Part("answered", False, shown, _text(tag), _text(caller_tag)))
        for key, part in self._of_caller():
            if part.state != "answered":
                self._set(key, part._replace(state="answered", remote_tag=_text(tag)))

    def stop_ringing(self, site: str = "", account: str = "", but: tuple[str, str] = ("", "")) -> None:
        """One phone rings no more, or with "" none does."""
        keys = [(site, account)] if account else list(self._parts)
        for key in keys:
            part = self._parts.get(key)
            if part is not None and not part.caller and part.state == "ringing" and key != but:
                self._end(key)

    def left(self, tags: Iterable[bytes]) -> None:
        """One of several who took the call hung up."""
        texts = [_text(tag) for tag in tags]
        for key, part in list(self._parts.items()):
            if not part.caller and part.local_tag in texts:
                self._end(key)

    def end(self) -> None:
        """The call is over for all of them."""
        for key in list(self._parts):
            self._end(key)

    def talking(self) -> list[tuple[tuple[str, str], Part]]:
        """Those in the conversation."""
        return [(key, part) for key, part in self._parts.items() if part.state == "answered"]

    def _of_caller(self) -> list[tuple[tuple[str, str], Part]]:
        return [(key, part) for key, part in self._parts.items() if part.caller]

    def _end(self, key: tuple[str, str]) -> None:
        self._publish(key, self._parts.pop(key)._replace(state="ended"))

    def _set(self, key: tuple[str, str], part: Part) -> None:
        known = self._parts.get(key)
        if known is not None and known.caller and not part.caller:
            return  # the phone that calls is rung by its own call, a spiral: it is the caller still
        self._parts[key] = part
        if part != known:
            self._publish(key, part)

    def _publish(self, key: tuple[str, str], part: Part) -> None:
        site, account = key
        self._bus.publish(PartChanged(site, account, self._call_id, *part))


def _text(tag: bytes) -> str:
    return tag.decode("latin-1")
