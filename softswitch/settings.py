"""What the administrator decided: config/softswitch.yaml and the environment, as frozen values.

`settingsfile.load_settings` makes them; everything else only reads them. Where a field's name in the file
differs from the one here (units are part of names here, and of values there), its alias says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator

from softswitch.flow import Listener
from softswitch.values import EngineAddress, PortRange, RelayUse, count, duration, network_range, size, yes_or_no

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

Seconds = Annotated[float, BeforeValidator(duration)]
Bytes = Annotated[int, BeforeValidator(size)]
Count = Annotated[int, BeforeValidator(count)]
YesNo = Annotated[bool, BeforeValidator(yes_or_no)]
Algorithm = Literal["SHA-256", "SHA-512-256", "MD5"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A system that is served without a password: a gateway, a carrier, another switch."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    network: Annotated[IPv4Network | IPv6Network, PlainValidator(network_range), Field(alias="address")]
    """Its address, or the range its addresses are from."""
    name: str
    """The operator's name for it, in logs and explanations."""


@dataclass(frozen=True, slots=True)
class DigestSettings:
    """How phones prove who they are (RFC 8760)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    algorithms: tuple[Algorithm, ...] = ("SHA-256", "MD5")
    """Offered in this order; phones take the first they know."""
    nonce_seconds: Annotated[Seconds, Field(alias="nonce_lifetime")] = 300.0
    """A nonce older than this is answered with a fresh one and stale=true."""


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """For how long phones register (RFC 3261 §10.3)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    minimum_seconds: Annotated[Seconds, Field(alias="minimum")] = 60.0
    """Shorter wishes get 423 with Min-Expires."""
    default_seconds: Annotated[Seconds, Field(alias="default")] = 3600.0
    """For phones that do not say."""
    maximum_seconds: Annotated[Seconds, Field(alias="maximum")] = 7200.0
    """Longer wishes are cut to this."""
    contacts: Count = 10
    """At most so many at once for an account."""
    ping_seconds: Annotated[Seconds, Field(alias="ping")] = 25.0
    """How often a phone that registered over UDP is sent OPTIONS; 0 is never."""
    unpinged: tuple[Annotated[IPv4Network | IPv6Network, PlainValidator(network_range)], ...] = ()
    """Networks of whose phones only those behind NAT are."""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """What is kept of calls that are over."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    keep_seconds: Annotated[Seconds, Field(alias="keep")] = 90 * 86_400.0
    """A call's record is deleted so long after the call began; 0 keeps it for ever."""


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Text messages that wait for somebody's phones: the fields of `messaging.letter.Rules`.

    A test holds names and defaults equal.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    keep_seconds: Annotated[Seconds, Field(alias="keep")] = 30 * 86_400.0
    """For so long a message waits; 0 is for ever."""
    size_bytes: Annotated[Bytes, Field(alias="size")] = 65_536
    """A longer message is refused."""
    count: Count = 200
    """So many may wait for one person."""
    every_phone: YesNo = True
    """Whether a phone that was off gets, within three days, what another of the person's phones took meanwhile."""


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """For how long and how much may be watched: the fields of `presence.limits.PresenceLimits`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    minimum_seconds: Annotated[Seconds, Field(alias="minimum")] = 60.0
    """Shorter subscriptions and publications get 423 with Min-Expires."""
    default_seconds: Annotated[Seconds, Field(alias="default")] = 3600.0
    """For phones that do not say."""
    maximum_seconds: Annotated[Seconds, Field(alias="maximum")] = 7200.0
    """Longer wishes are cut to this."""
    subscriptions: Count = 300
    """At most so many at once of one phone."""
    history: Literal["off", "person", "supervisors"] = "supervisors"
    """Who may read how somebody was: nobody, for it is not kept; only the person herself, by `person export`; or who
    runs the switch, too."""
    keep_seconds: Annotated[Seconds, Field(alias="keep")] = 30 * 86_400.0
    """For so long it is kept; 0 is for ever."""


@dataclass(frozen=True, slots=True)
class VoicemailSettings:
    """Messages that callers leave."""

    folder: Path
    """Where their sound is kept."""
    keep_seconds: float
    """A message is deleted so long after it was left; 0 keeps it until somebody deletes it."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The server that mails of the switch are handed to."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str
    """"" for a server that wants none."""
    password: str
    """The name of an entry in the secrets file."""
    sender: str
    """The address that mails come from."""


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where media of one network passes: one for each network and address family."""

    network: str
    bind: str
    """A literal address of this machine; never a wildcard."""
    advertised: str
    """The literal address that goes into SDP."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The media relay."""

    engine: tuple[EngineAddress, ...]
    """The rtpengines that calls go through; none: our own relay does it."""
    ports: PortRange
    """UDP ports for media, on each of the addresses."""
    use: RelayUse
    """"when needed": phones that can reach each other talk straight (`proxy/direct`). "never": all phones send media to
    each other directly; only right where no NAT is between them."""
    use_in: Mapping[str, RelayUse]
    """By network, where it is another word there than elsewhere."""
    addresses: tuple[RelayAddress, ...]
    processes: int
    """So many relays share the calls and the ports: one for each core."""
    service: Path | None
    """The folder in which relays that are services of their own have their sockets; None: the switch starts them."""
    silence_seconds: float
    """A stream that was silent on both sides for so long is given up."""
    kernel_forwarding: bool = False
    """Have the kernel move the packets of streams whose parties are known, where it can; experimental."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The bounds on strangers: the fields of `ops.limits.Limits`, which says what each one means.

    (The body's limit is `Settings.max_body_bytes`, for datagrams too.) A test holds names and defaults equal.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    messages_per_second: Count = 100
    messages_burst: Count = 500
    connections_per_source: Count = 200
    connections_total: Count = 10_000
    ipv6_prefix: Count = 64
    first_message_seconds: Annotated[Seconds, Field(alias="first_message")] = 30.0
    message_seconds: Annotated[Seconds, Field(alias="message")] = 20.0
    idle_seconds: Annotated[Seconds, Field(alias="idle")] = 600.0
    kept_idle_seconds: Annotated[Seconds, Field(alias="kept_idle")] = 7_200.0
    handshake_seconds: Annotated[Seconds, Field(alias="handshake")] = 10.0
    connect_seconds: Annotated[Seconds, Field(alias="connect")] = 5.0
    header_bytes: Annotated[Bytes, Field(alias="header")] = 65_536
    write_buffer_bytes: Annotated[Bytes, Field(alias="write_buffer")] = 2_097_152
    sources: Count = 50_000


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Our certificate: PEM files, made at the first start where there are none."""

    certificate: Path
    key: Path
    authorities: Path | None = None
    """Whose certificates of providers are trusted besides those that the system trusts."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to standard error, and how."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class TransactionSettings:
    """Timers of RFC 3261 (table 4). The defaults are right except on slow lines and in tests."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    t1_seconds: Annotated[Seconds, Field(alias="t1")] = 0.5
    t2_seconds: Annotated[Seconds, Field(alias="t2")] = 4.0
    t4_seconds: Annotated[Seconds, Field(alias="t4")] = 5.0
    timer_c_seconds: Annotated[Seconds, Field(alias="timer_c")] = 181.0
    """How long a phone may ring; more than three minutes (RFC 3261 §16.6 step 11)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in the file, checked; paths are absolute."""

    file: Path
    listeners: tuple[Listener, ...]
    dialplans: tuple[Path, ...]
    secrets: Path | None
    store: str
    """"memory", or a URL such as "sqlite:////var/lib/softswitch/softswitch.db" (four slashes: absolute)."""
    peers: tuple[Peer, ...]
    digest: DigestSettings
    registrar: RegistrarSettings
    records: RecordSettings
    messages: MessageSettings
    presence: PresenceSettings
    voicemail: VoicemailSettings
    mail: MailSettings | None
    """None: nothing is mailed."""
    relay: RelaySettings
    limits: LimitSettings
    tls: TlsSettings
    control: Path
    """The unix socket that `softswitch status` and `softswitch why` ask."""
    log: LogSettings
    transactions: TransactionSettings
    outside_domains: bool
    """Whether phones may call sip: addresses of other domains."""
    max_body_bytes: int
    """A longer body is refused with 413."""

    @property
    def sqlite_file(self) -> Path | None:
        """The database file, when the store is SQLite."""
        return Path(self.store.removeprefix("sqlite:///")) if self.store.startswith("sqlite:///") else None
