"""What can go wrong with the store, by type."""


class StoreError(Exception):
    """The store cannot do what was asked; the message says why, without secrets."""


class InvalidError(StoreError, ValueError):
    """A value cannot be kept: too long, of the wrong form, or not what its column means."""


class MissingError(StoreError, LookupError):
    """There is no such row."""


class StateError(StoreError):
    """The row is there, but not in a state in which this can be done."""


class LeaseLostError(StoreError):
    """A job or a message is no longer this worker's: its lease ran out and was given on.

    Whoever catches it gives up the transaction: what it did is done by somebody else.
    """


class ConflictError(StoreError):
    """Somebody else was first: with the same name or key, or by changing what is changed here."""
