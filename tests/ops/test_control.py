"""The control socket: answers, refusals, garbage, strangers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from softswitch.ops.control import CONNECTIONS, REQUEST_BYTES, ControlError, ControlServer, ask


def refuse(_: dict[str, Any]) -> None:
    raise ControlError("not today")


def fail(_: dict[str, Any]) -> None:
    raise ZeroDivisionError


async def slow(request: dict[str, Any]) -> list[Any]:
    await asyncio.sleep(0)
    return [request]


HANDLERS = {"echo": lambda request: request, "slow": slow, "refuse": refuse, "fail": fail}


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    server = ControlServer(tmp_path / "run" / "control.sock", HANDLERS, idle_seconds=5)
    await server.start()
    yield tmp_path / "run" / "control.sock"
    await server.stop()
    assert not (tmp_path / "run" / "control.sock").exists()


async def asked(path: Path, command: str, **arguments: object) -> Any:
    return await asyncio.to_thread(ask, path, command, arguments)


async def raw(path: Path, data: bytes) -> bytes:
    """Everything that comes back for some bytes."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer


async def test_answers(path: Path) -> None:
    assert await asked(path, "echo", who="101", list=[1, "ä"]) == {"who": "101", "list": [1, "ä"]}
    assert await asked(path, "slow", a=1) == [{"a": 1}]


async def test_refusals(path: Path) -> None:
    with pytest.raises(ControlError, match=r"^not today$"):
        await asked(path, "refuse")
    with pytest.raises(ControlError, match=r"^commands are echo, fail, refuse, slow$"):
        await asked(path, "nonsense")
    with pytest.raises(ControlError, match="a mistake of the switch"):
        await asked(path, "fail")
    assert await asked(path, "echo") == {}


async def test_only_the_owner_may_open_it(path: Path) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


@pytest.mark.parametrize(
    "garbage",
    [b"\n", b"[]\n", b"{}\n", b'{"command": []}\n', b"\xff\xfe\n", b"{" * 1000 + b"\n", b"[" * 60_000 + b"\n"],
)
async def test_garbage_is_refused_and_the_line_stays_open(path: Path, garbage: bytes) -> None:
    answers = (await raw(path, garbage + b'{"command": "echo"}\n')).splitlines()
    assert json.loads(answers[0])["ok"] is False
    assert json.loads(answers[1]) == {"ok": True, "result": {}}


async def test_a_line_without_end_is_cut_off(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    async with asyncio.timeout(10):
        writer.write(b"x" * (REQUEST_BYTES * 3))
        answer = json.loads(await reader.readline())
    assert answer == {"ok": False, "error": f"a request has at most {REQUEST_BYTES} bytes"}
    writer.close()
    assert await raw(path, b"half a line") == b""
    assert await asked(path, "echo") == {}


async def test_the_idle_are_cut_off(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "c.sock", HANDLERS, idle_seconds=0.01)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c.sock"))
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
    await server.stop()


async def test_too_many_at_once(path: Path) -> None:
    held = []
    for _ in range(CONNECTIONS):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"command": "echo"}\n')
        await reader.readline()
        held.append(writer)
    answer = await raw(path, b"")
    assert json.loads(answer)["error"] == "too many at once"
    for writer in held:
        writer.close()


async def test_a_second_switch_is_refused_and_a_dead_ones_socket_replaced(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="another switch is running here"):
        await ControlServer(path, HANDLERS).start()
    assert await asked(path, "echo") == {}
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(dead))
    server = ControlServer(dead, HANDLERS)
    await server.start()
    assert await asked(dead, "echo") == {}
    await server.stop()


async def test_a_path_that_does_not_do(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="path too long"):
        await ControlServer(tmp_path / ("x" * 120), HANDLERS).start()
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlError, match="in use"):
        await ControlServer(tmp_path / "file", HANDLERS).start()


def test_asking_nobody(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no switch is running here"):
        ask(tmp_path / "none.sock", "status")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    with pytest.raises(ControlError, match="no switch is running here"):
        ask(tmp_path / "dead.sock", "status")
    with pytest.raises(ControlError, match="too long"):
        ask(tmp_path / ("x" * 120), "status")


def test_asking_something_that_is_silent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s.sock"))
        silent.listen()
        with pytest.raises(ControlError, match=r"no answer from the switch within 0\.01 s"):
            ask(tmp_path / "s.sock", "status", timeout_seconds=0.01)


def test_asking_without_permission(bound_by_permissions: Path) -> None:
    path = bound_by_permissions / "s.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(path))
        path.chmod(0)
        with pytest.raises(ControlError, match="for the switch's own user and root"):
            ask(path, "status")
