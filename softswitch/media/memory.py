"""What the switch keeps of the relay's sessions, to hand it to the next relay when one dies."""

from __future__ import annotations

from collections.abc import Iterator


def is_own_end(name: bytes) -> bool:
    """Whether the relay itself is an end of the session of this name."""
    return name.endswith(b"|echo")


class SessionMemory:
    """States by Call-ID and name of the session, both the relay's words; their content is the relay's own business."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[bytes, bytes]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[bytes]:
        """All states."""
        for sessions in list(self._calls.values()):
            yield from list(sessions.values())

    def calls(self) -> Iterator[tuple[str, list[bytes]]]:
        """Call-IDs and the names of their sessions."""
        for call_id, sessions in self._calls.items():
            yield call_id, list(sessions)

    def keep(self, call_id: str, name: object, state: object) -> None:
        """As told with an offer or answer; an engine that tells nothing leaves nothing here."""
        if isinstance(name, bytes) and isinstance(state, bytes):
            self._calls.setdefault(call_id, {})[name] = state

    def drop(self, call_id: str, names: object) -> None:
        """These sessions are over."""
        sessions = self._calls.get(call_id)
        if sessions is None:
            return
        for name in names if isinstance(names, list) else ():
            sessions.pop(name, None)
        if not sessions:
            del self._calls[call_id]

    def drop_call(self, call_id: str) -> None:
        """The whole call is over."""
        self._calls.pop(call_id, None)
