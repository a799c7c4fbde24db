"""Runs aiosip 0.2.0, a client of 2016: UDP, one Via, digest as of RFC 2069; a script, commanded by `worker.Worker`.

COMPAT: Python 3.11 no longer has what aiosip builds on, so that is put back first, in this process only.
"""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import json
import sys
import types
from typing import Any

asyncio.coroutine = types.coroutine  # type: ignore[attr-defined]
collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]

import aiosip  # noqa: E402
from aiosip.auth import Auth  # noqa: E402
from aiosip.contact import Contact  # noqa: E402


def tell(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Dialog(aiosip.Dialog):  # type: ignore[misc]
    """aiosip's dialog, except that it signs a proxied request as the caller, where aiosip took the called user."""

    def receive_message(self, message: Any) -> None:
        if not isinstance(message, aiosip.Response) or message.status_code != 407:
            super().receive_message(message)
            return
        request = self._msgs[message.method].pop(message.cseq)
        del request.headers["CSeq"], request.headers["Via"]
        request.headers["Proxy-Authorization"] = str(
            Auth.from_authenticate_header(
                authenticate=message.headers["Proxy-Authenticate"],
                method=message.method,
                uri=request.to_details["uri"].short_uri(),
                username=self.from_details["uri"]["user"],
                password=self.password,
            )
        )
        self.send_message(
            request.method,
            to_details=request.to_details,
            headers=request.headers,
            payload=request.payload,
            future=request.future,
        )


async def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    loop = asyncio.get_running_loop()
    host, _, port = options["server"].rpartition(":")
    phone = aiosip.Application(loop=loop)
    dialog = await phone.start_dialog(
        from_uri=options["aor"],
        to_uri=options["aor"],
        contact_uri=f"sip:{options['user']}@127.0.0.1:{options['port']}",
        local_addr=("127.0.0.1", options["port"]),
        remote_addr=(host, int(port)),
        password=options["password"],
        dialog=Dialog,
    )
    typed = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(typed), sys.stdin)
    tell("ready")
    while line := await typed.readline():
        match json.loads(line):
            case {"command": "register", "expires": expires}:
                try:
                    answer = await asyncio.wait_for(dialog.register(expires=expires), 5)
                    tell("registered", code=answer.status_code, contact=answer.headers.get("Contact"))
                except aiosip.RegisterFailed:
                    tell("registered", code=401)
                    dialog.register_current_attempt = None
            case {"command": "send", "method": method, "target": target, "text": text}:
                answer = await asyncio.wait_for(
                    dialog.send_message(
                        method, to_details=Contact.from_header(target), content_type="text/plain", payload=text
                    ),
                    5,
                )
                tell("answered", code=answer.status_code)
            case {"command": "quit"}:
                return


if __name__ == "__main__":
    asyncio.run(main())
