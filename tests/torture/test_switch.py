"""Every row of the tables through a whole switch: forwarded intact, answered with the right status, or dropped."""

from __future__ import annotations

import pytest

from softswitch.dialplan.plan import Plans

from .row import Answered, Refused, Row, check_row
from .test_exact import FOLDER
from .test_tables import RFC4475, ROWS
from .whole import Whole, load


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    return load(tmp_path_factory.mktemp("plan"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, plans: Plans) -> None:
    check_row(row, Whole(plans))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/torture, the RFC's own bytes, is not beside this checkout")
@pytest.mark.parametrize("row", RFC4475, ids=lambda row: row.name)
def test_exact_bytes(row: Row, plans: Plans) -> None:
    """Addressed to another domain, so what ours would forward is refused as not served; the rest is alike."""
    sent = Whole(plans).send((FOLDER / f"{row.name}.dat").read_bytes())
    statuses = [int(data[8:11]) for data in sent if not data.startswith(b"SIP/2.0 1")]
    if row.data.startswith(b"SIP/2.0"):
        assert sent == []
    elif isinstance(row.parsed, Refused) or row.name in ("bext01", "zeromf"):
        assert isinstance(row.switch, Answered)
        assert statuses == list(row.switch.statuses)
    else:
        # 481: the RFC's tortuous INVITE has a tag in To, and belongs to no dialog here.
        assert statuses == [481 if row.name == "wsinv" else 404 if b"REGISTER " in row.data[:9] else 403]
