"""`softswitch schema`: JSON that an editor can read."""

from __future__ import annotations

import json

from softswitch.dialplan.schema import schema

from .conftest import Command


def test_it_is_json(softswitch: Command) -> None:
    result = softswitch("schema")
    assert result.code == 0
    assert json.loads(result.out) == schema()
