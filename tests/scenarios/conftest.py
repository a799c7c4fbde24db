"""The office of the sample dialplan, at nine on a Monday, a phone for everyone."""

from __future__ import annotations

import pytest
from lab import Lab, Phone


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def anna(lab: Lab) -> Phone:
    return lab.phone("anna-desk")


@pytest.fixture
def carla(lab: Lab) -> Phone:
    return lab.phone("carla-home")


@pytest.fixture
def dario(lab: Lab) -> Phone:
    return lab.phone("dario-home")
