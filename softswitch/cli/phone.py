"""`softswitch phone add`: an account for a phone, its secret shown once, and what to type into the phone."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import Refused, choose_plan, config_option, read_configuration, shown_path
from softswitch.dialplan.plan import Person, Plan
from softswitch.flow import Listener
from softswitch.secrets import ha1
from softswitch.secretsfile import NAME, store_hashes
from softswitch.suggest import did_you_mean

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without l, 1, i, o and 0: somebody reads this aloud or types it on a telephone's keys."""

SECRET_LETTERS = 20
"""Of 31 letters: 99 bits, beyond guessing even from a stolen MD5 hash."""


@click.group()
def phone() -> None:
    """Accounts of phones."""


@phone.command()
@click.argument("name")
@click.option("--person", help="Whose phone it is: the name in the dialplan.")
@click.option("--place", default="office", show_default=True, help="Where it stands.")
@click.option("--site", help="Which site, where there are several.")
@click.option("--replace", is_flag=True, help="Make a new secret for a phone that has one; the old one ends.")
@config_option
def add(name: str, person: str | None, place: str, site: str | None, replace: bool, config: Path | None) -> None:
    """Make an account for a phone and show what to type into it.

    Only hashes of the secret are kept, so this is the one time it is shown.
    """
    if not NAME.fullmatch(name):
        raise Refused(f'"{name}" cannot name a phone: letters, digits, . _ - and + only, at most 64')
    found = read_configuration(config, secrets_needed=False)
    path = found.settings.secrets
    if path is None:
        raise Refused(f"{shown_path(found.settings.file)} names no file for secrets; add `secrets: secrets.yaml`")
    plan, _ = choose_plan(found.plans, site, person or name)
    owner = _owner(plan, person)
    known = plan.phones.get(name)
    entry = known.secret if known else name
    secret = "".join(secrets.choice(_LETTERS) for _ in range(SECRET_LETTERS))
    hashes: dict[str, bytes] = {}
    for algorithm in found.settings.digest.algorithms:
        hashes[algorithm] = ha1(name, plan.site, secret, algorithm)
    try:
        store_hashes(path, entry, plan.site, hashes, replace, name)
    except KeyError:
        raise Refused(f'"{entry}" has a secret already; --replace makes a new one') from None
    click.echo(f"{shown_path(path)} now has {name}.\n")
    click.echo("\n".join(phone_settings(name, plan.site, secret, found.settings.listeners)))
    if known is None:
        click.echo("\n" + "\n".join(dialplan_lines(name, owner, place, [str(one) for one in found.settings.dialplans])))
    click.echo("\n" + _tell_the_switch(config))


def _owner(plan: Plan, key: str | None) -> Person | None:
    if key is None:
        return None
    person = plan.lookup(key)
    if not isinstance(person, Person):
        raise Refused(f'{plan.site} has no person "{key}"{did_you_mean(key, plan.people)}')
    return person


def phone_settings(name: str, domain: str, secret: str, listeners: tuple[Listener, ...]) -> list[str]:
    """What to type into a phone. Of several addresses the first listener of each transport counts."""
    servers: dict[str, Listener] = {}
    for one in listeners:
        servers.setdefault(one.transport, one)
    lines = ["Type into the phone (not every phone asks for all of it):", ""]
    for transport, one in servers.items():
        host = f"[{one.advertised_host}]" if ":" in one.advertised_host else one.advertised_host
        title = "Server" if transport == next(iter(servers)) else "  or"
        lines.append(f"  {title:<20}{host}, port {one.advertised_port}, transport {transport}")
    lines += [
        f"  {'Domain, realm':<20}{domain}",
        f"  {'User name':<20}{name}",
        f"  {'Authentication name':<20}{name}",
        f"  {'Password':<20}{secret}",
    ]
    return lines


def dialplan_lines(name: str, owner: Person | None, place: str, files: list[str]) -> list[str]:
    """What the dialplan lacks for a phone that is not in it."""
    lines = [f"No dialplan has this phone yet. Add to {' or '.join(files)}:", "", "phones:"]
    lines.append(f"  {name}: {{secret: {name}}}")
    if owner is None:
        return [*lines, "", "and name it at a place of the person it belongs to: `office: {phone: " + name + "}`"]
    lines += ["", "people:", f"  {owner.name}:", "    places:"]
    existing = owner.places.get(place)
    if existing is None or not existing.phones:
        return [*lines, f"      {place}: {{phone: {name}}}"]
    return [*lines, f"      {place}: {{phone: [{', '.join((*existing.phones, name))}]}}"]


def _tell_the_switch(config: Path | None) -> str:
    try:
        ask_switch(config, "reload secrets")
    except Refused as refused:
        return f"A switch that is running learns of it when it is started again ({refused.message})."
    return "The running switch knows it."
