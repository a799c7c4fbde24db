"""Schema migrations by alembic: brought up to date when a store is opened."""
