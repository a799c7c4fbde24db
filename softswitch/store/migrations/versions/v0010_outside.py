"""Calls outside, a stop of those abroad, and emergency calls.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outside_calls",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("begun_at", sa.Float, primary_key=True, nullable=False),
        sa.Column("call_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("trunk", sa.Text, primary_key=True, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("abroad", sa.Integer, nullable=False),
        sa.Column("answered_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "abroad_stops",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "emergency_calls",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", sa.Float, primary_key=True, nullable=False),
        sa.Column("call_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("mailed_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("emergency_calls")
    op.drop_table("abroad_stops")
    op.drop_table("outside_calls")
