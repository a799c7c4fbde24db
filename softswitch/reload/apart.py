"""Asking the checker: started for each question, its answer unpacked a little at a time while calls go on."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from typing import Any

from softswitch.reload.checker import LENGTH, Question, Verdict, question_line
from softswitch.reload.packing import Unpacker

LONGEST_SECONDS = 120.0
"""No dialplan takes so long; a checker that does is ended."""
CHECKER = ("-m", "softswitch.reload")


class CheckFailed(Exception):
    """There is no verdict; the text says why."""


async def check_apart(
    question: Question, running: Iterable[bytes], command: tuple[str, ...] = CHECKER, seconds: float = LONGEST_SECONDS
) -> Verdict:
    """The verdict about the configuration; `running` are the pieces of the plans in use. Raises CheckFailed."""
    try:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        raise CheckFailed(f"the check could not be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            group.create_task(_ask(process, question, running))
            complaints = group.create_task(_read_all(process))
            unpacked = group.create_task(unpack_slowly(_pieces(process)))
            group.create_task(process.wait())
    except TimeoutError:
        raise CheckFailed(f"the check was not done within {seconds:g} s, and was ended") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    verdict = unpacked.result()
    if process.returncode or not isinstance(verdict, Verdict):
        last = complaints.result().decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckFailed(f"the check ended by itself with {process.returncode}: {last or 'no word from it'}")
    return verdict


async def unpack_slowly(pieces: AsyncIterator[bytes]) -> Any:
    """What the pieces make; whoever else has something to do does it between any two. None for no pieces."""
    unpacker = Unpacker()
    async for piece in pieces:
        unpacker.add(piece)
        await asyncio.sleep(0)
    return unpacker.value


async def one_by_one(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Pieces that are here already."""
    for piece in pieces:
        yield piece


async def _ask(process: Process, question: Question, running: Iterable[bytes]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(question_line(question))
        for piece in running:
            process.stdin.writelines((LENGTH.pack(len(piece)), piece))
            await process.stdin.drain()
    except ConnectionError:
        return  # it ended; its exit code says more
    finally:
        process.stdin.close()


async def _read_all(process: Process) -> bytes:
    assert process.stderr is not None
    return await process.stderr.read()


async def _pieces(process: Process) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    try:
        while True:
            head = await process.stdout.readexactly(LENGTH.size)
            yield await process.stdout.readexactly(LENGTH.unpack(head)[0])
    except asyncio.IncompleteReadError:
        return  # the end, or an early one that its exit code tells of
