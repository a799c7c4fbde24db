"""Presence: subscriptions, publications, and how everybody was when.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("call_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("local_tag", sa.Text, primary_key=True, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("package", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("watcher_site", sa.Text, nullable=False),
        sa.Column("watcher", sa.Text, nullable=False),
        sa.Column("lists", sa.Integer, nullable=False),
        sa.Column("local", sa.Text, nullable=False),
        sa.Column("remote", sa.Text, nullable=False),
        sa.Column("remote_tag", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("routes", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("local_cseq", sa.Integer, nullable=False),
        sa.Column("remote_cseq", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("interval", sa.Float, nullable=False),
        sa.Column("longest", sa.Float, nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "publications",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, primary_key=True, nullable=False),
        sa.Column("etag", sa.Text, primary_key=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("open", sa.Integer, nullable=False),
        sa.Column("activity", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("published_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presence_history",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", sa.Float, primary_key=True, nullable=False),
        sa.Column("availability", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("lands", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("presence_history")
    op.drop_table("publications")
    op.drop_table("subscriptions")
