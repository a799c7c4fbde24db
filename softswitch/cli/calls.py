"""`softswitch calls`: what became of calls, why, and all of it for other programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import click

from softswitch.cli.common import DONE, Refused, config_option, printable, read_settings
from softswitch.cli.demo import columns
from softswitch.cli.kept import person_meant, plans_if_sound, since_moment, store_of, zone_of
from softswitch.cli.status import span
from softswitch.dialplan.plan import Plans
from softswitch.records.diary import LONGEST_TEXT
from softswitch.records.export import CSV_COLUMNS, as_json, csv_row
from softswitch.records.record import CallRecord, Query
from softswitch.records.words import told
from softswitch.store.sqlite_records import select

_FILTERS = (
    click.option("--since", help='Calls from then on: "2h" ago, today, 2026-11-23, "2026-11-23 09:00".'),
    click.option("--person", help="Calls that this person made, got or was rung for."),
    click.option("--site", help="Calls to this site; with --person, the person's site."),
    config_option,
)


def _filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_filtered
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many, the newest.")
@click.option("--why", "call_id", help="Tell the whole story of the call with this Call-ID.")
@click.pass_context
def calls(
    context: click.Context,
    since: str | None,
    person: str | None,
    site: str | None,
    config: Path | None,
    limit: int,
    call_id: str | None,
) -> int:
    """List the calls of the past, the newest last; times are the site's."""
    if context.invoked_subcommand is not None:
        if since or person or site or call_id:
            raise click.UsageError("options go behind export")
        return DONE
    if call_id is not None:
        return _why(config, call_id)
    with _found(config, since, person, site, limit) as (found, plans):
        rows = [_row(call, zone_of(plans, call.site)) for call in found]
    if not rows:
        click.echo("no calls")
        return DONE
    heads = ("when", "from", "to", "outcome", "by", "rang", "talked", "Call-ID")
    for line in columns([heads, *reversed(rows)]):
        click.echo(line[2:])
    return DONE


@calls.command()
@_filtered
@click.option("--format", "form", type=click.Choice(["csv", "json"]), required=True)
def export(since: str | None, person: str | None, site: str | None, config: Path | None, form: str) -> None:
    """Write every call, the newest first, to standard output; moments are ISO 8601 in the site's time."""
    with _found(config, since, person, site, 0) as (found, plans):
        if form == "json":
            start = "[\n"
            for call in found:
                click.echo(start + json.dumps(as_json(call, zone_of(plans, call.site)), ensure_ascii=False), nl=False)
                start = ",\n"
            click.echo("[]" if start == "[\n" else "\n]")
        else:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(CSV_COLUMNS)
            writer.writerows(csv_row(call, zone_of(plans, call.site)) for call in found)


def _why(config: Path | None, call_id: str) -> int:
    settings, _ = read_settings(config)
    plans = plans_if_sound(settings)
    with store_of(settings) as connection:
        found = list(select(connection, Query(call_id=call_id[:LONGEST_TEXT])))
    if not found:
        raise Refused(f'no call "{printable(call_id)}" is recorded; `softswitch calls` lists those that are')
    for call in reversed(found):
        for line in told(call, zone_of(plans, call.site)):
            click.echo(printable(line))
    return DONE


@contextmanager
def _found(
    config: Path | None, since: str | None, person: str | None, site: str | None, limit: int
) -> Iterator[tuple[Iterator[CallRecord], Plans]]:
    """The calls that are asked for, newest first, read while they are used."""
    settings, _ = read_settings(config)
    plans = plans_if_sound(settings)
    if site is not None and plans and site not in plans and not person:
        raise Refused(f'no site "{site}" is configured; there are {", ".join(plans)}')
    meant, key = person_meant(plans, person, site) if person else (site or "", "")
    begun = since_moment(since, zone_of(plans, meant)) if since else 0.0
    with store_of(settings) as connection:
        yield select(connection, Query(meant, key, "", begun, limit)), plans


def _row(call: CallRecord, zone: tzinfo) -> tuple[str, ...]:
    rang = (call.answered_at or call.ended_at) - call.started_at
    talked = span(call.ended_at - call.answered_at) if call.answered_at and call.ended_at else ""
    cells = (
        f"{datetime.fromtimestamp(call.started_at, zone):%Y-%m-%d %H:%M:%S}",
        call.caller or "(hidden)",
        call.called,
        call.outcome,
        call.answered_by,
        span(rang) if rang > 0 else "",
        talked,
        call.call_id,
    )
    return tuple(printable(cell) for cell in cells)
