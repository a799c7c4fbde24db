"""The key of the dialog tokens: kept beside the database, so that calls outlive a restart."""

from __future__ import annotations

import os
import secrets as randomness
from pathlib import Path

from softswitch.server.errors import CannotStart
from softswitch.settings import Settings


def token_key(settings: Settings) -> bytes:
    """At least 16 bytes, made at the first start; others each time where nothing is kept.

    Raises CannotStart when the file is too short, and OSError.
    """
    if settings.sqlite_file is None:
        return randomness.token_bytes(32)
    path = Path(f"{settings.sqlite_file}.key")
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(randomness.token_bytes(32))
    key = path.read_bytes()
    if len(key) < 16:
        raise CannotStart(f"{path} is damaged; remove it and start again (running calls will not be hung up properly)")
    return key[:64]
