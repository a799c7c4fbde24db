"""Overrides: what people have set for their calls, and who changed it when.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "overrides",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, primary_key=True, nullable=False),
        sa.Column("kind", sa.Text, primary_key=True, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "override_changes",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", sa.Float, primary_key=True, nullable=False),
        sa.Column("sets", sa.Integer, primary_key=True, nullable=False),
        sa.Column("kind", sa.Text, primary_key=True, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", sa.Float, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("override_changes")
    op.drop_table("overrides")
