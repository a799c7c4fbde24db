"""A telephone switch for firms whose people work at the office, on the road and at home."""

__version__ = "0.1.0"
