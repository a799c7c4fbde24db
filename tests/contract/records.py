"""Sample call records for the tests of the stores."""

from __future__ import annotations

from softswitch.media.quality import StreamQuality
from softswitch.records.record import CallRecord, LegRecord, StepRecord

SITE = "acme.example"
START = 1_800_000_000.25


def record(
    number: int = 1, *, site: str = SITE, people: tuple[str, ...] = ("anna@acme.example",), ended: bool = True
) -> CallRecord:
    """A call of 102 to 101, `number` seconds after the first one; answered at once, over after a minute if `ended`."""
    at = START + number
    return CallRecord(
        site=site,
        call_id=f"{number:04x}@192.0.2.7",
        started_at=at,
        caller="102",
        caller_account="carla-home",
        called="101",
        answered_at=at + 3,
        ended_at=at + 60 if ended else 0.0,
        outcome="answered" if ended else "talking",
        status=200,
        answered_by="anna-desk",
        hung_up_by="caller" if ended else "",
        legs=(LegRecord("anna-desk", "sip:anna@192.0.2.8", at, at + 0.5, at + 60, 200),),
        steps=(StepRecord(at, "ring", "anna at office", 15.0, ("it is office hours", 'she\'s "in"'), ""),),
        people=people,
        quality=(
            StreamQuality("102 (carla-home)", "audio", "PCMU", 2990, 10, 1.25, 0.01, 23.5, 4.2, (0, 40, 6, *[0] * 8)),
            StreamQuality("101 (anna-desk)", "video", "H264", 10, 0, 0.0, -1.0, -1.0, 0.0, ()),
        ),
        remarks=('no packets from 101: probably "NAT" or firewall',),
        dialog=(f"{number:04x}@192.0.2.7", "caller tag", "tag"),
    )
