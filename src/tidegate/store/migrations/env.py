"""What Alembic runs: the migrations, in the transaction that the store has begun."""

from alembic import context

import tidegate.store.casetables  # noqa: F401  # Its tables are among those of the metadata.
from tidegate.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
