"""The first form of the tables; trustkit/stores/tables.py says what each is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

    def key(name: str) -> sa.Column[int]:
        return sa.Column(name, number, primary_key=True, autoincrement=False)

    def text(name: str) -> sa.Column[str]:
        return sa.Column(name, sa.Text, nullable=False)

    def octets(name: str) -> sa.Column[bytes]:
        return sa.Column(name, sa.LargeBinary, nullable=False)

    op.create_table(
        "records",
        key("row"),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("place", number, nullable=True, unique=True),
        text("created"),
        text("media_type"),
        text("kind"),
        sa.Column("size", number, nullable=False),
        text("sha256"),
        text("source_sha256"),
        text("order"),
        text("manifest"),
        text("manifest_id"),
        text("thumbnail"),
        text("measures"),
        text("disclosure"),
    )
    op.create_index("records_sha256", "records", ["sha256"])
    op.create_index("records_source", "records", ["source_sha256", "order"])
    op.create_index("records_manifest_id", "records", ["manifest_id"])
    op.create_table("personal", key("row"), octets("salt"), text("content"))
    op.create_table(
        "bindings",
        key("row"),
        key("number"),
        text("algorithm"),
        text("value"),
        text("tail"),
        sqlite_with_rowid=False,
    )
    op.create_index("bindings_value", "bindings", ["value"])
    op.create_index("bindings_tail", "bindings", ["tail"])
    op.create_table(
        "codes",
        key("place"),
        key("run"),
        text("algorithm"),
        octets("bits"),
        text("spots"),
        sqlite_with_rowid=False,
    )
    op.create_table("reserved", key("row"), text("output"))
    op.create_table("log", key("place"), text("what"), text("id"), octets("leaf"))
    op.create_index("log_id", "log", ["id"])
    op.create_table("checkpoints", key("size"), text("note"), text("frontier"))
    op.create_table(
        "reasons",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("time", sa.Text, primary_key=True),
        text("reason"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", number, nullable=False),
    )
    op.create_table("settings", sa.Column("key", sa.Text, primary_key=True), text("value"))
