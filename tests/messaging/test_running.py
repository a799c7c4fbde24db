"""Messages and a real switch: kill -9 while they come in and while they go out, and what is forgotten on request."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from records.test_running import End, folder, register, switch

from softswitch.ops.control import ask
from softswitch.store.reading import reading
from softswitch.store.sqlite_messages import letters_of

__all__ = ["folder"]

MANY = 200


def message(sender: End, number: int, to: str = "103") -> None:
    """A message of a peer's, its number as the text."""
    text = f"{number:06}"
    head = (
        f"MESSAGE sip:{to}@acme.example SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{sender.port};branch=z9hG4bKm{number}",
        "Max-Forwards: 70",
        f"From: <sip:+4930123456@city.example>;tag=m{number}",
        f"To: <sip:{to}@acme.example>",
        f"Call-ID: m{number}",
        "CSeq: 1 MESSAGE",
        "Content-Type: text/plain",
        f"Content-Length: {len(text)}",
    )
    sender.socket.send("\r\n".join((*head, "", text)).encode())


def acknowledged(sender: End) -> list[int]:
    """The numbers in the 202s that have come by now."""
    found = []
    sender.socket.setblocking(False)
    try:
        while True:
            lines = sender.socket.recv(65535).decode().split("\r\n")
            if lines[0].startswith("SIP/2.0 202"):
                found.append(call_number(lines))
    except (BlockingIOError, ConnectionRefusedError):
        return found
    finally:
        sender.socket.settimeout(5)


def call_number(lines: list[str]) -> int:
    return next(int(line[10:]) for line in lines if line.startswith("Call-ID: m"))


def takes(phone: End, until: int, at_most: int = 10_000) -> list[str]:
    """Take messages until this one has come, or so many; the texts in their order."""
    texts: list[str] = []
    while len(texts) < at_most:
        request = phone.wait("MESSAGE")
        phone.reply(request, "200 OK")
        texts.append(request[-1])
        if int(request[-1]) == until:
            break
    return texts


def kept(folder: Path) -> int:
    with reading(folder / "switch.db") as connection:
        return len(list(letters_of(connection)))


def test_kill_9_loses_no_acknowledged_message(folder: Path) -> None:
    with (folder / "softswitch.yaml").open("a") as settings:
        settings.write("messages: {count: 100000}\n")
    port = int((folder / "port").read_text())
    sender, phone = End(port), End(port)
    told: list[int] = []
    with switch(folder) as process:
        for number in range(MANY):
            message(sender, number)
            told += acknowledged(sender)
            while number - len(told) > 30:
                told.append(call_number(sender.wait("SIP/2.0 202")))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        told += acknowledged(sender)
    assert len(told) >= MANY - 31
    last = max(told)
    with switch(folder) as process:
        register(phone, port)
        first = takes(phone, last, at_most=len(told) // 2)
        process.send_signal(signal.SIGKILL)  # in the middle of a delivery
        process.wait(10)
    with switch(folder):
        register(phone, port, "again")
        rest = takes(phone, last) if first[-1] != f"{last:06}" else []
        phone.socket.settimeout(0.3)
        while kept(folder):  # what was stored before it could be acknowledged comes too
            with suppress(TimeoutError):
                rest += takes(phone, -1, at_most=1)
    numbers = [int(text) for text in first + rest]
    assert set(told) <= set(numbers)
    once = list(dict.fromkeys(numbers))
    assert once == sorted(once)
    # Only what was on its way when the switch died may have come again.
    assert len(numbers) - len(once) <= 2


def test_status_counts_them_and_a_person_is_forgotten(folder: Path) -> None:
    port = int((folder / "port").read_text())
    sender, phone = End(port), End(port)
    control = folder / "control.sock"
    with switch(folder):
        for number in range(3):
            message(sender, number)
            sender.wait("SIP/2.0 202")
        assert ask(control, "status", {})["messages"] == {"waiting": 3, "people": 1}
        gone = ask(control, "forget person", {"site": "acme.example", "person": "dario"})
        assert gone["messages"] == 3
        assert ask(control, "status", {})["messages"] == {"waiting": 0, "people": 0}
        assert kept(folder) == 0
        register(phone, port)
        message(sender, 7)
        assert takes(phone, 7) == ["000007"]
        sender.wait("SIP/2.0 200")
