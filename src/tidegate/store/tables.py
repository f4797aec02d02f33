"""Every table of the store but those of review, which :mod:`~tidegate.store.casetables` has.

How they come to be is in ``migrations``; the two agree, by a test.

Times are microseconds (:mod:`~tidegate.store.clock`), ids are UUIDv7 text
(:mod:`~tidegate.store.ids`), JSON is text in both databases. Nothing here is particular to
one of them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
    }
)


def one_of(column: str, *choices: str) -> CheckConstraint:
    """Return the constraint that a column is one of these words."""
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def some(name: str) -> "Column[str]":
    """Return a column of text that is never null."""
    return Column(name, Text, nullable=False)


def time(name: str, *, nullable: bool = False) -> "Column[int]":
    """Return a column of a time."""
    return Column(name, BigInteger, nullable=nullable)


items = Table(
    "items",
    metadata,
    Column("id", Text, primary_key=True),
    Column("external_id", Text),
    Column("surface", Text),
    Column("uploader", Text),
    some("facts"),
    some("metadata"),
    Column("priority", Integer, nullable=False),
    Column("reach", BigInteger),
    Column("callback", Text),
    some("source"),
    some("reference"),
    Column("sha256", Text),
    Column("size", BigInteger),
    some("state"),
    Column("error", Text),
    Column("action", Text),
    Column("decision", Text),
    Column("version", Integer, nullable=False),
    time("created_at"),
    time("judged_at", nullable=True),
    one_of("source", "upload", "url", "object"),
    one_of("state", "received", "judged", "failed", "deleted"),
    Index(None, "created_at", "id"),
    Index(None, "external_id", "created_at", "id"),
    Index(None, "sha256", "created_at", "id"),
    Index(None, "state", "created_at", "id"),
    Index(None, "action", "created_at", "id"),
    Index(None, "surface", "created_at", "id"),
    Index(None, "uploader", "created_at", "id"),
)

contents = Table(
    "contents",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("pipeline", Text, primary_key=True),
    some("evidence"),
    time("created_at"),
    Index(None, "created_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("item", Text, ForeignKey("items.id"), nullable=False),
    Column("number", Integer, nullable=False),
    some("origin"),
    some("author"),
    some("reason"),
    some("action"),
    some("policy"),
    some("policy_sha256"),
    Column("sha256", Text),
    Column("pipeline", Text),
    Column("evidence", Text),
    some("facts"),
    some("decision"),
    Column("key", Text),
    Column("inputs", Text),
    time("created_at"),
    ForeignKeyConstraint(["sha256", "pipeline"], ["contents.sha256", "contents.pipeline"]),
    one_of("origin", "machine", "reviewer"),
    CheckConstraint("(origin = 'machine') = (inputs IS NOT NULL)", name="inputs"),
    UniqueConstraint("item", "number"),
    UniqueConstraint("item", "key"),
    Index(None, "sha256", "pipeline"),
    Index(None, "created_at", "id"),
)

decision_entries = Table(
    "decision_entries",
    metadata,
    Column("decision", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("bank", Text, primary_key=True),
    Column("entry", Text, primary_key=True),
    Index(None, "bank", "entry", "decision"),
)

breaker_counts = Table(
    "breaker_counts",
    metadata,
    Column("decision", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("policy", Text, primary_key=True),
    Column("breaker", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    time("created_at"),
    Index(None, "policy", "breaker", "key", "created_at"),
    Index(None, "created_at"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    some("kind"),
    Column("item", Text, ForeignKey("items.id")),
    some("payload"),
    Column("priority", Integer, nullable=False),
    time("run_at"),
    some("state"),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("lease", Text),
    time("lease_until", nullable=True),
    Column("worker", Text),
    Column("error", Text),
    Column("dedupe", Text),
    time("created_at"),
    time("ended_at", nullable=True),
    one_of("state", "ready", "leased", "done", "dead"),
    UniqueConstraint("dedupe"),
    Index(
        "jobs_next",
        text("priority DESC"),
        "run_at",
        "id",
        sqlite_where=text("state = 'ready'"),
        postgresql_where=text("state = 'ready'"),
    ),
    # One item is worked on by one worker at a time: the database says so itself.
    Index(
        "jobs_one_lease_of_an_item",
        "item",
        unique=True,
        sqlite_where=text("state = 'leased'"),
        postgresql_where=text("state = 'leased'"),
    ),
    Index(
        "jobs_lease_until",
        "lease_until",
        sqlite_where=text("state = 'leased'"),
        postgresql_where=text("state = 'leased'"),
    ),
    Index(
        "jobs_depth",
        "kind",
        "state",
        "run_at",
        sqlite_where=text("state <> 'done'"),
        postgresql_where=text("state <> 'done'"),
    ),
    Index(None, "item"),
    Index(
        "jobs_ended",
        "state",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    some("target"),
    Column("item", Text, ForeignKey("items.id")),
    Column("sequence", Integer),
    some("event"),
    some("body"),
    some("state"),
    time("due_at"),
    time("give_up_at"),
    Column("attempts", Integer, nullable=False),
    Column("sender", Text),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("dedupe", Text),
    time("created_at"),
    time("ended_at", nullable=True),
    one_of("state", "waiting", "delivered", "dead"),
    CheckConstraint("(item IS NULL) = (sequence IS NULL)", name="sequence"),
    UniqueConstraint("dedupe"),
    UniqueConstraint("target", "item", "sequence"),
    Index(
        "outbox_due",
        "target",
        "due_at",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(None, "item"),
    Index(None, "target", "created_at", "id"),
    Index(None, "state", "ended_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("message", Text, ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("status", Integer),
    Column("error", Text),
    Column("micros", BigInteger, nullable=False),
    time("created_at"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    some("request"),
    some("result"),
    time("created_at"),
    Index(None, "created_at"),
)

audit = Table(
    "audit",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    time("at"),
    some("actor"),
    some("action"),
    some("subject"),
    some("reason"),
    some("body"),
    some("prev"),
    some("hash"),
    Index(None, "hash"),
    Index(None, "subject", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    some("hash"),
    CheckConstraint("id = 1", name="one_row"),
)

banks = Table(
    "banks",
    metadata,
    Column("name", Text, primary_key=True),
    some("category"),
    some("role"),
    Column("max_distance", Integer, nullable=False),
    some("rule"),
    some("source"),
    some("legal_basis"),
    Column("revision", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    some("author"),
    time("created_at"),
    time("deleted_at", nullable=True),
    one_of("role", "block", "review", "allow"),
    CheckConstraint("max_distance BETWEEN 0 AND 64", name="max_distance"),
    UniqueConstraint("revision"),
)

bank_entries = Table(
    "bank_entries",
    metadata,
    Column("bank", Text, ForeignKey("banks.name"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    some("content"),
    some("entry"),
    # The item that it was made of, where it was: its picture is shown beside what meets it.
    Column("item", Text, ForeignKey("items.id")),
    some("state"),
    Column("disabled_until", Text),
    some("author"),
    some("reason"),
    time("created_at"),
    time("changed_at"),
    one_of("state", "active", "disabled", "withdrawn"),
    UniqueConstraint("revision"),
    Index(None, "bank", "revision"),
    Index(None, "bank", "content"),
)

# The last revision given. It is counted up under its row's lock, so revisions become
# visible in their order and a replica that has read up to one has missed none below it.
bank_revision = Table(
    "bank_revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

policies = Table(
    "policies",
    metadata,
    Column("id", Text, primary_key=True),
    some("policy"),
    some("sha256"),
    some("source"),
    some("author"),
    some("reason"),
    time("created_at"),
    UniqueConstraint("sha256"),
    Index(None, "policy", "created_at"),
)

# Cases that a policy is tried on, by the name that it gives itself, whatever its version.
policy_cases = Table(
    "policy_cases",
    metadata,
    Column("policy", Text, primary_key=True),
    some("source"),
    some("author"),
    Column("version", Integer, nullable=False),
    time("changed_at"),
)

# The newest row is the policy in force; going back to an older one adds a row.
policy_activations = Table(
    "policy_activations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("policy", Text, ForeignKey("policies.id"), nullable=False),
    some("author"),
    some("reason"),
    time("created_at"),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    some("name"),
    Column("email", Text),
    Column("password", Text),
    some("role"),
    Column("version", Integer, nullable=False),
    time("created_at"),
    time("disabled_at", nullable=True),
    one_of("role", "viewer", "reviewer", "lead", "curator", "admin"),
    UniqueConstraint("name"),
)

# The cookie's value is in no row, only its digest: who reads the database has no session.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user", Text, ForeignKey("users.id"), nullable=False),
    some("csrf"),
    time("created_at"),
    time("seen_at"),
    time("expires_at"),
    time("revoked_at", nullable=True),
    Index(None, "user"),
    Index(None, "expires_at"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    some("name"),
    some("prefix"),
    some("digest"),
    some("line"),
    some("scopes"),
    some("role"),
    some("author"),
    time("created_at"),
    time("used_at", nullable=True),
    time("expires_at", nullable=True),
    time("revoked_at", nullable=True),
    one_of("role", "viewer", "reviewer", "lead", "curator", "admin"),
    UniqueConstraint("prefix"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    some("name"),
    some("kind"),
    some("address"),
    Column("secret", Text),
    Column("key_id", Text),
    some("events"),
    some("actions"),
    Column("per_minute", Integer),
    Column("digest_seconds", Integer),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    time("created_at"),
    time("deleted_at", nullable=True),
    one_of("kind", "webhook", "slack", "email"),
    UniqueConstraint("name"),
)
