"""The storage engines by the scheme of their URL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.bridge.emergencies import EmergencyStore
from softswitch.messaging.letter import MessageStore
from softswitch.overrides.change import OverrideStore
from softswitch.presence.history import HistoryStore
from softswitch.presence.stored import PresenceStore
from softswitch.records.record import RecordStore
from softswitch.registrar.bindings import BindingStore
from softswitch.store.database import Database
from softswitch.store.errors import StoreError
from softswitch.store.memory import MemoryBindingStore
from softswitch.store.memory_history import MemoryHistoryStore
from softswitch.store.memory_messages import MemoryMessageStore
from softswitch.store.memory_outside import MemoryEmergencyStore, MemoryUsageStore
from softswitch.store.memory_overrides import MemoryOverrideStore
from softswitch.store.memory_presence import MemoryPresenceStore
from softswitch.store.memory_records import MemoryRecordStore
from softswitch.store.memory_voicemail import MemoryVoicemailStore
from softswitch.store.sqlite import SqliteBindingStore
from softswitch.store.sqlite_emergency import SqliteEmergencyStore
from softswitch.store.sqlite_history import SqliteHistoryStore
from softswitch.store.sqlite_messages import SqliteMessageStore
from softswitch.store.sqlite_outside import SqliteUsageStore
from softswitch.store.sqlite_overrides import SqliteOverrideStore
from softswitch.store.sqlite_presence import SqlitePresenceStore
from softswitch.store.sqlite_records import SqliteRecordStore
from softswitch.store.sqlite_voicemail import SqliteVoicemailStore
from softswitch.trunks.usage import UsageStore
from softswitch.voicemail.message import VoicemailStore


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that is kept, of one engine."""

    bindings: BindingStore
    records: RecordStore
    messages: MessageStore
    presence: PresenceStore
    overrides: OverrideStore
    voicemail: VoicemailStore
    history: HistoryStore
    usage: UsageStore
    emergencies: EmergencyStore

    async def close(self) -> None:
        """Finish what was begun and let go of the files."""
        await self.bindings.close()


def _memory(url: str) -> Stores:
    return Stores(
        MemoryBindingStore(),
        MemoryRecordStore(),
        MemoryMessageStore(),
        MemoryPresenceStore(),
        MemoryOverrideStore(),
        MemoryVoicemailStore(),
        MemoryHistoryStore(),
        MemoryUsageStore(),
        MemoryEmergencyStore(),
    )


def _sqlite(url: str) -> Stores:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise StoreError(
            f"{url}: a SQLite store is written sqlite:///file, or sqlite:////var/lib/… for an absolute path"
        )
    database = Database(path)
    return Stores(
        SqliteBindingStore(database),
        SqliteRecordStore(database),
        SqliteMessageStore(database),
        SqlitePresenceStore(database),
        SqliteOverrideStore(database),
        SqliteVoicemailStore(database),
        SqliteHistoryStore(database),
        SqliteUsageStore(database),
        SqliteEmergencyStore(database),
    )


ENGINES: dict[str, Callable[[str], Stores]] = {"memory": _memory, "sqlite": _sqlite}


def open_store(url: str) -> Stores:
    """Open a store: "memory", or e.g. "sqlite:////var/lib/softswitch/softswitch.db" (four slashes: absolute).

    Brings an older schema up to date. Raises StoreError.
    """
    scheme = url.partition(":")[0]
    engine = ENGINES.get(scheme)
    if engine is None:
        raise StoreError(f"{url}: no such kind of store; there are {', '.join(sorted(ENGINES))}")
    return engine(url)
