"""Credentials as a phone computes them, by itself from RFC 7616."""

from __future__ import annotations

import hashlib
import re


def answer(challenge: bytes, user: str, password: str, method: str, uri: str, count: int) -> str:
    """The value of an Authorization line that answers this challenge value."""
    text = challenge.decode()
    params = dict(re.findall(r'(\w+)="([^"]*)"', text))
    algorithm = re.search(r"algorithm=([\w-]+)", text)
    name = algorithm[1] if algorithm else "MD5"

    def hashed(value: str) -> str:
        kind = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[name]
        return hashlib.new(kind, value.encode()).hexdigest()

    ha1 = hashed(f"{user}:{params['realm']}:{password}")
    ha2 = hashed(f"{method}:{uri}")
    nc = f"{count:08x}"
    response = hashed(f"{ha1}:{params['nonce']}:{nc}:cafe:auth:{ha2}")
    return (
        f'Digest username="{user}", realm="{params["realm"]}", nonce="{params["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={name}, cnonce="cafe", qop=auth, nc={nc}'
    )
