"""config/softswitch.yaml as it is written, before paths, addresses and relations are looked at."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, PlainValidator, TypeAdapter
from pydantic.fields import FieldInfo

from softswitch.settings import (
    STRICT,
    Bytes,
    DigestSettings,
    LimitSettings,
    LogSettings,
    MessageSettings,
    Peer,
    PresenceSettings,
    RecordSettings,
    RegistrarSettings,
    Seconds,
    TransactionSettings,
    YesNo,
)
from softswitch.values import (
    Address,
    EngineAddress,
    PortRange,
    RelayUse,
    advertised_address,
    bind_address,
    host_and_port,
    mail_address,
    media_engine,
    network_name,
    port_range,
    relay_processes,
    relay_use,
)

_DEFAULT_PORTS = PortRange(20000, 29999)


def _listed(value: object) -> object:
    """One thing where a list may be is a list of one."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class WrittenListen:
    """A line under `listen:`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    transport: Literal["udp", "tcp", "tls"]
    bind: Annotated[Address, PlainValidator(bind_address)]
    advertise: Annotated[Address, PlainValidator(advertised_address)] | None = None
    network: Annotated[str, PlainValidator(network_name)] = "internet"


@dataclass(frozen=True, slots=True)
class WrittenRelayNetwork:
    """An entry under `relay: networks:`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    bind: Annotated[Address, PlainValidator(bind_address)]
    advertise: Annotated[Address, PlainValidator(advertised_address)] | None = None


@dataclass(frozen=True, slots=True)
class WrittenRelay:
    """`relay:` as written."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    engine: Annotated[tuple[EngineAddress, ...], PlainValidator(media_engine)] = ()
    ports: Annotated[PortRange, PlainValidator(port_range)] = _DEFAULT_PORTS
    use: Annotated[dict[str, RelayUse], PlainValidator(relay_use)] = field(default_factory=dict)
    networks: dict[str, Annotated[list[WrittenRelayNetwork], BeforeValidator(_listed)]] = field(default_factory=dict)
    processes: Annotated[int, PlainValidator(relay_processes)] = 1
    service: str | None = None
    silence: Seconds = 120.0
    kernel_forwarding: YesNo = False


@dataclass(frozen=True, slots=True)
class WrittenVoicemail:
    """`voicemail:` as written."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    folder: str | None = None
    keep: Seconds = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class WrittenMail:
    """`mail:` as written."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    server: Annotated[tuple[str, int | None], PlainValidator(host_and_port)]
    sender: Annotated[str, PlainValidator(mail_address)]
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class WrittenTls:
    """`tls:` as written."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    certificate: str = "var/tls-certificate.pem"
    key: str = "var/tls-key.pem"
    authorities: str = ""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """The whole file as written."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    listen: list[WrittenListen]
    dialplans: Annotated[list[str], BeforeValidator(_listed)]
    secrets: str | None = None
    store: str = "sqlite:///var/softswitch.db"
    peers: tuple[Peer, ...] = ()
    digest: DigestSettings = field(default_factory=DigestSettings)
    registrar: RegistrarSettings = field(default_factory=RegistrarSettings)
    records: RecordSettings = field(default_factory=RecordSettings)
    voicemail: WrittenVoicemail = field(default_factory=WrittenVoicemail)
    mail: WrittenMail | None = None
    messages: MessageSettings = field(default_factory=MessageSettings)
    presence: PresenceSettings = field(default_factory=PresenceSettings)
    relay: WrittenRelay = field(default_factory=WrittenRelay)
    limits: LimitSettings = field(default_factory=LimitSettings)
    tls: WrittenTls = field(default_factory=WrittenTls)
    control: str = "var/control.sock"
    log: LogSettings = field(default_factory=LogSettings)
    transactions: TransactionSettings = field(default_factory=TransactionSettings)
    outside_domains: YesNo = False
    max_body: Bytes = 1024 * 1024


FILE: TypeAdapter[WrittenFile] = TypeAdapter(WrittenFile)


def keys_at(kind: Any, path: tuple[Any, ...]) -> list[str]:
    """The keys that the file may have at `path`, beginning in a settings class."""
    while typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(one for one in typing.get_args(kind) if one is not type(None))
        return keys_at(kind, path)
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        by_key = {_alias(hints[one.name]) or one.name: hints[one.name] for one in fields(kind)}
        if not path:
            return list(by_key)
        return keys_at(by_key[path[0]], path[1:]) if path[0] in by_key else []
    inner = typing.get_args(kind)
    if not path or not inner:
        return []
    return keys_at(inner[1] if typing.get_origin(kind) is dict else inner[0], path[1:])


def _alias(hint: Any) -> str | None:
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, FieldInfo) and mark.alias:
            return mark.alias
    return None
