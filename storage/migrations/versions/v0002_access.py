"""Actors, consent, emergency access and erasures, all under one signed head.

What is sealed is sealed anew: its context has another form, each patient gets a
new data key, and identifiers are known by number. The audit entries stay as
they are, byte for byte.
"""

import sqlalchemy as sa
from alembic import context, op

from storage.migrations import second
from storage.migrations.first import ASIDE

revision = "0002"
down_revision = "0001"

_ID = sa.String(32)
_TIME = sa.String(32)
_NAME = sa.String(200)
_COUNT = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Set the old tables aside, make the new ones, carry everything over, drop the old ones."""
    _set_aside()
    _make_tables()
    second.carry_over(op.get_bind(), context.config.attributes, _replace_small_tables)
    for table in ("patient_identifier", "resource", "suggestion", "patient", "audit_entry"):
        op.drop_table(ASIDE + table)


def _set_aside() -> None:
    op.drop_index("ix_patient_kek_version", "patient")
    op.drop_index("ix_audit_entry_subject", "audit_entry")
    for table in ("patient", "patient_identifier", "resource", "suggestion", "audit_entry"):
        op.rename_table(table, ASIDE + table)
        if op.get_context().dialect.name == "postgresql":
            # There the indexes behind keys have names that are the schema's, not the table's.
            op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{ASIDE}{table}")


def _make_tables() -> None:
    op.create_table(
        "patient",
        sa.Column("ordinal", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("erased_at", _TIME),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("kek_version", sa.Integer, nullable=False),
        sa.Column("data_key_version", sa.Integer, nullable=False),
        sa.Column("n_seals", _COUNT, nullable=False),
        sa.Column("consent", sa.LargeBinary),
        sa.Column("identifiers_digest", sa.LargeBinary, nullable=False),
        sa.Column("resources_digest", sa.LargeBinary, nullable=False),
        sa.Column("suggestions_digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("ordinal", name="pk_patient"),
        sa.UniqueConstraint("id", name="uq_patient_id"),
    )
    op.create_index("ix_patient_kek_version", "patient", ["kek_version"])
    op.create_table(
        "patient_identifier",
        sa.Column("blind_index", sa.LargeBinary, nullable=False),
        sa.Column("patient", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.PrimaryKeyConstraint("blind_index", name="pk_patient_identifier"),
        sa.ForeignKeyConstraint(
            ["patient"], ["patient.ordinal"], name="fk_patient_identifier_patient"
        ),
    )
    op.create_index("ix_patient_identifier_patient", "patient_identifier", ["patient"])
    op.create_table(
        "resource",
        sa.Column("patient", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("patient", "position", name="pk_resource"),
        sa.ForeignKeyConstraint(["patient"], ["patient.ordinal"], name="fk_resource_patient"),
    )
    op.create_table(
        "suggestion",
        sa.Column("id", _ID, nullable=False),
        sa.Column("patient", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suggestion"),
        sa.ForeignKeyConstraint(["patient"], ["patient.ordinal"], name="fk_suggestion_patient"),
    )
    op.create_index(
        "ix_suggestion_patient_position", "suggestion", ["patient", "position"], unique=True
    )
    op.create_table(
        "actor",
        sa.Column("ordinal", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("roles", _NAME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("ordinal", name="pk_actor"),
        sa.UniqueConstraint("name", name="uq_actor_name"),
    )
    op.create_table(
        "break_glass",
        sa.Column("ordinal", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("patient", sa.Integer, nullable=False),
        sa.Column("actor", _NAME, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("reviewed_by", _NAME, nullable=False),
        sa.Column("reviewed_at", _TIME, nullable=False),
        sa.Column("reason", sa.LargeBinary),
        sa.PrimaryKeyConstraint("ordinal", name="pk_break_glass"),
        sa.ForeignKeyConstraint(["patient"], ["patient.ordinal"], name="fk_break_glass_patient"),
    )
    op.create_index("ix_break_glass_patient", "break_glass", ["patient"])
    op.create_table(
        "audit_entry",
        sa.Column("position", _COUNT, autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject"])
    op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", _COUNT, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="pk_audit_node"),
    )
    op.create_table(
        "state_tile",
        sa.Column("tree", sa.String(16), nullable=False),
        sa.Column("place", _COUNT, autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("tree", "place", name="pk_state_tile"),
    )


def _replace_small_tables() -> None:
    """The tables of one row, and the old trees, once everything in them has been read."""
    op.drop_column("meta", "schema_version")
    op.drop_column("meta", "created")
    op.drop_table("tree_node")
    op.drop_table("audit_head")
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("checkpoint", sa.String, nullable=False),
        sa.Column("frontiers", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
