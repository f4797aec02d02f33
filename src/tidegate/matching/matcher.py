"""Banks, made ready to be asked."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tidegate.matching.bank import LARGEST_DISTANCE, Bank, BankError
from tidegate.matching.catalogue import catalogue
from tidegate.matching.session import Session


class Matcher:
    """Holds the active entries of all banks; safe to share between threads.

    Attributes:
        names: The banks' names, in the order given.
        categories: The categories that a match can carry, sorted.
    """

    def __init__(
        self,
        banks: Sequence[Bank],
        radius: int | None = None,
        *,
        now: datetime | None = None,
    ) -> None:
        """Make banks ready.

        Args:
            banks: No two of the same name.
            radius: Distance in bits, 0 to 64, that replaces the banks' own, or ``None``.
            now: The present, with a time zone, which decides whether disabled entries
                are active again; ``None`` is the clock's.

        Raises:
            BankError: Two banks have one name, or the radius is out of range.
        """
        self.names = tuple(bank.name for bank in banks)
        if len(set(self.names)) < len(banks):
            raise BankError(f"two banks have one name: {', '.join(self.names)}")
        if radius is not None and not 0 <= radius <= LARGEST_DISTANCE:
            raise BankError(f"a radius is 0 to {LARGEST_DISTANCE} bits, not {radius}")
        self._catalogue = catalogue(banks, radius, datetime.now(UTC) if now is None else now)
        self.categories = tuple(
            sorted({bank.category for bank in banks} | {k.category for k in self._catalogue.known})
        )

    def session(self) -> Session:
        """Begin with a new item."""
        return Session(self._catalogue)
