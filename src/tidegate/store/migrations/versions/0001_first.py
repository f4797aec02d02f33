"""All tables, as they were first released."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("audit_pk")),
    )
    op.create_index(op.f("audit_hash"), "audit", ["hash"], unique=False)
    op.create_index(op.f("audit_subject_seq"), "audit", ["subject", "seq"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("audit_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_head_pk")),
    )
    op.create_table(
        "bank_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("bank_revision_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("bank_revision_pk")),
    )
    op.create_table(
        "banks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("max_distance", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('block', 'review', 'allow')", name=op.f("banks_role")),
        sa.CheckConstraint("max_distance BETWEEN 0 AND 64", name=op.f("banks_max_distance")),
        sa.PrimaryKeyConstraint("name", name=op.f("banks_pk")),
        sa.UniqueConstraint("revision", name=op.f("banks_revision_unique")),
    )
    op.create_table(
        "contents",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "pipeline", name=op.f("contents_pk")),
    )
    op.create_index(op.f("contents_created_at"), "contents", ["created_at"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("idempotency_pk")),
    )
    op.create_index(op.f("idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("surface", sa.Text(), nullable=True),
        sa.Column("uploader", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("reach", sa.BigInteger(), nullable=True),
        sa.Column("callback", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("source IN ('upload', 'url', 'object')", name=op.f("items_source")),
        sa.CheckConstraint(
            "state IN ('received', 'judged', 'failed', 'deleted')", name=op.f("items_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("items_pk")),
    )
    op.create_index(
        op.f("items_action_created_at_id"), "items", ["action", "created_at", "id"], unique=False
    )
    op.create_index(op.f("items_created_at_id"), "items", ["created_at", "id"], unique=False)
    op.create_index(
        op.f("items_external_id_created_at_id"),
        "items",
        ["external_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("items_sha256_created_at_id"), "items", ["sha256", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("items_state_created_at_id"), "items", ["state", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("items_surface_created_at_id"), "items", ["surface", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("items_uploader_created_at_id"),
        "items",
        ["uploader", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "role IN ('viewer', 'reviewer', 'lead', 'curator', 'admin')", name=op.f("keys_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("keys_pk")),
        sa.UniqueConstraint("prefix", name=op.f("keys_prefix_unique")),
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("policies_pk")),
        sa.UniqueConstraint("sha256", name=op.f("policies_sha256_unique")),
    )
    op.create_index(
        op.f("policies_policy_created_at"), "policies", ["policy", "created_at"], unique=False
    )
    op.create_table(
        "policy_cases",
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy", name=op.f("policy_cases_pk")),
    )
    op.create_table(
        "queue_settings",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("second_share", sa.Float(), nullable=False),
        sa.Column("golden_share", sa.Float(), nullable=False),
        sa.Column("benign_share", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "role IN ('reviewer', 'lead', 'admin')", name=op.f("queue_settings_role")
        ),
        sa.CheckConstraint(
            "benign_share BETWEEN 0 AND 1", name=op.f("queue_settings_benign_share")
        ),
        sa.CheckConstraint(
            "golden_share BETWEEN 0 AND 1", name=op.f("queue_settings_golden_share")
        ),
        sa.CheckConstraint(
            "second_share BETWEEN 0 AND 1", name=op.f("queue_settings_second_share")
        ),
        sa.PrimaryKeyConstraint("queue", name=op.f("queue_settings_pk")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "role IN ('viewer', 'reviewer', 'lead', 'curator', 'admin')", name=op.f("users_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pk")),
        sa.UniqueConstraint("name", name=op.f("users_name_unique")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("digest_seconds", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('webhook', 'slack', 'email')", name=op.f("webhooks_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("webhooks_pk")),
        sa.UniqueConstraint("name", name=op.f("webhooks_name_unique")),
    )
    op.create_table(
        "bank_entries",
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_until", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'disabled', 'withdrawn')", name=op.f("bank_entries_state")
        ),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("bank_entries_item_fk")),
        sa.ForeignKeyConstraint(["bank"], ["banks.name"], name=op.f("bank_entries_bank_fk")),
        sa.PrimaryKeyConstraint("bank", "id", name=op.f("bank_entries_pk")),
        sa.UniqueConstraint("revision", name=op.f("bank_entries_revision_unique")),
    )
    op.create_index(
        op.f("bank_entries_bank_content"), "bank_entries", ["bank", "content"], unique=False
    )
    op.create_index(
        op.f("bank_entries_bank_revision"), "bank_entries", ["bank", "revision"], unique=False
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_sha256", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("pipeline", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(origin = 'machine') = (inputs IS NOT NULL)", name=op.f("decisions_inputs")
        ),
        sa.CheckConstraint("origin IN ('machine', 'reviewer')", name=op.f("decisions_origin")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("decisions_item_fk")),
        sa.ForeignKeyConstraint(
            ["sha256", "pipeline"],
            ["contents.sha256", "contents.pipeline"],
            name=op.f("decisions_sha256_pipeline_fk"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("decisions_pk")),
        sa.UniqueConstraint("item", "key", name=op.f("decisions_item_key_unique")),
        sa.UniqueConstraint("item", "number", name=op.f("decisions_item_number_unique")),
    )
    op.create_index(
        op.f("decisions_created_at_id"), "decisions", ["created_at", "id"], unique=False
    )
    op.create_index(
        op.f("decisions_sha256_pipeline"), "decisions", ["sha256", "pipeline"], unique=False
    )
    op.create_table(
        "exposure",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("exposure_user_fk")),
        sa.PrimaryKeyConstraint("user", "day", "category", name=op.f("exposure_pk")),
    )
    op.create_table(
        "golden",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("golden_item_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("golden_pk")),
    )
    op.create_index(op.f("golden_queue_id"), "golden", ["queue", "id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("dedupe", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('ready', 'leased', 'done', 'dead')", name=op.f("jobs_state")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("jobs_item_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pk")),
        sa.UniqueConstraint("dedupe", name=op.f("jobs_dedupe_unique")),
    )
    op.create_index(
        "jobs_depth",
        "jobs",
        ["kind", "state", "run_at"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_index(
        "jobs_ended",
        "jobs",
        ["state", "ended_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(op.f("jobs_item"), "jobs", ["item"], unique=False)
    op.create_index(
        "jobs_lease_until",
        "jobs",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "jobs_one_lease_of_an_item",
        "jobs",
        ["item"],
        unique=True,
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("give_up_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("dedupe", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name=op.f("outbox_state")),
        sa.CheckConstraint("(item IS NULL) = (sequence IS NULL)", name=op.f("outbox_sequence")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("outbox_item_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pk")),
        sa.UniqueConstraint("dedupe", name=op.f("outbox_dedupe_unique")),
        sa.UniqueConstraint(
            "target", "item", "sequence", name=op.f("outbox_target_item_sequence_unique")
        ),
    )
    op.create_index(
        "outbox_due",
        "outbox",
        ["target", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(op.f("outbox_item"), "outbox", ["item"], unique=False)
    op.create_index(op.f("outbox_state_ended_at"), "outbox", ["state", "ended_at"], unique=False)
    op.create_index(
        op.f("outbox_target_created_at_id"), "outbox", ["target", "created_at", "id"], unique=False
    )
    op.create_table(
        "policy_activations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy"], ["policies.id"], name=op.f("policy_activations_policy_fk")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("policy_activations_pk")),
    )
    op.create_table(
        "preferences",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("preferences_user_fk")),
        sa.PrimaryKeyConstraint("user", name=op.f("preferences_pk")),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("sessions_user_fk")),
        sa.PrimaryKeyConstraint("digest", name=op.f("sessions_pk")),
    )
    op.create_index(op.f("sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("sessions_user"), "sessions", ["user"], unique=False)
    op.create_table(
        "user_queues",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("user_queues_user_fk")),
        sa.PrimaryKeyConstraint("user", "queue", name=op.f("user_queues_pk")),
    )
    op.create_table(
        "breaker_counts",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("breaker", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"], ["decisions.id"], name=op.f("breaker_counts_decision_fk")
        ),
        sa.PrimaryKeyConstraint(
            "decision", "policy", "breaker", "key", name=op.f("breaker_counts_pk")
        ),
    )
    op.create_index(
        op.f("breaker_counts_created_at"), "breaker_counts", ["created_at"], unique=False
    )
    op.create_index(
        op.f("breaker_counts_policy_breaker_key_created_at"),
        "breaker_counts",
        ["policy", "breaker", "key", "created_at"],
        unique=False,
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("golden", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("pdq", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("reach", sa.Float(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("escalated_by", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("review", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("cases_ended")),
        sa.CheckConstraint(
            "kind IN ('review', 'second', 'disagreement', 'appeal', 'golden', 'benign')",
            name=op.f("cases_kind"),
        ),
        sa.CheckConstraint("state IN ('open', 'decided', 'closed')", name=op.f("cases_state")),
        sa.CheckConstraint(
            "(claimed_by IS NULL) = (claimed_until IS NULL)", name=op.f("cases_claim")
        ),
        sa.ForeignKeyConstraint(["golden"], ["golden.id"], name=op.f("cases_golden_fk")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("cases_item_fk")),
        sa.ForeignKeyConstraint(["parent"], ["cases.id"], name=op.f("cases_parent_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("cases_pk")),
    )
    op.create_index(
        "cases_claimed_by",
        "cases",
        ["claimed_by"],
        unique=False,
        sqlite_where=sa.text("claimed_by IS NOT NULL"),
        postgresql_where=sa.text("claimed_by IS NOT NULL"),
    )
    op.create_index(op.f("cases_state_due_at"), "cases", ["state", "due_at"], unique=False)
    op.create_index(op.f("cases_ended_at_id"), "cases", ["ended_at", "id"], unique=False)
    op.create_index(
        "cases_golden",
        "cases",
        ["golden"],
        unique=False,
        sqlite_where=sa.text("golden IS NOT NULL"),
        postgresql_where=sa.text("golden IS NOT NULL"),
    )
    op.create_index(op.f("cases_item"), "cases", ["item"], unique=False)
    op.create_index(op.f("cases_parent"), "cases", ["parent"], unique=False)
    op.create_index(
        op.f("cases_state_opened_at_id"), "cases", ["state", "opened_at", "id"], unique=False
    )
    op.create_index(
        op.f("cases_state_category_opened_at_id"),
        "cases",
        ["state", "category", "opened_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("cases_state_kind_opened_at_id"),
        "cases",
        ["state", "kind", "opened_at", "id"],
        unique=False,
    )
    op.create_table(
        "decision_entries",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"], ["decisions.id"], name=op.f("decision_entries_decision_fk")
        ),
        sa.PrimaryKeyConstraint("decision", "bank", "entry", name=op.f("decision_entries_pk")),
    )
    op.create_index(
        op.f("decision_entries_bank_entry_decision"),
        "decision_entries",
        ["bank", "entry", "decision"],
        unique=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message"], ["outbox.id"], name=op.f("deliveries_message_fk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message", "attempt", name=op.f("deliveries_pk")),
    )
    op.create_table(
        "appeals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("appeals_ended")),
        sa.CheckConstraint("state IN ('open', 'upheld', 'reversed')", name=op.f("appeals_state")),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("appeals_case_fk")),
        sa.ForeignKeyConstraint(["decision"], ["decisions.id"], name=op.f("appeals_decision_fk")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("appeals_item_fk")),
        sa.ForeignKeyConstraint(["outcome"], ["decisions.id"], name=op.f("appeals_outcome_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("appeals_pk")),
        sa.UniqueConstraint("case", name=op.f("appeals_case_unique")),
        sa.UniqueConstraint("decision", name=op.f("appeals_decision_unique")),
    )
    op.create_index(
        op.f("appeals_item_created_at"), "appeals", ["item", "created_at"], unique=False
    )
    op.create_index(
        op.f("appeals_state_due_at_id"), "appeals", ["state", "due_at", "id"], unique=False
    )
    op.create_table(
        "case_barred",
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "because IN ('decided_before', 'skipped')", name=op.f("case_barred_because")
        ),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("case_barred_case_fk")),
        sa.PrimaryKeyConstraint("case", "actor", name=op.f("case_barred_pk")),
    )
    op.create_table(
        "case_items",
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("distance", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("case_items_case_fk")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("case_items_item_fk")),
        sa.PrimaryKeyConstraint("case", "item", name=op.f("case_items_pk")),
    )
    op.create_index(op.f("case_items_item_case"), "case_items", ["item", "case"], unique=False)
    op.create_table(
        "case_queues",
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("rank", sa.Float(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("case_queues_case_fk")),
        sa.PrimaryKeyConstraint("case", "queue", name=op.f("case_queues_pk")),
    )
    op.create_index(
        "case_queues_oldest",
        "case_queues",
        ["queue", "opened_at", "open"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "case_words",
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("word", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("case_words_case_fk")),
        sa.PrimaryKeyConstraint("band", "word", "case", name=op.f("case_words_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("effective", sa.Boolean(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("leaves_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("reviews_case_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("reviews_pk")),
    )
    op.create_index(
        op.f("reviews_case_created_at"), "reviews", ["case", "created_at"], unique=False
    )
    op.create_index(op.f("reviews_created_at_id"), "reviews", ["created_at", "id"], unique=False)
    op.create_index(
        op.f("reviews_reviewer_created_at"), "reviews", ["reviewer", "created_at"], unique=False
    )
    op.create_table(
        "review_decisions",
        sa.Column("review", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["before"], ["decisions.id"], name=op.f("review_decisions_before_fk")
        ),
        sa.ForeignKeyConstraint(
            ["decision"], ["decisions.id"], name=op.f("review_decisions_decision_fk")
        ),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("review_decisions_item_fk")),
        sa.ForeignKeyConstraint(
            ["review"], ["reviews.id"], name=op.f("review_decisions_review_fk")
        ),
        sa.PrimaryKeyConstraint("review", "item", name=op.f("review_decisions_pk")),
    )
    op.create_index(op.f("review_decisions_item"), "review_decisions", ["item"], unique=False)
    op.create_table(
        "comparisons",
        sa.Column("review", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('second', 'golden', 'disagreement', 'reversal', 'appeal')",
            name=op.f("comparisons_kind"),
        ),
        sa.ForeignKeyConstraint(["review"], ["reviews.id"], name=op.f("comparisons_review_fk")),
        sa.PrimaryKeyConstraint("review", name=op.f("comparisons_pk")),
    )
    op.create_index(
        op.f("comparisons_kind_created_at_category_expected_given"),
        "comparisons",
        ["kind", "created_at", "category", "expected", "given"],
        unique=False,
    )
    op.create_table(
        "review_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", "reviewer", "category", name=op.f("review_days_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "wait_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "queue", "length", name=op.f("wait_days_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "queue_depths",
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("overdue", sa.Integer(), nullable=False),
        sa.Column("oldest", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hour", "queue", name=op.f("queue_depths_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "raised",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("alarm", sa.Text(), nullable=False),
        sa.Column("breaker", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.id"], name=op.f("raised_decision_fk")),
        sa.PrimaryKeyConstraint("decision", "alarm", "breaker", name=op.f("raised_pk")),
    )
    op.create_index(
        op.f("raised_created_at_alarm_breaker"),
        "raised",
        ["created_at", "alarm", "breaker"],
        unique=False,
    )
    op.create_index(
        "jobs_next",
        "jobs",
        [sa.text("priority DESC"), "run_at", "id"],
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "case_queues_next",
        "case_queues",
        ["queue", sa.text("rank DESC"), "case"],
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    zeros = "0" * 64
    op.execute(f"INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '{zeros}')")  # noqa: S608
    op.execute("INSERT INTO bank_revision (id, revision) VALUES (1, 0)")
    _refuse_changes()


def _refuse_changes() -> None:
    """Have the database refuse to change or delete rows of the audit chain."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit chain is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END"
        )
