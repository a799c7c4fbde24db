"""Valid messages spoilt at random, from a seed: bits, cuts, lines, numbers, and the bytes that parsers fear."""

from __future__ import annotations

import random
from collections.abc import Callable

FEARED = (
    b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\r\n ", b" ", b"\t", b'"', b"\\", b"<", b">", b";", b",", b":", b"=",
    b"?", b"@", b"[", b"]", b"%", b"%00", b"%2", b";;", b",,", b'";tag=x"', b"\xff\xfe", b"\x85", b"\x0b", b"\x1c",
    b"Via: a\r\n", b"l: 1\r\n", b"SIP/2.0 ", b"9" * 400, b"-1", b"[::1::2]", b"z9hG4bK",
)  # fmt: skip


def mutated(rng: random.Random, data: bytes) -> bytes:
    """The message after one to three mutations."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = rng.choice(_MUTATIONS)(rng, data)
    return data


def _flip(rng: random.Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        if spoilt:
            spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def _remove(rng: random.Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + data[at + rng.randint(1, 30) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + data[at : at + rng.randint(1, 60)] * rng.randint(2, 9) + data[at:]


def _insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(FEARED) * rng.choice((1, 1, 1, 2, 50)) + data[at:]


def _lines(change: Callable[[random.Random, list[bytes]], None]) -> Callable[[random.Random, bytes], bytes]:
    def mutate(rng: random.Random, data: bytes) -> bytes:
        head, end, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        change(rng, lines)
        return b"\r\n".join(lines) + end + body

    return mutate


def _double_line(rng: random.Random, lines: list[bytes]) -> None:
    lines.insert(rng.randint(0, len(lines)), rng.choice(lines))


def _drop_line(rng: random.Random, lines: list[bytes]) -> None:
    del lines[rng.randrange(len(lines))]


def _swap_lines(rng: random.Random, lines: list[bytes]) -> None:
    rng.shuffle(lines)


def _fold_line(rng: random.Random, lines: list[bytes]) -> None:
    at = rng.randrange(len(lines))
    where = rng.randint(0, len(lines[at]))
    lines[at] = lines[at][:where] + b"\r\n" + rng.choice((b" ", b"\t", b"   ")) + lines[at][where:]


def _number(rng: random.Random, data: bytes) -> bytes:
    digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not digits:
        return data
    at = rng.choice(digits)
    huge = rng.choice((b"0", b"-1", b"4294967296", b"2147483648", b"1" * 30, b"7" * 5000, b"0x10", b"1e9"))
    return data[:at] + huge + data[at + 1 :]


_MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip,
    _cut,
    _remove,
    _repeat,
    _insert,
    _insert,
    _insert,
    _number,
    _lines(_double_line),
    _lines(_drop_line),
    _lines(_swap_lines),
    _lines(_fold_line),
)
