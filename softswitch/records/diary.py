"""What is noted of one call while it runs; little enough for the message path, put into words when it is stored."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.media.quality import StreamQuality
from softswitch.records.record import CallRecord, LegRecord, StepRecord

LONGEST_TEXT = 255
"""What others send us is cut to this many characters; nothing longer is read by people."""

Whose = Callable[[str, str], str]
"""(site, user part) to the person's key in the dialplan, or ""."""


class DiaryLeg:
    """One attempt at one phone; see `LegRecord`."""

    __slots__ = ("account", "contact", "ended_at", "rang_at", "started_at", "status")

    def __init__(self, account: str, contact: bytes, wall: float) -> None:
        self.account = account
        self.contact = contact
        self.started_at = wall
        self.rang_at = 0.0
        self.ended_at = 0.0
        self.status = 0


class Diary:
    """One call; see `CallRecord`. Moments are wall clock."""

    __slots__ = (
        "account",
        "account_site",
        "answered_at",
        "answered_by",
        "call_id",
        "called",
        "caller",
        "dialog",
        "ended_at",
        "hung_up_by",
        "legs",
        "outcome",
        "outcomes",
        "quality",
        "remarks",
        "site",
        "started_at",
        "status",
        "steps",
        "waiting",
    )

    def __init__(
        self, site: str, call_id: bytes, caller: str, called: str, account: str, account_site: str, wall: float
    ) -> None:
        """`account_site`: the firm that the calling phone belongs to, which may be another one than `site`."""
        self.site = site
        self.call_id = call_id
        self.caller = caller
        self.called = called
        self.account = account
        self.account_site = account_site
        self.started_at = wall
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.outcome = ""
        """Why it was never answered."""
        self.status = 0
        self.answered_by = ""
        self.hung_up_by = ""
        self.legs: list[DiaryLeg] = []
        self.steps: list[tuple[float, str, str, float, tuple[str, ...]]] = []
        self.outcomes: list[str] = []
        """What came of each step, as far as that is known."""
        self.remarks: dict[str, str] = {}
        """What was noticed, by what it is about: a later remark on that replaces the earlier one."""
        self.quality: list[StreamQuality] = []
        """Of what is over; the party is named as the operator knows it."""
        self.dialog = (b"", b"", b"")
        """Since it was answered: Call-ID and tags of the phones that talk."""
        self.waiting = False
        """To be stored; the recorder's."""

    def leg(self, account: str, contact: bytes, wall: float) -> DiaryLeg:
        """A phone is tried."""
        leg = DiaryLeg(account, contact, wall)
        self.legs.append(leg)
        return leg

    def step(self, wall: float, does: str, who: str, seconds: float, reasons: tuple[str, ...]) -> None:
        """The dialplan decided; see `StepRecord`."""
        self.steps.append((wall, does, who, seconds, reasons))

    def over(self, outcome: str, status: int) -> None:
        """Nobody takes the call any more."""
        self.outcome = outcome
        self.status = status

    def record(self, whose: Whose) -> CallRecord:
        """The call as it stands."""
        ended_at, answered_at = self.ended_at, self.answered_at
        outcome = self.outcome
        if not ended_at:
            outcome = "talking" if answered_at else "ringing"
        elif not outcome:
            outcome = "answered" if answered_at else "failed"
        outcomes = self.outcomes
        people = {f"{name}@{self.site}": None for leg in self.legs if (name := whose(self.site, leg.account))}
        for site, user in ((self.account_site, self.account), (self.site, self.called)):
            if user and (name := whose(site, user)):
                people[f"{name}@{site}"] = None
        return CallRecord(
            self.site,
            text(self.call_id),
            self.started_at,
            self.caller[:LONGEST_TEXT],
            self.account,
            self.called[:LONGEST_TEXT],
            answered_at,
            ended_at,
            outcome,
            200 if answered_at else self.status,
            self.answered_by[:LONGEST_TEXT],
            self.hung_up_by,
            tuple(
                [
                    LegRecord(
                        leg.account,
                        text(leg.contact),
                        leg.started_at,
                        leg.rang_at,
                        leg.ended_at or ended_at,
                        leg.status,
                    )
                    for leg in self.legs
                ]
            ),
            tuple(
                [
                    StepRecord(*step, outcomes[number] if number < len(outcomes) else "")
                    for number, step in enumerate(self.steps)
                ]
            ),
            tuple(people),
            tuple(self.remarks.values()),
            tuple(self.quality),
            _dialog(*self.dialog),
        )


def _dialog(call_id: bytes, caller_tag: bytes, tag: bytes) -> tuple[str, str, str]:
    """What can't be kept as it is would name another dialog."""
    try:
        found = call_id.decode(), caller_tag.decode(), tag.decode()
    except UnicodeDecodeError:
        return "", "", ""
    return found if max(map(len, found)) <= LONGEST_TEXT else ("", "", "")


def text(value: bytes) -> str:
    """Bytes of a message as records have them."""
    return value.decode("utf-8", "replace")[:LONGEST_TEXT]
