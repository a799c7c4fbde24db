"""Fixtures that many rooms' tests use."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def bound_by_permissions(tmp_path: Path) -> Iterator[Path]:
    """A folder of one's own, in which file permissions mean something: during the test root acts as nobody."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="softswitch-test-"))  # only root may enter tmp_path
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
