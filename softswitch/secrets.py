"""Secrets of phones and trunks, kept out of dialplans: config/secrets.yaml (RFC 7616 §3.4.2, RFC 8760).

Two ways to write an entry:

    anna-desk: {realm: acme.example, MD5: 32 hex digits, SHA-256: 64 hex digits}    # hashes: what phone add writes
    dario-home: "a plain password"                                                  # for trying out, and trunks

A hash is HA1, H(user:realm:password) in lower-case hex. `user:` says whose when it is not the entry's name. Who
reads HA1 can register as that phone, in that realm only; a plain password opens more. The file is for the switch alone.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from softswitch import yamltext
from softswitch.errors import ConfigError, Problem
from softswitch.suggest import did_you_mean

HASHES: dict[str, Callable[[bytes], Any]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data),
}
"""Digest algorithms by their names in headers and in the file."""

_DIGITS = {"MD5": 32, "SHA-256": 64, "SHA-512-256": 64}
_CACHE_SIZE = 100_000
_MAX_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret: hashes, or a plain text."""

    realm: str
    user: str
    hashes: Mapping[str, bytes] = field(repr=False)
    plain: str | None = field(repr=False)


class Secrets:
    """What was in the file; never printed."""

    def __init__(self, entries: Mapping[str, Entry], warnings: list[Problem] | None = None) -> None:
        self._entries = dict(entries)
        self._computed: dict[tuple[str, str, str, str], bytes] = {}
        self.warnings = warnings or []

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> dict[str, Entry]:
        """All of them, by name."""
        return dict(self._entries)

    def names(self) -> list[str]:
        """In the order of the file."""
        return list(self._entries)

    def ha1(self, name: str, realm: str, user: str, algorithm: str) -> bytes | None:
        """HA1 in lower-case hex, or None: no such secret, another realm or user, or no hash of this algorithm."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.plain is None:
            return entry.hashes.get(algorithm) if entry.realm == realm and entry.user == user else None
        key = (name, realm, user, algorithm)
        known = self._computed.get(key)
        if known is None:
            if algorithm not in HASHES:
                return None
            if len(self._computed) >= _CACHE_SIZE:
                self._computed.clear()
            known = self._computed[key] = ha1(user, realm, entry.plain, algorithm)
        return known

    def plain(self, name: str) -> str | None:
        """The password itself, for registering elsewhere; None where only hashes are known."""
        entry = self._entries.get(name)
        return entry.plain if entry else None


def ha1(user: str, realm: str, password: str, algorithm: str) -> bytes:
    """H(user:realm:password) in lower-case hex; `algorithm` is one of `HASHES`."""
    return str(HASHES[algorithm](f"{user}:{realm}:{password}".encode()).hexdigest()).encode()


def load_secrets(path: Path, name: str = "") -> Secrets:
    """The secrets of a file; `name` is how problems call it.

    Warns where others than owner and group can read it. Raises ConfigError with every problem; none of them
    shows a secret.
    """
    shown = name or str(path)
    secrets = parse_secrets(path, shown)
    if path.stat().st_mode & stat.S_IROTH:
        text = f"everyone on this machine can read it; `chmod 600 {shown}` changes that"
        secrets.warnings.append(Problem(shown, 0, 0, text, "warning"))
    return secrets


def parse_secrets(source: Path | str, shown: str) -> Secrets:
    """The secrets of a file or of its text, wherever it lies."""
    tree = yamltext.compose(source, shown, _MAX_BYTES)
    if not isinstance(tree, yamltext.Mapping):
        raise ConfigError([yamltext.problem_at(tree, "expected names and their secrets")])
    problems: list[Problem] = []
    entries = {key.text: _entry(key, value, problems) for key, value in tree}
    if problems:
        raise ConfigError(problems)
    return Secrets(entries)


def _entry(key: yamltext.Scalar, value: yamltext.Node, problems: list[Problem]) -> Entry:
    if isinstance(value, yamltext.Scalar):
        if not value.text:
            problems.append(yamltext.problem_at(key, f'"{key.text}" has no secret'))
        return Entry("", key.text, {}, value.text)
    hashes: dict[str, bytes] = {}
    texts = {"realm": "", "user": key.text}
    if isinstance(value, yamltext.Sequence):
        problems.append(yamltext.problem_at(value, "expected a password in quotes, or realm and hashes"))
        return Entry("", "", hashes, None)
    for name, inner in value:
        if not isinstance(inner, yamltext.Scalar):
            problems.append(yamltext.problem_at(inner, "expected a text"))
        elif name.text in HASHES:
            digits = _DIGITS[name.text]
            if not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", inner.text):
                problems.append(yamltext.problem_at(inner, f"no {name.text} hash: that is {digits} hex digits"))
            hashes[name.text] = inner.text.lower().encode()
        elif name.text in texts:
            texts[name.text] = inner.text
        else:
            # The key itself is not shown: a password with a colon in it may have been taken for one.
            known = did_you_mean(name.text, [*texts, *HASHES])
            problems.append(yamltext.problem_at(name, f"neither realm, user nor one of {', '.join(HASHES)}{known}"))
    if not hashes:
        problems.append(yamltext.problem_at(value, f'"{key.text}" has no hash; one of {", ".join(HASHES)}'))
    elif not texts["realm"]:
        problems.append(yamltext.problem_at(value, f'"{key.text}" lacks its realm'))
    return Entry(texts["realm"], texts["user"], hashes, None)
