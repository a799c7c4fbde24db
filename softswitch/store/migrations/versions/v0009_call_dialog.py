"""Calls: the dialog of the phones in it.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("dialog", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("calls", "dialog")
