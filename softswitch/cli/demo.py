"""`softswitch demo`: what `run` does, and on the screen who can register and what to dial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from softswitch.cli.common import Configuration, config_option, read_configuration
from softswitch.cli.run import at_option, start
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.explain import in_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Code, Plan
from softswitch.flow import Listener

LOOPBACK = ("127.0.0.1", "::1")
"""What is advertised where no route leads out of this machine."""


@click.command()
@config_option
@at_option
def demo(config: Path | None, at: datetime | None) -> int:
    """Run the switch, and show what to type into phones for trying it out, passwords included.

    Only passwords that stand in the secrets file as plain text can be shown.
    """
    found = read_configuration(config)

    def show(wall: float) -> None:
        click.echo("\n" + "\n".join(guide(found, wall)) + "\n")

    return start(found, at, show)


def guide(found: Configuration, wall: float) -> Iterator[str]:
    """Lines that tell a newcomer all that is needed for a first call; `wall` is now, seconds since 1970 UTC."""
    yield "The switch is running. Type into a phone:"
    yield ""
    for number, (address, transports) in enumerate(servers(found.settings.listeners)):
        yield f"  {'server (outbound proxy)' if not number else '  or':<25}{address}, {' or '.join(transports)}"
    for plan in found.plans.values():
        yield f"  {'domain':<25}{plan.site}"
        yield ""
        rows = [("whose phone", "number", "user name", "authentication name", "password"), *accounts(plan, found)]
        yield from columns(rows)
        yield ""
        yield "The user name may also be the number; the authentication name stays as it is here."
        yield ""
        yield from suggestions(plan)
        yield from columns([(user, words) for user, words in numbers(plan, wall)])
        if found_codes := list(codes(plan)):
            yield ""
            yield "Codes that a phone's owner can dial to say where calls go:"
            yield from columns(found_codes)
    yield ""
    if any(one.transport == "TLS" for one in found.settings.listeners):
        yield "With TLS, tell the phone not to check the certificate: it is of the switch's own making."
    yield "Ctrl-C ends the switch."


def servers(listeners: tuple[Listener, ...]) -> list[tuple[str, list[str]]]:
    """The addresses that phones can use, each with its transports; loopback ones only if there are no others."""
    found: dict[str, list[str]] = {}
    for one in [one for one in listeners if one.advertised_host not in LOOPBACK] or listeners:
        host = f"[{one.advertised_host}]" if ":" in one.advertised_host else one.advertised_host
        found.setdefault(f"{host}:{one.advertised_port}", []).append(one.transport)
    return list(found.items())


def accounts(plan: Plan, found: Configuration) -> Iterator[tuple[str, ...]]:
    """A row for each phone."""
    for phone in plan.phones.values():
        person = plan.person_of(phone.name)
        whose = f"{person.display}, {phone.place}" if person else "(nobody's)"
        password = found.secrets.plain(phone.secret) or "(shown when it was made)"
        yield whose, person.number if person else "", phone.name, phone.name, password


_TRIED = {"echo": "an echo", "voicemail": "messages"}
"""What to dial for what."""


def suggestions(plan: Plan) -> Iterator[str]:
    """Which call to try first."""
    dialled = [person.number for person in plan.people.values() if person.number]
    tries = [f"{dialled[0]} from {dialled[1]}"] if len(dialled) > 1 else []
    answered = [(user, one.what) for user, one in plan.destinations.items() if isinstance(one, Code)]
    tries += [f"{user} for {_TRIED[what]}" for user, what in answered if what in _TRIED]
    if tries:
        yield f"Then dial {', '.join(tries)}. At this moment:"


def numbers(plan: Plan, wall: float) -> Iterator[tuple[str, str]]:
    """What each number does now, were all phones registered."""
    for user in plan.destinations:
        if user.isdecimal():
            yield user, in_words(next_step(plan, Facts(plan.site, user, wall=wall), ()))


def codes(plan: Plan) -> Iterator[tuple[str, str]]:
    """What each code sets for the person whose phone dials it."""
    for code in (*plan.destinations.values(), *plan.patterns):
        if isinstance(code, Code) and code.at_once is None:
            yield code.name, code.what


def columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows, their cells one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
