"""The local control socket: a line of JSON in, a line of JSON out, for those who may open its file.

{"command": "why", "who": "101"}   →   {"ok": true, "result": …} or {"ok": false, "error": "…"}
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from softswitch.ops.log import log

Handler = Callable[[dict[str, Any]], Any | Awaitable[Any]]
"""Takes the request without its command, returns what JSON can say; raises ControlError for a refusal."""

REQUEST_BYTES = 64 * 1024
BRACKETS = 100
CONNECTIONS = 16
IDLE_SECONDS = 30.0


class ControlError(Exception):
    """Refused, or nobody there; the text is for the operator."""


class NobodyThere(ControlError):
    """No switch answers at this socket."""


class ControlServer:
    """Answers on a unix socket that only its owner may open."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler], idle_seconds: float = IDLE_SECONDS) -> None:
        self._path = path
        self._handlers = handlers
        self._idle_seconds = idle_seconds
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind the socket, mode 0600. Raises ControlError when another switch holds it or the path does not do."""
        listening = _bind(self._path)
        try:
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=REQUEST_BYTES)
        except OSError as error:
            listening.close()
            raise ControlError(f"{self._path}: {error.strerror}") from error

    async def stop(self) -> None:
        """Close the socket and what is open on it, and remove its file."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._server = None
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if len(self._open) > CONNECTIONS:
                await self._send(writer, _refusal("too many at once"))
                return
            while await self._answer_one(reader, writer):
                pass
        except (TimeoutError, ConnectionError):
            return  # gone, or idle: either way nobody is there to be told
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one line; False when there will be no more."""
        try:
            async with asyncio.timeout(self._idle_seconds):
                line = await reader.readline()
        except ValueError:  # the line is longer than the limit
            await self._send(writer, _refusal(f"a request has at most {REQUEST_BYTES} bytes"))
            return False
        if not line.endswith(b"\n"):
            return False
        await self._send(writer, await self._answer(line))
        return True

    async def _answer(self, line: bytes) -> bytes:
        if line.count(b"[") + line.count(b"{") > BRACKETS:  # the parser recurses
            return _refusal("too many brackets")
        try:
            request = json.loads(line)
        except ValueError:
            return _refusal("a request is one line of JSON")
        name = request.pop("command", None) if isinstance(request, dict) else None
        handler = self._handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            return _refusal(f"commands are {', '.join(sorted(self._handlers))}")
        try:
            result = handler(request)
            if inspect.isawaitable(result):
                result = await result
            return json.dumps({"ok": True, "result": result}, ensure_ascii=False).encode() + b"\n"
        except ControlError as error:
            return _refusal(str(error))
        except Exception as error:  # our own mistake: it must not take the switch along
            log.bug("control command failed", error, command=name)
            return _refusal("a mistake of the switch; its log has more")

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        async with asyncio.timeout(self._idle_seconds):
            writer.write(data)
            await writer.drain()


def ask(path: Path, command: str, arguments: Mapping[str, object] | None = None, timeout_seconds: float = 5.0) -> Any:
    """The running switch's answer, blocking. Raises ControlError in words when it refuses or nobody is there."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_seconds)
            connection.connect(str(path))
            connection.sendall(json.dumps({"command": command, **(arguments or {})}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except TimeoutError as error:
        raise ControlError(f"no answer from the switch within {timeout_seconds:g} s") from error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NobodyThere(f"no switch is running here (nothing answers at {path})") from error
    except PermissionError as error:
        raise ControlError(f"{path} is for the switch's own user and root") from error
    except OSError as error:
        raise ControlError(f"{path}: {error.strerror or error}") from error
    try:
        answer = json.loads(line)
        if answer["ok"]:
            return answer["result"]
        refusal = str(answer["error"])
    except (ValueError, KeyError, TypeError) as error:
        raise ControlError(f"what answers at {path} is no switch of this version") from error
    raise ControlError(refusal)


def _refusal(text: str) -> bytes:
    return json.dumps({"ok": False, "error": text}, ensure_ascii=False).encode() + b"\n"


def _bind(path: Path) -> socket.socket:
    """A listening socket in a file that only we may open, from its first moment on."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_socket():
            if _alive(path):
                raise ControlError(f"another switch is running here: it answers at {path}")
            path.unlink()  # left behind by a crash
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(CONNECTIONS)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise ControlError(f"the control socket {path}: {error.strerror or error}") from error
    except ControlError:
        made.close()
        raise
    return made


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True
