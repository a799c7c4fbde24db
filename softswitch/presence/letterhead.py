"""What all NOTIFYs of one subscription have in common, as bytes: made once, until the watcher is somewhere else."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.dialog.dialog import Dialog
from softswitch.flow import Flow

_MARK = b"\0"
"""Stands for the branch; no header can hold it."""
_NUMBER = b"\r\nCSeq: 0 NOTIFY\r\n"
_END = b"Content-Length: 0\r\n\r\n"


class Letterhead(NamedTuple):
    """The request, but for branch, CSeq and what comes after the last line here."""

    flow: Flow
    target: bytes
    before: bytes
    between: bytes
    after: bytes

    @classmethod
    def of(cls, dialog: Dialog, event: bytes) -> Letterhead:
        """`event` is the Event value."""
        text = dialog.request(b"NOTIFY", _MARK, (b"Event: " + event,), cseq=0)
        before, rest = text.split(_MARK, 1)
        between, after = rest.split(_NUMBER, 1)
        return cls(dialog.flow, dialog.target, before, between, after.removesuffix(_END))

    def fits(self, dialog: Dialog) -> bool:
        """Whether the watcher is where he was."""
        return self.flow is dialog.flow and self.target is dialog.target

    def request(self, branch: bytes, number: int, lines: bytes, body: bytes) -> bytes:
        """The whole NOTIFY; `lines` are whole header lines, without the line end of the last."""
        return b"%b%b%b\r\nCSeq: %d NOTIFY\r\n%b%b\r\nContent-Length: %d\r\n\r\n%b" % (
            self.before, branch, self.between, number, self.after, lines, len(body), body,
        )  # fmt: skip
