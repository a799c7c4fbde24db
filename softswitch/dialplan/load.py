"""Loading dialplans: files in, plans out, or every problem of all files in one go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from softswitch.dialplan.build import build_plan
from softswitch.dialplan.plan import Plan, Plans
from softswitch.dialplan.source import Source, read_source
from softswitch.dialplan.yamltext import MAX_BYTES
from softswitch.errors import ConfigError, Problem

__all__ = ["Plan", "Plans", "load_plans", "load_texts"]

_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*")


def load_plans(paths: Sequence[Path]) -> tuple[Plans, list[Problem]]:
    """The plans of all sites in these files, and the warnings.

    Files with the same `site.domain` are one site. Raises ConfigError with every problem, warnings too, when there is
    any error.
    """
    texts: list[tuple[str, bytes]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                # One byte more than is allowed tells a file that is too long, however long it is.
                texts.append((str(path), file.read(MAX_BYTES + 1)))
        except OSError as error:
            problems.append(Problem(str(path), 0, 0, f"can't be read: {error.strerror or error}"))
    return load_texts(texts, problems)


def load_texts(texts: Iterable[tuple[str, bytes]], problems: Iterable[Problem] = ()) -> tuple[Plans, list[Problem]]:
    """The same for files in memory, as (name, content); `problems` were found before and are reported with the rest."""
    found = list(problems)
    sources: list[Source] = []
    for file, data in texts:
        try:
            sources.append(read_source(data, file))
        except ConfigError as error:
            found += error.problems
    sites: dict[str, list[Source]] = {}
    for source in sources:
        sites.setdefault(_domain(source), []).append(source)
    plans = {domain: build_plan(files) for domain, files in sites.items()}
    if not sources and not found:
        found.append(Problem("", 0, 0, "there is no dialplan"))
    for source in sources:
        found += source.problems
    found.sort(key=lambda problem: (problem.file, problem.line, problem.column))
    if any(problem.severity == "error" for problem in found):
        raise ConfigError(found)
    return plans, found


def _domain(source: Source) -> str:
    site = source.model.site
    if site is None:
        if not source.was_dropped("site"):
            source.error("which firm is this? write site: with domain: and timezone:")
        return ""
    if not _DOMAIN.fullmatch(site.domain):
        source.error(f'"{site.domain}" can\'t be a domain; write it like acme.example', "site", "domain")
    return site.domain
