"""The sample dialplans: sound, without a warning, their assertions worth something, and the whole language in one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from softswitch.dialplan.load import load_plans, load_texts
from softswitch.dialplan.outcome import Outcome
from softswitch.errors import ConfigError

FOLDER = Path(__file__).parents[2] / "dialplans"
SAMPLES = sorted(FOLDER.glob("*.yaml"))
WALL = 1795420800.0  # 2026-11-23
WHOLE = (FOLDER / "sample-office.yaml").read_text(encoding="utf-8")


def test_there_are_three() -> None:
    assert [sample.stem for sample in SAMPLES] == ["craftsman", "sample-office", "two-countries"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_is_sound(sample: Path) -> None:
    plans, warnings = load_plans([sample], wall=WALL)
    assert len(plans) == 1
    assert [warning for warning in warnings if "in the past" not in warning.text] == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_the_assertions_of_a_sample_hold_on_to_its_rules(sample: Path) -> None:
    """Without any one person's rules some assertion fails."""
    text = sample.read_text(encoding="utf-8")
    found = yaml.load(text, yaml.BaseLoader)
    for name, person in found["people"].items():
        if "calls" in person:
            without = {**found, "people": {**found["people"], name: {**person, "calls": [{"ring": "reject"}]}}}
            with pytest.raises(ConfigError, match="this does not hold"):
                load_texts([(str(sample), yaml.safe_dump(without, sort_keys=False))])


@pytest.mark.parametrize(
    "word",
    [
        *("site:", "schedules:", "lists:", "people:", "teams:", "numbers:", "phones:", "codes:", "assertions:"),
        *("when:", "from:", "to:"),
        *(outcome.value for outcome in Outcome if outcome is not Outcome.DECLINED),
        *("steps:", "for:", "then:", "declined:", "anonymous", "reject unavailable", "reject busy", "ring: reject\n"),
        *(
            "except holidays",
            "even weeks",
            "daily 22:00-06:00",
            "timezone: Europe/Lisbon",
            "calendar:",
            " .. ",
            "also:",
        ),
        *("ring: all", "ring: in turn", "members:", "gateway: yes", "dario at home", "region:", "rings: nobody"),
    ],
)
def test_the_sample_office_has_every_word_of_the_language(word: str) -> None:
    assert word in WHOLE
