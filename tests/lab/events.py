"""What happens when: one heap of things to come, for the wire, the phones and the switch alike."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from softswitch.clock import VirtualClock


class Handle:
    """Something to come; `cancel` and it will not."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Events:
    """The heap. What is due at the same moment happens in the order in which it was asked for."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Handle]] = []
        self._count = 0

    def after(self, seconds: float, call: Callable[[], None]) -> Handle:
        """Have `call` called so many seconds from now."""
        return self.at(self.clock.monotonic() + seconds, call)

    def at(self, moment: float, call: Callable[[], None]) -> Handle:
        """Have `call` called then, in monotonic seconds."""
        handle = Handle(call)
        self._count += 1
        heappush(self._heap, (moment, self._count, handle))
        return handle

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that falls into it."""
        end = self.clock.monotonic() + seconds
        heap = self._heap
        while heap and heap[0][0] <= end:
            moment, _, handle = heappop(heap)
            if handle.call is not None:
                self.clock.advance(max(0.0, moment - self.clock.monotonic()))
                handle.call()
        self.clock.advance(max(0.0, end - self.clock.monotonic()))
