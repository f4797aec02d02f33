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
        sa.Column("video_rule", sa.Text(), nullable=False),
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
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_until", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'disabled', 'withdrawn')", name=op.f("bank_entries_state")
        ),
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
    op.create_index(op.f("jobs_state_ended_at"), "jobs", ["state", "ended_at"], unique=False)
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

    op.create_index(
        "jobs_next",
        "jobs",
        [sa.text("priority DESC"), "run_at", "id"],
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
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
