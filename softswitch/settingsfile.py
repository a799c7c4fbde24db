"""config/softswitch.yaml and SOFTSWITCH_… variables read into `Settings`, or every problem in them.

Paths in the file are relative to the folder the file is in; paths in variables to the current folder.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from softswitch import settings, yamltext
from softswitch.errors import ConfigError, Problem
from softswitch.flow import Listener
from softswitch.settingsform import FILE, WrittenFile, WrittenMail, WrittenRelay, keys_at
from softswitch.suggest import did_you_mean
from softswitch.values import Address, literal

MAX_FILE_BYTES = 1024 * 1024

VARIABLES: dict[str, tuple[str, ...]] = {
    "SOFTSWITCH_STORE": ("store",),
    "SOFTSWITCH_SECRETS": ("secrets",),
    "SOFTSWITCH_CONTROL": ("control",),
    "SOFTSWITCH_DIALPLANS": ("dialplans",),
    "SOFTSWITCH_TLS_CERTIFICATE": ("tls", "certificate"),
    "SOFTSWITCH_TLS_KEY": ("tls", "key"),
    "SOFTSWITCH_TLS_AUTHORITIES": ("tls", "authorities"),
    "SOFTSWITCH_LOG_FORMAT": ("log", "format"),
    "SOFTSWITCH_LOG_LEVEL": ("log", "level"),
}
"""What each variable stands for in the file; it wins over the file. Colons separate several dialplans."""

MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""Where none is said (RFC 6409, RFC 8314)."""

_LEAST_PAIRS = 8
"""Of ports, for a relay process: two calls."""

OTHER_VARIABLES = ("SOFTSWITCH_CONFIG",)
"""Read elsewhere: the command line's."""


def load_settings(
    path: Path,
    environ: Mapping[str, str] | None = None,
    own_address: Callable[[socket.AddressFamily], str | None] | None = None,
) -> tuple[settings.Settings, list[Problem]]:
    """The settings of a file and what is doubtful about them.

    `own_address` tells the address of the default route's interface (None: no such route); given in tests.
    Raises ConfigError with every problem; a syntax error is reported alone.
    """
    reader = _Reader(path, own_address or default_route_address)
    made = reader.read(dict(environ or {}))
    return made, reader.warnings


def _mail(raw: WrittenMail | None) -> settings.MailSettings | None:
    if raw is None:
        return None
    host, port = raw.server
    return settings.MailSettings(
        host, port or MAIL_PORTS[raw.security], raw.security, raw.user, raw.password, raw.sender
    )


def default_route_address(family: socket.AddressFamily) -> str | None:
    """This machine's address on the way to the internet, or None. Nothing is sent."""
    far = ("192.0.2.1", 9) if family == socket.AF_INET else ("2001:db8::1", 9)
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(far)
            return str(probe.getsockname()[0])
    except OSError:
        return None


def family_works(family: socket.AddressFamily) -> bool:
    """Whether this machine's kernel has the family at all."""
    try:
        socket.socket(family, socket.SOCK_DGRAM).close()
    except OSError as error:
        return error.errno != errno.EAFNOSUPPORT
    return True


class _Reader:
    """One reading of one file: collects problems until nothing more can be checked."""

    def __init__(self, path: Path, own_address: Callable[[socket.AddressFamily], str | None]) -> None:
        self.file = str(path)
        self.folder = path.absolute().parent.resolve()
        self.path = path
        self.warnings: list[Problem] = []
        self.problems: list[Problem] = []
        self._own = own_address
        self._pathless: set[socket.AddressFamily] = set()
        """Families without a route out of this machine."""
        self._tree: yamltext.Node = yamltext.Mapping(self.file, 1, 1)
        self._from_variable: dict[tuple[str, ...], str] = {}

    def read(self, environ: dict[str, str]) -> settings.Settings:
        self._tree = yamltext.compose(self.path, self.file, MAX_FILE_BYTES)
        if not isinstance(self._tree, yamltext.Mapping):
            raise ConfigError([yamltext.problem_at(self._tree, "expected settings such as `listen:`")])
        data = yamltext.plain(self._tree)
        self._apply_variables(data, environ)
        raw = self._validated(data)
        listeners = self._listeners(raw)
        made = settings.Settings(
            file=self.path.absolute(),
            listeners=listeners,
            dialplans=tuple(self._path(one, ("dialplans",)) for one in raw.dialplans),
            secrets=self._path(raw.secrets, ("secrets",)) if raw.secrets else None,
            store=self._store(raw.store),
            peers=raw.peers,
            digest=raw.digest,
            registrar=raw.registrar,
            records=raw.records,
            voicemail=self._voicemail(raw),
            mail=_mail(raw.mail),
            messages=raw.messages,
            presence=raw.presence,
            relay=self._relay(raw.relay, listeners),
            limits=raw.limits,
            tls=settings.TlsSettings(
                self._path(raw.tls.certificate, ("tls", "certificate")),
                self._path(raw.tls.key, ("tls", "key")),
                self._path(raw.tls.authorities, ("tls", "authorities")) if raw.tls.authorities else None,
            ),
            control=self._path(raw.control, ("control",)),
            log=raw.log,
            transactions=raw.transactions,
            outside_domains=raw.outside_domains,
            max_body_bytes=raw.max_body,
        )
        self._check(made)
        if self.problems:
            raise ConfigError(_in_order(self.problems))
        return made

    def _validated(self, data: dict[str, Any]) -> WrittenFile:
        """The sections that are sound, with stand-ins for the others: all problems show in one go."""
        try:
            return FILE.validate_python(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        self.problems += [self._problem(dict(one)) for one in errors]
        broken = {one["loc"][0] for one in errors}
        if "listen" in broken:
            broken.add("relay")  # its networks are the listeners'
        sound = {key: value for key, value in data.items() if key not in broken}
        sound.setdefault("listen", [{"transport": "udp", "bind": "127.0.0.1"}])
        sound.setdefault("dialplans", "none.yaml")
        return FILE.validate_python(sound)

    def _apply_variables(self, data: dict[str, Any], environ: dict[str, str]) -> None:
        for name, value in sorted(environ.items()):
            if not name.startswith("SOFTSWITCH_") or name in OTHER_VARIABLES:
                continue
            path = VARIABLES.get(name)
            if path is None:
                text = f"the variable {name} means nothing here{did_you_mean(name, VARIABLES)}"
                self.warnings.append(Problem("environment", 0, 0, text, "warning"))
                continue
            target = data
            for step in path[:-1]:
                inner = target.setdefault(step, {})
                target = inner if isinstance(inner, dict) else {}
            target[path[-1]] = value.split(":") if name == "SOFTSWITCH_DIALPLANS" else value
            self._from_variable[path] = name

    def _problem(self, error: dict[str, Any]) -> Problem:
        """A complaint of pydantic's, in our words and at its place in the file."""
        loc = tuple(step for step in error["loc"] if not (isinstance(step, str) and step.startswith("function-")))
        variable = self._variable(loc)
        node, key = yamltext.locate(self._tree, loc)
        kind, context = error["type"], error.get("ctx", {})
        at: yamltext.Node = node
        if kind == "unexpected_keyword_argument":
            known = keys_at(WrittenFile, loc[:-1])
            at, text = key or node, f'unknown key "{loc[-1]}"{did_you_mean(str(loc[-1]), known)}'
        elif kind == "missing":
            at, text = (node if len(loc) > 1 else self._tree), f'"{loc[-1]}:" is missing'
        elif kind == "literal_error":
            choices = re.findall(r"'([^']+)'", context["expected"])
            word = error["input"] if isinstance(error["input"], str) else "this"
            text = f'"{word}" is none of {", ".join(choices)}{did_you_mean(word, choices)}'
        elif kind == "value_error":
            text = str(context["error"])
        elif kind == "string_type":
            text = "expected a text"
        elif kind in ("list_type", "tuple_type"):
            text = "expected a list"
        else:
            text = "expected keys and values" if kind.startswith("da") or kind == "dict_type" else error["msg"]
        if variable:
            return Problem("environment", 0, 0, f"{variable}: {text}")
        return yamltext.problem_at(at, text)

    def _variable(self, path: tuple[Any, ...]) -> str | None:
        """The variable that a value came from, if one did."""
        return self._from_variable.get(path[:2]) or self._from_variable.get(path[:1])

    def _complain(self, text: str, *path: int | str, warning: bool = False) -> None:
        severity = "warning" if warning else "error"
        variable = self._variable(path)
        node, _ = yamltext.locate(self._tree, path)
        made = yamltext.problem_at(node, text, severity)
        if variable:
            made = Problem("environment", 0, 0, f"{variable}: {text}", severity)
        (self.warnings if warning else self.problems).append(made)

    def _voicemail(self, raw: WrittenFile) -> settings.VoicemailSettings:
        """Where nothing is said, messages lie beside the database."""
        written = raw.voicemail.folder
        if written is not None:
            folder = self._path(written, ("voicemail", "folder"))
        elif raw.store.startswith("sqlite:///"):
            folder = self._path(raw.store.removeprefix("sqlite:///"), ("store",)).parent / "voicemail"
        else:
            folder = self.folder / "var" / "voicemail"
        return settings.VoicemailSettings(folder, raw.voicemail.keep)

    def _path(self, text: str, setting: tuple[str, ...]) -> Path:
        base = Path.cwd() if setting in self._from_variable else self.folder
        try:
            path = Path(text).expanduser()
        except RuntimeError:
            self._complain(f'"{text}" begins with the home of a user whom this machine does not have', *setting)
            return base
        if not text.isprintable():
            self._complain("a path with characters that cannot be seen", *setting)
        return Path(os.path.normpath(base / path))

    def _store(self, text: str) -> str:
        if text == "memory":
            return text
        if text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
            return f"sqlite:///{self._path(text.removeprefix('sqlite:///'), ('store',))}"
        self._complain(f'"{text}" is no store; write memory, or sqlite:/// and the path of a file', "store")
        return "memory"

    def _listeners(self, raw: WrittenFile) -> tuple[Listener, ...]:
        if not raw.listen:
            self._complain("nothing to listen on", "listen")
        made: list[Listener] = []
        taken: dict[tuple[str, str, int], int] = {}
        for place, line in enumerate(raw.listen):
            host = line.bind.host
            port = line.bind.port or (5061 if line.transport == "tls" else 5060)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            # A machine without IPv6 is nothing to worry about where its network is served over IPv4 as well.
            spare = host == "::" and any(one.network == line.network and ":" not in one.bind.host for one in raw.listen)
            if not family_works(family):
                if not spare:
                    self._complain(
                        f"this machine has no {_named(family)}: not listening", "listen", place, warning=True
                    )
                continue
            wire = "udp" if line.transport == "udp" else "tcp"
            first = taken.setdefault((wire, host, port), place)
            if first != place:
                self._complain(f"the same address and port as listener {first + 1}", "listen", place, "bind")
            advertised = line.advertise or Address(
                self._reachable(host, family, "listen", place, "bind", quiet=spare), None
            )
            made.append(
                Listener(
                    len(made),
                    line.transport.upper(),
                    host,
                    port,
                    advertised.host,
                    advertised.port or port,
                    line.network,
                )
            )
        return tuple(made)

    def _reachable(self, host: str, family: socket.AddressFamily, *path: int | str, quiet: bool = False) -> str:
        """What others can reach a bound address by; `quiet` where it does not matter that nobody can."""
        address = literal(host)
        if address is None or not address.is_unspecified:
            return host
        own = self._own(family)
        if own is None:
            text = f"no {_named(family)} route leads out of this machine, so phones are told a loopback "
            if not quiet and family not in self._pathless:  # once is enough
                self._complain(text + "address; write `advertise:`, or leave this listener out", *path, warning=True)
                self._pathless.add(family)
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return own

    def _relay(self, raw: WrittenRelay, listeners: tuple[Listener, ...]) -> settings.RelaySettings:
        addresses: dict[tuple[str, bool], settings.RelayAddress] = {}
        known = {listener.network for listener in listeners}
        for name, lines in raw.networks.items():
            if name not in known:
                text = f'no listener is on a network "{name}"{did_you_mean(name, known)}'
                _, key = yamltext.locate(self._tree, ("relay", "networks", name))
                self.problems.append(yamltext.problem_at(key or self._tree, text))
            for place, line in enumerate(lines):
                family = socket.AF_INET6 if ":" in line.bind.host else socket.AF_INET
                bind = self._reachable(line.bind.host, family, "relay", "networks", name)
                told = line.advertise.host if line.advertise else bind
                if literal(told) is None:
                    self._complain("SDP carries addresses, not names", "relay", "networks", name, "advertise")
                if (name, ":" in bind) in addresses:
                    text = f"a second {_named(family)} address for this network"
                    self._complain(text, "relay", "networks", name, place)
                addresses[name, ":" in bind] = settings.RelayAddress(name, bind, told)
        for listener in listeners:
            if (listener.network, listener.ipv6) not in addresses:
                made = self._implied(listener, listeners)
                if made is not None:
                    addresses[listener.network, listener.ipv6] = made
        use = dict(raw.use)
        for name in use:
            if name and name not in known:
                text = f'no listener is on a network "{name}"{did_you_mean(name, known)}'
                _, key = yamltext.locate(self._tree, ("relay", "use", name))
                self.problems.append(yamltext.problem_at(key or self._tree, text))
        anywhere = use.pop("", "always")
        service = self._path(raw.service, ("relay", "service")) if raw.service else None
        if raw.engine and raw.processes > 1:
            self._complain(
                "with rtpengine there is little to do for our own relay: one is enough", "relay", "processes"
            )
        if 2 * raw.processes * _LEAST_PAIRS > raw.ports.last - raw.ports.first + 1:
            self._complain(f"each relay process wants {2 * _LEAST_PAIRS} ports at least", "relay", "processes")
        return settings.RelaySettings(
            raw.engine,
            raw.ports,
            anywhere,
            use,
            tuple(addresses.values()),
            raw.processes,
            service,
            raw.silence,
            raw.kernel_forwarding,
        )

    def _implied(self, listener: Listener, listeners: tuple[Listener, ...]) -> settings.RelayAddress | None:
        """Where media passes in a listener's network and family when nothing is written about it."""
        bind = listener.host
        address = literal(bind)
        if address is not None and address.is_unspecified:
            own = self._own(socket.AF_INET6 if listener.ipv6 else socket.AF_INET)
            if own is None and listener.ipv6:
                # Machines often have IPv6 and no use for it, not even ::1. Where the network has IPv4, do without.
                if any(one.network == listener.network and not one.ipv6 for one in listeners):
                    return None
                own = "::1"
            bind = own or "127.0.0.1"
        told = listener.advertised_host if literal(listener.advertised_host) else bind
        return settings.RelayAddress(listener.network, bind, told)

    def _check(self, made: settings.Settings) -> None:
        """What no single value shows."""
        registrar = made.registrar
        if not registrar.minimum_seconds <= registrar.default_seconds <= registrar.maximum_seconds:
            self._complain("minimum, default and maximum are not in this order", "registrar")
        presence = made.presence
        if not presence.minimum_seconds <= presence.default_seconds <= presence.maximum_seconds:
            self._complain("minimum, default and maximum are not in this order", "presence")
        if registrar.contacts == 0:
            self._complain("no phone could register with 0", "registrar", "contacts")
        if not made.dialplans:
            self._complain("no dialplan is named", "dialplans")
        if not made.digest.algorithms:
            self._complain("no algorithm is named", "digest", "algorithms")
        if len(set(made.digest.algorithms)) < len(made.digest.algorithms):
            self._complain("an algorithm is here twice", "digest", "algorithms")
        if made.digest.nonce_seconds == 0:
            self._complain("no phone could answer within 0", "digest", "nonce_lifetime")
        for name in ("t1", "t2", "t4", "timer_c"):
            if getattr(made.transactions, f"{name}_seconds") == 0:
                self._complain("a timer of 0 would never wait", "transactions", name)
        idle = made.limits.idle_seconds
        if 0 < idle < made.transactions.timer_c_seconds:
            text = "shorter than timer_c: a connection would be closed while its phone rings"
            self._complain(text, "limits", "idle", warning=True)
        if len(str(made.control).encode()) > 107:
            self._complain("longer than the 107 bytes that the path of a socket can have", "control")


def _named(family: socket.AddressFamily) -> str:
    return "IPv6" if family == socket.AF_INET6 else "IPv4"


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line, problem.column))
