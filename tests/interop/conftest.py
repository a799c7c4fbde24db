"""Fixtures of the calls with outside programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .netlab import Lab, lab, may_make_namespaces


@pytest.fixture
def netlab() -> Iterator[Lab]:
    """An internet to which a test adds homes and an office."""
    if not may_make_namespaces():
        pytest.skip("network namespaces want root")
    with lab() as made:
        yield made
