"""The first schema, as it was: one signed head over a log and a tree of patients."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.String(32)
_TIME = sa.String(32)
_COUNT = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("store_id", _ID, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meta"),
    )
    op.create_table(
        "patient",
        sa.Column("id", _ID, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("erased_at", _TIME),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("kek_version", sa.Integer, nullable=False),
        sa.Column("data_key_version", sa.Integer, nullable=False),
        sa.Column("n_seals", _COUNT, nullable=False),
        sa.Column("identifiers_digest", sa.LargeBinary, nullable=False),
        sa.Column("resources_digest", sa.LargeBinary, nullable=False),
        sa.Column("suggestions_digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
        sa.UniqueConstraint("ordinal", name="uq_patient_ordinal"),
    )
    op.create_index("ix_patient_kek_version", "patient", ["kek_version"])
    op.create_table(
        "patient_identifier",
        sa.Column("blind_index", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("blind_index", name="pk_patient_identifier"),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name="fk_patient_identifier_patient_id"
        ),
    )
    op.create_index("ix_patient_identifier_patient_id", "patient_identifier", ["patient_id"])
    op.create_table(
        "resource",
        sa.Column("id", _ID, nullable=False),
        sa.Column("patient_id", _ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("resource_type", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resource"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_resource_patient_id"),
    )
    op.create_index(
        "ix_resource_patient_id_position", "resource", ["patient_id", "position"], unique=True
    )
    op.create_table(
        "suggestion",
        sa.Column("id", _ID, nullable=False),
        sa.Column("patient_id", _ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suggestion"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_suggestion_patient_id"),
    )
    op.create_index(
        "ix_suggestion_patient_id_position", "suggestion", ["patient_id", "position"], unique=True
    )
    op.create_table(
        "audit_entry",
        sa.Column("position", _COUNT, autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject"])
    op.create_table(
        "tree_node",
        sa.Column("tree", sa.String(8), nullable=False),
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", _COUNT, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("tree", "level", "position", name="pk_tree_node"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("checkpoint", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
