"""The tables of the SQL engines. Every key begins with its site: two firms on one switch may both own 101.

A change here needs a migration beside it (`migrations/versions`); a test holds that both agree.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

bindings = Table(
    "bindings",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("account", Text, primary_key=True, nullable=False),
    # Its place among the bindings of the account, from 0.
    Column("position", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("contact", Text, nullable=False),
    Column("params", Text, nullable=False),
    # Thousandths.
    Column("q", Integer, nullable=False),
    # Seconds since 1970 UTC, as all moments here.
    Column("expires_at", Float, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("flow", Text, nullable=False),
    # A JSON list of header values; "" for none.
    Column("path", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("registered_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
