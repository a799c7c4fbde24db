"""A moment in words that the switch can say: "Monday, at 14 5", each language in its own order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def day_said(moment: datetime, now: datetime) -> Sequence[str]:
    """The day of a moment in the past, as names of sounds: today, yesterday, Monday, or 26 November.

    Both are in the same time zone.
    """
    days = (now.date() - moment.date()).days
    if days <= 0:
        return ("today",)
    if days == 1:
        return ("yesterday",)
    if days < 7:
        return (WEEKDAYS[moment.weekday()],)
    return str(moment.day), MONTHS[moment.month - 1]


def time_said(moment: datetime, language: str) -> Sequence[str]:
    """Its time of day: "14 Uhr 5", "at 14 0 5", "a las 14 y 5"; on the hour "14 Uhr", "at 14 hours"."""
    hour, minute = str(moment.hour), str(moment.minute)
    if not moment.minute:
        return (hour, "hours") if language == "de" else ("at time", hour, "hours")
    if language == "de":
        return hour, "hours", minute
    if language == "es":
        return "at time", hour, "and minutes", minute
    return ("at time", hour, "0", minute) if moment.minute < 10 else ("at time", hour, minute)
