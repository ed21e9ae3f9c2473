"""Rules and their evaluation, incidents and their timeline, the outbox and the consumer's positions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from utils.outbox import create_consumer_tables, create_outbox_tables

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

REFUSE = """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'history is not edited: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
"""


def upgrade() -> None:
    """Create everything."""
    create_outbox_tables(op)
    create_consumer_tables(op)
    _create_idempotency_keys()
    _create_incidents()
    _create_rule_sets()
    _create_rules()
    _create_incident_timeline()
    _create_rule_readings()
    _create_rule_states()
    _keep_history()


def downgrade() -> None:
    """Refuse: incidents and their timeline are never deleted."""
    raise NotImplementedError("the first migration cannot be undone: history is not deleted")


def _keep_history() -> None:
    """Let nobody change the timeline or delete an incident, whatever code asks for it."""
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER incident_timeline_is_append_only "
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_timeline "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER incidents_are_not_deleted BEFORE DELETE OR TRUNCATE ON incidents "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "subject", "key", name=op.f("pk_idempotency_keys")),
    )


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("rule_version", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("equipment", sa.Text(), nullable=True),
        sa.Column("metric", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(condition IS NOT NULL) = (source = 'rule')", name=op.f("ck_incidents_condition_of_rule")
        ),
        sa.CheckConstraint(
            "(source = 'rule') = (rule_id IS NOT NULL AND subject IS NOT NULL)",
            name=op.f("ck_incidents_rule_complete"),
        ),
        sa.CheckConstraint("condition IN ('active', 'cleared')", name=op.f("ck_incidents_condition_known")),
        sa.CheckConstraint("source IN ('rule', 'report')", name=op.f("ck_incidents_source_known")),
        sa.CheckConstraint(
            "status IN ('reported', 'acknowledged', 'in_response', 'contained', 'resolved', 'closed', "
            "'false_alarm', 'merged', 'voided')",
            name=op.f("ck_incidents_status_known"),
        ),
        sa.CheckConstraint(
            "type IN ('entanglement', 'fall', 'collision', 'fire', 'electric_shock', 'intrusion', "
            "'equipment', 'environment', 'other')",
            name=op.f("ck_incidents_type_known"),
        ),
        sa.CheckConstraint("char_length(description) <= 4000", name=op.f("ck_incidents_description_length")),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 200", name=op.f("ck_incidents_title_length")),
        sa.CheckConstraint("occurrences >= 1", name=op.f("ck_incidents_occurrences_positive")),
        sa.CheckConstraint("severity BETWEEN 1 AND 5", name=op.f("ck_incidents_severity_range")),
        sa.PrimaryKeyConstraint("factory_id", "id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_id", "incidents", ["id"], unique=False)
    op.create_index("ix_incidents_listed", "incidents", ["factory_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_incidents_listed_by_rule",
        "incidents",
        ["factory_id", "rule_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("rule_id IS NOT NULL"),
    )
    op.create_index(
        "ix_incidents_listed_by_severity",
        "incidents",
        ["factory_id", "severity", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_listed_by_status",
        "incidents",
        ["factory_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_listed_by_type", "incidents", ["factory_id", "type", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_incidents_open",
        "incidents",
        ["severity"],
        unique=False,
        postgresql_where=sa.text("status IN ('reported', 'acknowledged', 'in_response', 'contained')"),
    )
    op.create_index(
        "uq_incidents_open_of_rule",
        "incidents",
        ["factory_id", "rule_id", "subject"],
        unique=True,
        postgresql_where=sa.text(
            "rule_id IS NOT NULL AND status IN ('reported', 'acknowledged', 'in_response', 'contained')"
        ),
    )


def _create_rule_sets() -> None:
    op.create_table(
        "rule_sets",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", name=op.f("pk_rule_sets")),
    )


def _create_rules() -> None:
    op.create_table(
        "rules",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("on_delay_seconds", sa.Double(), nullable=False),
        sa.Column("deadband", sa.Double(), nullable=False),
        sa.Column("lateness_seconds", sa.Double(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("incident_type", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('threshold')", name=op.f("ck_rules_kind_known")),
        sa.CheckConstraint("operator IN ('>', '<')", name=op.f("ck_rules_operator_known")),
        sa.CheckConstraint(
            "char_length(equipment) BETWEEN 1 AND 100", name=op.f("ck_rules_equipment_length")
        ),
        sa.CheckConstraint("char_length(metric) BETWEEN 1 AND 100", name=op.f("ck_rules_metric_length")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("ck_rules_name_length")),
        sa.CheckConstraint("deadband >= 0", name=op.f("ck_rules_deadband_range")),
        sa.CheckConstraint("lateness_seconds BETWEEN 0 AND 3600", name=op.f("ck_rules_lateness_range")),
        sa.CheckConstraint("on_delay_seconds BETWEEN 0 AND 86400", name=op.f("ck_rules_on_delay_range")),
        sa.CheckConstraint("severity BETWEEN 1 AND 5", name=op.f("ck_rules_severity_range")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_rules_version_positive")),
        sa.PrimaryKeyConstraint("factory_id", "id", name=op.f("pk_rules")),
    )
    op.create_index("ix_rules_id", "rules", ["id"], unique=False)


def _create_incident_timeline() -> None:
    op.create_table(
        "incident_timeline",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", JSONB(), nullable=True),
        sa.CheckConstraint("char_length(reason) <= 2000", name=op.f("ck_incident_timeline_reason_length")),
        sa.ForeignKeyConstraint(
            ["factory_id", "incident_id"],
            ["incidents.factory_id", "incidents.id"],
            name=op.f("fk_incident_timeline_factory_id_incident_id_incidents"),
        ),
        sa.PrimaryKeyConstraint("factory_id", "incident_id", "id", name=op.f("pk_incident_timeline")),
    )


def _create_rule_readings() -> None:
    op.create_table(
        "rule_readings",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "rule_id", "subject", "seq", name=op.f("pk_rule_readings")),
    )


def _create_rule_states() -> None:
    op.create_table(
        "rule_states",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("evaluated_readings", sa.BigInteger(), nullable=False),
        sa.Column("late_readings", sa.BigInteger(), nullable=False),
        sa.Column("bad_readings", sa.BigInteger(), nullable=False),
        sa.Column("newest_us", sa.BigInteger(), nullable=True),
        sa.Column("since_us", sa.BigInteger(), nullable=True),
        sa.Column("activated_us", sa.BigInteger(), nullable=True),
        sa.Column("floor_us", sa.BigInteger(), nullable=True),
        sa.Column("checkpoint_since_us", sa.BigInteger(), nullable=True),
        sa.Column("checkpoint_activated_us", sa.BigInteger(), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "evaluated_readings >= 0 AND late_readings >= 0 AND bad_readings >= 0",
            name=op.f("ck_rule_states_counts_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["factory_id", "rule_id"],
            ["rules.factory_id", "rules.id"],
            name=op.f("fk_rule_states_factory_id_rule_id_rules"),
        ),
        sa.PrimaryKeyConstraint("factory_id", "rule_id", "subject", name=op.f("pk_rule_states")),
    )
