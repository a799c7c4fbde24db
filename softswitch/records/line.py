"""A call in one line of the log: written when it is over, from its diary."""

from __future__ import annotations

from softswitch.records.diary import Diary

LONGEST_STEPS = 8
"""Of more only the first and the last are named."""


def in_one_line(diary: Diary) -> dict[str, object]:
    """What the line says, by name; what there is nothing to say about is left out. Times are seconds."""
    found: dict[str, object] = {"caller": diary.caller or "(hidden)", "called": diary.called}
    if diary.account:
        found["account"] = diary.account
    if diary.steps:
        found["steps"] = steps(diary)
    if diary.answered_at:
        found["by"] = diary.answered_by
        found["waited"] = round(diary.answered_at - diary.started_at, 1)
        found["talked"] = round(diary.ended_at - diary.answered_at, 1)
        if diary.hung_up_by:
            found["hung_up_by"] = diary.hung_up_by
    else:
        found["outcome"] = diary.outcome or "failed"
        found["status"] = diary.status
        found["waited"] = round(diary.ended_at - diary.started_at, 1)
        if diary.steps and diary.steps[-1][4]:
            found["reasons"] = "; ".join(diary.steps[-1][4])
    if diary.remarks:
        found["remarks"] = "; ".join(diary.remarks.values())
    return found


def steps(diary: Diary) -> str:
    """Who was rung and what came of it: "anna at office: no answer, anna at mobile"."""
    words = []
    for number, (_, _, who, _, _) in enumerate(diary.steps):
        outcome = diary.outcomes[number] if number < len(diary.outcomes) else ""
        words.append(f"{who}: {outcome}" if outcome else who)
    if len(words) > LONGEST_STEPS:
        words[LONGEST_STEPS - 1 : -1] = [f"{len(words) - LONGEST_STEPS} more"]
    return ", ".join(words)
