"""A disk that loses power: it keeps what was synced, and of the rest nothing.

SQLite runs on it through a VFS of apsw's. Every file has a second copy, its state at its last sync.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

NAME = "forgetful"


class Disk(apsw.VFS):  # type: ignore[misc]
    """Files pass through to the real disk; `durable` is what would be left of them, by path."""

    def __init__(self) -> None:
        self.durable: dict[str, bytes] = {}
        self.syncs = 0
        super().__init__(NAME, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self, name, flags)

    def xDelete(self, name: str, sync_directory: bool) -> None:
        super().xDelete(name, sync_directory)
        self.durable.pop(name, None)

    def after_power_loss(self, directory: Path) -> None:
        """Write what is left into another directory."""
        # One moment for all files, though a thread may be writing them.
        left = dict(self.durable)
        for name, content in left.items():
            (directory / Path(name).name).write_bytes(content)


class _File(apsw.VFSFile):  # type: ignore[misc]
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("", name, flags)
        if self._name and self._name not in disk.durable and not self._name.endswith("-wal"):
            # What was there before the test began is on the disk for good.
            disk.durable[self._name] = Path(self._name).read_bytes()

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if self._name:
            self._disk.syncs += 1
            self._disk.durable[self._name] = Path(self._name).read_bytes()
