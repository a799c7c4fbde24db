"""`softswitch person`: all that is kept about somebody, to hand over or to delete."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import tzinfo
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import click

from softswitch.cli.common import PROBLEMS, Refused, config_option, read_settings, shown_path
from softswitch.cli.kept import path_of, person_meant, store_of, zone_of
from softswitch.dialplan.load import load_plans
from softswitch.dialplan.plan import Plans
from softswitch.messaging.form import text_of
from softswitch.messaging.letter import Letter
from softswitch.ops.control import ControlError, NobodyThere, ask
from softswitch.overrides.words import change_json
from softswitch.presence.stored import StoredSubscription
from softswitch.records.export import as_json, moment
from softswitch.records.people import accounts_of
from softswitch.records.record import Query
from softswitch.registrar.bindings import BindingChange
from softswitch.settings import Settings
from softswitch.store.errors import StoreError
from softswitch.store.open import open_store
from softswitch.store.sqlite import all_bindings
from softswitch.store.sqlite_history import states_of
from softswitch.store.sqlite_messages import content_of, letters_about
from softswitch.store.sqlite_outside import calls_since
from softswitch.store.sqlite_overrides import changes_of
from softswitch.store.sqlite_presence import all_publications, all_subscriptions
from softswitch.store.sqlite_records import select
from softswitch.store.sqlite_voicemail import all_voicemails
from softswitch.voicemail.files import Files
from softswitch.voicemail.message import Change, Message, VoicemailStore

site_option = click.option("--site", help="Which site, where there are several.")

FORGET_SECONDS = 120.0
"""Years of calls are looked through."""


@click.group()
def person() -> None:
    """What is kept about a person: registrations, calls, messages, how she was, what she has set for calls."""


@person.command("export")
@click.argument("who")
@site_option
@config_option
def export_(who: str, site: str | None, config: Path | None) -> None:
    """Write all that is kept about WHO as JSON to standard output.

    WHO is a name or a number of the dialplan, or the name of somebody who has left it.
    """
    settings, plans, domain, key = _meant(config, who, site)
    accounts = accounts_of(plans[domain], key)
    zone = zone_of(plans, domain)
    with store_of(settings) as connection:
        bindings = [one for one in all_bindings(connection) if one.site == domain and one.account in accounts]
        calls = [as_json(call, zone) for call in select(connection, Query(domain, key))]
        messages = [_message(connection, one, zone) for one in letters_about(connection, domain, key)]
        outside = [
            {
                **one.use._asdict(),
                "begun_at": moment(one.begun_at, zone),
                "ended_at": moment(one.ended_at, zone) or None,
            }
            for one in calls_since(connection, 0.0, domain, key)
        ]
        settings_of = [change_json(one, zone) for one in changes_of(connection, domain, key)]
        voicemails = [_voicemail(settings, one, zone) for one in all_voicemails(connection) if one.box == (domain, key)]
        presence = _presence(connection, domain, key, accounts, zone)
    registrations = []
    for binding in bindings:
        found = binding._asdict()
        for name in ("expires_at", "registered_at"):
            found[name] = moment(found[name], zone)
        registrations.append(found)
    document = {
        "person": key,
        "site": domain,
        "exported_at": moment(time.time(), zone),
        "phones": accounts,
        "registrations": registrations,
        "calls": calls,
        "messages": messages,
        "settings": settings_of,
        "calls outside": outside,
        "voicemails": voicemails,
        "presence": presence,
    }
    click.echo(json.dumps(document, indent=1, ensure_ascii=False))


@person.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Don't ask.")
@site_option
@config_option
def forget(who: str, yes: bool, site: str | None, config: Path | None) -> int | None:
    """Delete what is kept of WHO: registrations, calls, messages that wait, voicemail, what WHO has set, how WHO was.

    Subscriptions to WHO end.

    These calls are then missing for everybody else too, and the messages are never delivered. Calls that run at this
    moment are recorded when they end, and phones that are still in the dialplan register again by themselves.
    """
    settings, plans, domain, key = _meant(config, who, site)
    if not yes:
        click.confirm(f"Delete all that is kept about {key} at {domain}?", abort=True, err=True)
    try:
        gone = ask(settings.control, "forget person", {"site": domain, "person": key}, FORGET_SECONDS)
        counts = {str(what): int(count) for what, count in gone.items()}
    except NobodyThere:
        counts = _forget_here(settings, plans, domain, key)
    except ControlError as error:
        raise Refused(str(error)) from None
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    click.echo(f"{key} at {domain}: deleted {told}")
    return None if any(counts.values()) else PROBLEMS


def _meant(config: Path | None, who: str, site: str | None) -> tuple[Settings, Plans, str, str]:
    settings, _ = read_settings(config)
    plans, _ = load_plans([shown_path(path) for path in settings.dialplans])
    return settings, plans, *person_meant(plans, who, site)


def _message(connection: Connection, letter: Letter, zone: tzinfo) -> dict[str, Any]:
    found = letter._asdict()
    for name in ("received_at", "expires_at", "delivered_at"):
        found[name] = moment(found[name], zone) or None
    return {**found, "text": text_of(content_of(connection, letter) or b"")}


def _voicemail(settings: Settings, message: Message, zone: tzinfo) -> dict[str, Any]:
    """A message, and where its sound is."""
    found = message._asdict()
    for name in ("received_at", "heard_at", "mailed_at"):
        found[name] = moment(found[name], zone) or None
    return {**found, "file": str(Files(settings.voicemail.folder).path(message))}


async def _forget_voicemails(settings: Settings, store: VoicemailStore, site: str, key: str) -> int:
    messages = tuple(one for one in await store.load() if one.box == (site, key))
    written = store.write(Change((), messages))
    if written is not None:
        await written
    Files(settings.voicemail.folder).remove(messages)
    return len(messages)


def _presence(connection: Connection, site: str, key: str, accounts: list[str], zone: tzinfo) -> dict[str, Any]:
    """How she was, what her phones published, whom they watch, and who watches her."""
    watching = [one for one in all_subscriptions(connection) if key == one.key or one.account in accounts]
    return {
        "states": [{**one._asdict(), "at": moment(one.at, zone)} for one in states_of(connection, site, key, 0.0)],
        "published": [
            {**one._asdict(), **{name: moment(getattr(one, name), zone) for name in ("published_at", "expires_at")}}
            for one in all_publications(connection)
            if (one.site, one.person) == (site, key)
        ],
        "watches": [_watched(one, zone) for one in watching if one.watcher_site == site and one.account in accounts],
        "watched_by": [_watched(one, zone) for one in watching if (one.site, one.key) == (site, key)],
    }


def _watched(one: StoredSubscription, zone: tzinfo) -> dict[str, Any]:
    return {"watcher": one.watcher, "phone": one.account, "of": one.key, "event": one.package,
            "until": moment(one.expires_at, zone)}  # fmt: skip


def _forget_here(settings: Settings, plans: Plans, site: str, key: str) -> dict[str, int]:
    """No switch is running: the file is ours."""
    if not path_of(settings).exists():
        raise Refused(f"{settings.sqlite_file}: not there; nothing is kept before the switch has run")

    async def forget() -> dict[str, int]:
        stores = open_store(settings.store)
        try:
            accounts = accounts_of(plans[site], key)
            bindings = [one for one in await stores.bindings.load() if one.site == site and one.account in accounts]
            for account in {one.account for one in bindings}:
                saved = stores.bindings.save(BindingChange(site, account, ()))
                if saved is not None:
                    await saved
            return {
                "registrations": len(bindings),
                "call records": await stores.records.forget(site, key),
                "messages": await stores.messages.forget(site, key),
                "settings": await stores.overrides.forget(site, key),
                "calls outside": await stores.usage.forget(site, key),
                "voicemails": await _forget_voicemails(settings, stores.voicemail, site, key),
                "presence": await stores.presence.forget(site, key, accounts) + await stores.history.forget(site, key),
            }
        finally:
            await stores.close()

    try:
        return asyncio.run(forget())
    except StoreError as error:
        raise Refused(str(error)) from None
