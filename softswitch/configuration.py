"""All that an operator configured, read together: settings, dialplans and secrets, and whether they fit each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from softswitch.calendars import Copies
from softswitch.dialplan.calendars import CopyOf
from softswitch.dialplan.load import load_plans, load_texts
from softswitch.dialplan.plan import Plans
from softswitch.dialplan.source import MAX_BYTES
from softswitch.dialplan.trunk import INFO
from softswitch.errors import ConfigError, Problem
from softswitch.secrets import Secrets, load_secrets
from softswitch.settings import Settings
from softswitch.settingsfile import load_settings
from softswitch.suggest import did_you_mean

Texts = tuple[tuple[str, str], ...]
"""The files of the dialplans, as (name, content)."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Sound in itself and together."""

    settings: Settings
    plans: Plans
    secrets: Secrets
    warnings: list[Problem]
    texts: Texts = ()
    """What the plans were made of; empty where that is not to be kept."""
    refused: tuple[Problem, ...] = ()
    """Why the dialplans that are configured were refused, and `plans` are those that were accepted last."""


class DialplansRefused(ConfigError):
    """The dialplans have mistakes; the settings are good, and so are the secrets."""

    def __init__(self, problems: list[Problem], settings: Settings, secrets: Secrets, warnings: list[Problem]) -> None:
        super().__init__(problems)
        self.settings = settings
        self.secrets = secrets
        self.warnings = warnings


def read_all(
    file: Path,
    environ: Mapping[str, str],
    shown_from: Path | None,
    secrets_needed: bool = True,
    wall: float | None = None,
) -> Configuration:
    """Settings, dialplans and secrets. Raises ConfigError with the problems of all three.

    It is DialplansRefused where only the dialplans have any. Paths are shown as seen from the folder `shown_from`.
    `secrets_needed=False`: the secrets file may not be there yet. `wall` is now, for warnings about what is past.
    """
    settings, warnings = load_settings(file, environ)
    dialplan_problems: list[Problem] = []
    secret_problems: list[Problem] = []
    plans: Plans = {}
    texts: Texts = ()
    secrets = Secrets({})
    try:
        plans, more, texts = _dialplans(settings.dialplans, shown_from, copies_of(settings).get, wall)
        warnings = [*warnings, *more]
    except ConfigError as error:
        dialplan_problems = error.problems
    if settings.secrets is not None and (secrets_needed or settings.secrets.exists()):
        try:
            secrets = load_secrets(settings.secrets, str(shown_path(settings.secrets, shown_from)))
            warnings = [*warnings, *secrets.warnings]
        except ConfigError as error:
            secret_problems = error.problems
    if secret_problems:
        raise ConfigError([*dialplan_problems, *secret_problems])
    if dialplan_problems:
        raise DialplansRefused(dialplan_problems, settings, secrets, warnings)
    warnings = [*warnings, *phones_without_secret(settings, plans, secrets, shown_from)]
    warnings += voicemail_without(settings, plans, secrets, shown_from)
    warnings = [*warnings, *phones_without_relay(settings, plans, shown_from)]
    warnings += engine_without(settings, plans, shown_from)
    return Configuration(settings, plans, secrets, warnings, texts)


def phones_without_secret(settings: Settings, plans: Plans, secrets: Secrets, shown_from: Path | None) -> list[Problem]:
    """Phones and trunks that could never register; a warning, because the others can."""
    shown = str(shown_path(settings.secrets or settings.file, shown_from))
    found: list[Problem] = []
    transports = {listener.transport for listener in settings.listeners}
    for plan in plans.values():
        for phone in plan.phones.values():
            if phone.secret not in secrets:
                text = f'no secret "{phone.secret}" for phone {phone.name}{did_you_mean(phone.secret, secrets.names())}'
            elif not any(
                secrets.ha1(phone.secret, plan.site, phone.name, algorithm) for algorithm in settings.digest.algorithms
            ):
                text = (
                    f'the secret "{phone.secret}" is not for user {phone.name} at {plan.site}, or has no hash of '
                    f"{', '.join(settings.digest.algorithms)}"
                )
            else:
                continue
            found.append(Problem(shown, 0, 0, f"{text}; it cannot register", "warning"))
        for trunk in plan.trunks.values():
            if trunk.transport and trunk.transport.upper() not in transports:
                text = f"the trunk {trunk.name} goes over {trunk.transport}, and no listener does; it cannot be reached"
                found.append(Problem(str(shown_path(settings.file, shown_from)), 0, 0, text, "warning"))
            if trunk.secret and secrets.plain(trunk.secret) is None:
                near = did_you_mean(trunk.secret, secrets.names())
                text = f'no secret "{trunk.secret}" for the trunk {trunk.name}{near}'
                if trunk.secret in secrets:
                    text = f'the secret "{trunk.secret}" of the trunk {trunk.name} is a hash; write the password itself'
                found.append(Problem(shown, 0, 0, f"{text}; it cannot log in", "warning"))
    return found


def voicemail_without(settings: Settings, plans: Plans, secrets: Secrets, shown_from: Path | None) -> list[Problem]:
    """PINs that are not to be had, and mail without a server to send it by; warnings, because calls go on."""
    shown_secrets = str(shown_path(settings.secrets or settings.file, shown_from))
    shown_settings = str(shown_path(settings.file, shown_from))
    found: list[tuple[str, str]] = []
    people = [person for plan in plans.values() for person in plan.people.values()]
    for person in people:
        pin = person.voicemail.pin
        if pin and not (secrets.plain(pin) or "").isdigit():
            text = f'"{pin}", the PIN of {person.name}, is not there in digits{did_you_mean(pin, secrets.names())}'
            found.append((shown_secrets, f"{text}; nobody hears these messages by phone"))
    if settings.mail is None:
        wanting = [person.name for person in people if person.voicemail.mail]
        wanting += [team.name for plan in plans.values() for team in plan.teams.values() if team.voicemail.mail]
        if wanting:
            found.append((shown_settings, f"without mail: nobody is mailed messages, {', '.join(wanting)} neither"))
    elif settings.mail.user and secrets.plain(settings.mail.password) is None:
        text = f'no secret "{settings.mail.password}" for the mail server'
        found.append((shown_secrets, f"{text}{did_you_mean(settings.mail.password, secrets.names())}"))
    return [Problem(file, 0, 0, text, "warning") for file, text in found]


def phones_without_relay(settings: Settings, plans: Plans, shown_from: Path | None) -> list[Problem]:
    """Phones of which something is wanted that only the relay can do, or in a network that there is not."""
    shown = str(shown_path(settings.file, shown_from))
    networks = {listener.network for listener in settings.listeners}
    texts = []
    for plan in plans.values():
        network = _network_of(plan.media)
        if network and network not in networks:
            near = did_you_mean(network, networks)
            texts.append(f'media: {plan.media} of {plan.site}: no listener is on a network "{network}"{near}')
    for phone in [phone for plan in plans.values() for phone in plan.phones.values()]:
        network = _network_of(phone.media)
        if phone.srtp and phone.media.startswith("direct"):
            texts.append(f"phone {phone.name} has srtp: {phone.srtp}, so media: {phone.media} has no effect")
        if phone.srtp and settings.relay.use == "never":
            text = f"relay: use is never, so for srtp: {phone.srtp} of phone {phone.name} nothing is done"
            texts.append(f"{text} but to refuse its own calls")
        if network and network not in networks:
            near = did_you_mean(network, networks)
            texts.append(f'media: {phone.media} of phone {phone.name}: no listener is on a network "{network}"{near}')
    return [Problem(shown, 0, 0, text, "warning") for text in texts]


def engine_without(settings: Settings, plans: Plans, shown_from: Path | None) -> list[Problem]:
    """What dialplans want that only our own relay can do, where rtpengine is the engine of calls between phones."""
    if not settings.relay.engine:
        return []
    texts = []
    for plan in plans.values():
        for person in plan.people.values():
            asked = [place.name for place in person.places.values() if place.confirm]
            texts += [f"ask who answers to press 1: confirm: of {person.name} at {place}" for place in asked]
        if plan.music_on_hold not in ("", "yes"):
            texts.append(f"play music on hold: {plan.music_on_hold} of {plan.site}")
        texts += [
            f"change keys into INFO: style: {{keys: info}} of trunk {trunk.name}"
            for trunk in plan.trunks.values()
            if trunk.style.keys == INFO
        ]
    shown = str(shown_path(settings.file, shown_from))
    return [Problem(shown, 0, 0, f"relay: engine: rtpengine can't {text} needs built-in", "warning") for text in texts]


def _network_of(media: str) -> str:
    """The network that is named in `media:`, or ""."""
    return media.removeprefix("direct in ") if media.startswith("direct in ") else ""


def shown_path(path: Path, shown_from: Path | None) -> Path:
    """As short as it can be said from this folder; whole from nowhere, or from the root of all."""
    if shown_from is None or shown_from == Path(shown_from.anchor):
        return path
    return path.relative_to(shown_from) if path.is_relative_to(shown_from) else path


def copies_of(settings: Settings) -> Copies:
    """The calendars fetched from addresses: beside the database, else beside the settings."""
    return Copies((settings.sqlite_file or settings.file).parent / "calendars")


def _dialplans(
    paths: Sequence[Path], shown_from: Path | None, copy_of: CopyOf, wall: float | None
) -> tuple[Plans, list[Problem], Texts]:
    """Each file is read once, so that what is kept of an accepted plan is what was checked."""
    names = [str(shown_path(path, shown_from)) for path in paths]
    try:
        texts = tuple((name, _text(path)) for name, path in zip(names, paths, strict=True))
    except (OSError, ValueError):
        # The loader says in words what is the matter with which file.
        shown = {str(path): name for name, path in zip(names, paths, strict=True)}
        try:
            plans, warnings = load_plans(paths, copy_of=copy_of, wall=wall)
        except ConfigError as error:
            raise ConfigError([replace(one, file=shown.get(one.file, one.file)) for one in error.problems]) from None
        return plans, warnings, ()
    plans, warnings = load_texts(texts, copy_of=copy_of, wall=wall)
    return plans, warnings, texts


def _text(path: Path) -> str:
    """Raises OSError, and ValueError for what is no text of sensible size."""
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError("too large")
    return data.decode("utf-8-sig")
