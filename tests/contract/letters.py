"""Sample letters, and a store's call-backs as something to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from softswitch.messaging.letter import Letter, MessageStore

SITE = "acme.example"
START = 1_800_000_000.25


def letter(number: int = 1, *, site: str = SITE, person: str = "anna", sender: str = "carla@acme.example") -> Letter:
    """A message from Carla to Anna, `number` seconds after the first one."""
    return Letter(
        site=site,
        person=person,
        number=number,
        sender="sip:102@acme.example",
        sender_person=sender,
        mark=f"{number:04x}@192.0.2.7\ntag\n{number}",
        received_at=START + number,
        expires_at=START + number + 86_400,
        secure=False,
        size_bytes=5,
    )


def content(number: int = 1) -> bytes:
    return b"Max-Forwards: 69\r\nFrom: <sip:102@acme.example>;tag=tag\r\nContent-Length: 4\r\n\r\n%04d" % number


class Told(list[BaseException | None]):
    """A call-back that can be waited for."""

    def __init__(self) -> None:
        self._done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def __call__(self, error: BaseException | None) -> None:
        self.append(error)
        self._done.set_result(error)

    async def well(self) -> None:
        """Until it is durable; raises what went wrong."""
        error = await self._done
        if error is not None:
            raise error


async def add(store: MessageStore, *letters: Letter, text: bytes = b"") -> None:
    told = Told()
    store.add(letters, text or content(letters[0].number), told)
    await told.well()


async def update(store: MessageStore, one: Letter) -> None:
    told = Told()
    store.update(one, told)
    await told.well()


async def remove(store: MessageStore, letters: Sequence[Letter]) -> None:
    told = Told()
    store.remove(letters, told)
    await told.well()


async def fetch(store: MessageStore, one: Letter) -> bytes | None:
    done: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    store.fetch(one, done.set_result)
    return await done
