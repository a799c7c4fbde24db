"""Promises that hold for any bytes, tested with bytes by the thousand."""
