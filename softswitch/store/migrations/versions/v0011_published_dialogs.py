"""Publications: dialogs too.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("package", sa.Text, nullable=False, server_default="presence"))
    op.add_column("publications", sa.Column("lamps", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("publications", "lamps")
    op.drop_column("publications", "package")
