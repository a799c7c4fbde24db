"""Voicemail of a running switch: its mailboxes with a thread for the disk, and who mails what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

from softswitch.events import Bus
from softswitch.ops.log import log
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.files import Files
from softswitch.voicemail.message import VoicemailStore

SETTLE_SECONDS = 2.0
_LOOK_SECONDS = 0.02


async def open_boxes(stack: AsyncExitStack, folder: Path, store: VoicemailStore, bus: Bus) -> Boxes:
    """Everybody's messages, with those from before. `stack` finishes what is being written. Raises StoreError."""
    loop = asyncio.get_running_loop()
    # One thread: what is asked for first is done first.
    thread = ThreadPoolExecutor(1, "voicemail")
    stack.callback(thread.shutdown)

    def work(what: Callable[[], object], then: Callable[[object], None]) -> None:
        loop.run_in_executor(thread, _guarded, what).add_done_callback(lambda done: then(done.result()))

    def failed(what: str, error: BaseException) -> None:
        log.error(what, reason=str(error))

    files = Files(folder)
    boxes = Boxes(files, store, bus, work, failed)
    try:
        greetings = await asyncio.to_thread(lambda: list(files.greetings()))
    except OSError as error:
        failed("greetings can't be read", error)
        greetings = []
    boxes.take_over(await store.load(), greetings)
    stack.push_async_callback(_settled, boxes)
    return boxes


def _guarded(what: Callable[[], object]) -> object:
    try:
        return what()
    except OSError as error:
        return error


async def _settled(boxes: Boxes) -> None:
    """Wait until all that was left is on the disk; what is not by then is finished at the next start."""
    for _ in range(int(SETTLE_SECONDS / _LOOK_SECONDS)):
        if not boxes.busy:
            return
        await asyncio.sleep(_LOOK_SECONDS)
