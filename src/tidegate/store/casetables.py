"""The tables of review: cases, who works on them, what they answered, appeals, what is their own.

As in :mod:`~tidegate.store.tables`, whose metadata they share. People are named by their actor,
``user:ID`` or ``key:ID``, as in the audit chain.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tidegate.store.tables import metadata, one_of, some, time

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    some("kind"),
    some("category"),
    Column("item", Text, ForeignKey("items.id"), nullable=False),
    # The case that this one came of: a second opinion, an appeal, a disagreement.
    Column("parent", Text, ForeignKey("cases.id")),
    Column("golden", Text, ForeignKey("golden.id")),
    some("state"),
    Column("copies", Integer, nullable=False),
    # Of the shown item, where it is a picture: 64 hexadecimal digits.
    Column("pdq", Text),
    Column("confidence", Float, nullable=False),
    Column("severity", Float, nullable=False),
    Column("reach", Float, nullable=False),
    time("opened_at"),
    time("due_at", nullable=True),
    Column("escalated_by", Text),
    Column("claimed_by", Text),
    time("claimed_at", nullable=True),
    time("claimed_until", nullable=True),
    Column("version", Integer, nullable=False),
    Column("review", Text),
    time("ended_at", nullable=True),
    one_of("kind", "review", "second", "disagreement", "appeal", "golden", "benign"),
    one_of("state", "open", "decided", "closed"),
    CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="claim"),
    CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
    Index(None, "item"),
    Index(None, "parent"),
    # A list is newest first, whatever it is of.
    Index(None, "state", "opened_at", "id"),
    Index(None, "state", "kind", "opened_at", "id"),
    Index(None, "state", "category", "opened_at", "id"),
    Index(None, "ended_at", "id"),
    Index(None, "state", "due_at"),
    Index(
        "cases_golden",
        "golden",
        sqlite_where=text("golden IS NOT NULL"),
        postgresql_where=text("golden IS NOT NULL"),
    ),
    Index(
        "cases_claimed_by",
        "claimed_by",
        sqlite_where=text("claimed_by IS NOT NULL"),
        postgresql_where=text("claimed_by IS NOT NULL"),
    ),
)

# Where a case stands in each of its queues. The rank holds its age already, so that the order
# of a queue does not change while time goes by, and an index has it.
case_queues = Table(
    "case_queues",
    metadata,
    Column("case", Text, ForeignKey("cases.id"), primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("rank", Float, nullable=False),
    Column("open", Boolean, nullable=False),
    # As of the case, for the oldest of a queue to be found.
    time("opened_at"),
    Index(
        "case_queues_oldest",
        "queue",
        "opened_at",
        # For SQLite, which would read each row to see that it is open.
        "open",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
    Index(
        "case_queues_next",
        "queue",
        text("rank DESC"),
        "case",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
)

case_items = Table(
    "case_items",
    metadata,
    Column("case", Text, ForeignKey("cases.id"), primary_key=True),
    Column("item", Text, ForeignKey("items.id"), primary_key=True),
    # Bits by which its PDQ differs from that of the shown item; 0 where the bytes are the same.
    Column("distance", Integer, nullable=False),
    time("created_at"),
    Index(None, "item", "case"),
)

# The sixteen words of 16 bits of the PDQ of each open case: two hashes that differ by 15 bits at
# most have one in common.
case_words = Table(
    "case_words",
    metadata,
    Column("band", Integer, primary_key=True, autoincrement=False),
    Column("word", Integer, primary_key=True, autoincrement=False),
    Column("case", Text, ForeignKey("cases.id"), primary_key=True),
    # The key is all that a row has: SQLite need not keep it twice.
    sqlite_with_rowid=False,
)

# Who is not given a case: who has decided it before, or has skipped it.
case_barred = Table(
    "case_barred",
    metadata,
    Column("case", Text, ForeignKey("cases.id"), primary_key=True),
    Column("actor", Text, primary_key=True),
    some("because"),
    time("created_at"),
    one_of("because", "decided_before", "skipped"),
)

# What a person answered. It takes effect, unless it is blind or its answer is known already.
reviews = Table(
    "reviews",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case", Text, ForeignKey("cases.id"), nullable=False),
    some("kind"),
    some("queue"),
    some("reviewer"),
    some("action"),
    some("rule"),
    some("category"),
    some("note"),
    some("context"),
    Column("effective", Boolean, nullable=False),
    # From the claim to the answer; null where whoever answered had not claimed the case.
    Column("micros", BigInteger),
    time("opened_at"),
    time("created_at"),
    time("leaves_at"),
    time("undone_at", nullable=True),
    Index(None, "case", "created_at"),
    Index(None, "reviewer", "created_at"),
    Index(None, "created_at", "id"),
)

# The decision that a review made of each item of its case, and the one that was in force before.
review_decisions = Table(
    "review_decisions",
    metadata,
    Column("review", Text, ForeignKey("reviews.id"), primary_key=True),
    Column("item", Text, ForeignKey("items.id"), primary_key=True),
    Column("decision", Text, ForeignKey("decisions.id"), nullable=False),
    Column("before", Text, ForeignKey("decisions.id")),
    Index(None, "item"),
)

# Items whose answer is known: they are put before reviewers as if they were cases.
golden = Table(
    "golden",
    metadata,
    Column("id", Text, primary_key=True),
    Column("item", Text, ForeignKey("items.id"), nullable=False),
    some("queue"),
    some("category"),
    some("action"),
    some("note"),
    some("author"),
    time("created_at"),
    time("retired_at", nullable=True),
    Index(None, "queue", "id"),
)

appeals = Table(
    "appeals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("item", Text, ForeignKey("items.id"), nullable=False),
    Column("decision", Text, ForeignKey("decisions.id"), nullable=False),
    Column("case", Text, ForeignKey("cases.id"), nullable=False),
    some("author"),
    some("text"),
    some("state"),
    some("answer"),
    Column("outcome", Text, ForeignKey("decisions.id")),
    time("created_at"),
    time("due_at"),
    time("ended_at", nullable=True),
    one_of("state", "open", "upheld", "reversed"),
    CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
    # One decision is appealed against once.
    UniqueConstraint("decision"),
    UniqueConstraint("case"),
    Index(None, "item", "created_at"),
    Index(None, "state", "due_at", "id"),
)

# How a queue is worked on. One that has no row is as the defaults say.
queue_settings = Table(
    "queue_settings",
    metadata,
    Column("queue", Text, primary_key=True),
    some("role"),
    Column("second_share", Float, nullable=False),
    Column("golden_share", Float, nullable=False),
    Column("benign_share", Float, nullable=False),
    Column("version", Integer, nullable=False),
    one_of("role", "reviewer", "lead", "admin"),
    CheckConstraint("second_share BETWEEN 0 AND 1", name="second_share"),
    CheckConstraint("golden_share BETWEEN 0 AND 1", name="golden_share"),
    CheckConstraint("benign_share BETWEEN 0 AND 1", name="benign_share"),
)

# Who has rows here works on these queues alone; who has none, on all that their role may.
user_queues = Table(
    "user_queues",
    metadata,
    Column("user", Text, ForeignKey("users.id"), primary_key=True),
    Column("queue", Text, primary_key=True),
)

# An answer held against the one that it was to agree with, or that it takes the place of.
comparisons = Table(
    "comparisons",
    metadata,
    Column("review", Text, ForeignKey("reviews.id"), primary_key=True),
    some("kind"),
    some("category"),
    # Actions: what was answered or known before, and what was answered now.
    some("expected"),
    some("given"),
    time("created_at"),
    one_of("kind", "second", "golden", "disagreement", "reversal", "appeal"),
    Index(None, "kind", "created_at", "category", "expected", "given"),
)

# How many answers a person has given in a day to cases of a kind, so that nobody counts them.
review_days = Table(
    "review_days",
    metadata,
    # Days since 1970, UTC.
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("reviewer", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("answers", Integer, nullable=False),
    # Read in the order of the key, and never by a row's number.
    sqlite_with_rowid=False,
)

# How long cases have waited for their answer, in classes of length.
wait_days = Table(
    "wait_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("queue", Text, primary_key=True),
    Column("length", Integer, primary_key=True, autoincrement=False),
    Column("answers", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# How long queues were, seen once an hour.
queue_depths = Table(
    "queue_depths",
    metadata,
    # Hours since 1970.
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("queue", Text, primary_key=True),
    Column("open", Integer, nullable=False),
    Column("overdue", Integer, nullable=False),
    time("oldest", nullable=True),
    sqlite_with_rowid=False,
)

# The alarms that decisions have raised; where a breaker did, with its name.
raised = Table(
    "raised",
    metadata,
    Column("decision", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("alarm", Text, primary_key=True),
    Column("breaker", Text, primary_key=True),
    time("created_at"),
    Index(None, "created_at", "alarm", "breaker"),
)

# What somebody has seen unblurred, for themselves alone: nobody else is shown it.
exposure = Table(
    "exposure",
    metadata,
    Column("user", Text, ForeignKey("users.id"), primary_key=True),
    # Days since 1970, UTC.
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("category", Text, primary_key=True),
    Column("micros", BigInteger, nullable=False),
    # Until when it was booked: the same seconds do not count twice.
    time("booked_at"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("user", Text, ForeignKey("users.id"), primary_key=True),
    some("body"),
    time("changed_at"),
)
