"""Banks, made ready to be asked."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from tidegate.evidence import Role
from tidegate.matching.bank import LARGEST_DISTANCE, Bank, BankError
from tidegate.matching.catalogue import Catalogue, MemoryBank
from tidegate.matching.session import Session
from tidegate.matching.shelf import OpenBank, microseconds


class Matcher:
    """Asks all banks at once; safe to share between threads.

    What is added to, withdrawn from or merged in a bank's folder, by whatever process, is
    seen from the next session on. A disabled entry whose time has come is active again in
    the next session too.

    Attributes:
        names: The names of the banks that are asked, in the order given.
    """

    def __init__(
        self,
        banks: Sequence[Bank | OpenBank],
        radius: int | None = None,
        *,
        only_banks: Collection[str] | None = None,
        roles: Collection[Role] | None = None,
        now: datetime | None = None,
    ) -> None:
        """Make banks ready.

        Args:
            banks: Banks in memory and in folders, no two of the same name.
            radius: Distance in bits, 0 to 64, that replaces the banks' own, or ``None``.
            only_banks: Names of the banks to ask, or ``None`` for all of them.
            roles: Roles of the banks to ask, or ``None`` for all of them.
            now: The present, with a time zone, which decides whether disabled entries
                are active again; ``None`` is the clock's, read for each session.

        Raises:
            BankError: Two banks have one name, a bank to ask is missing, or the radius is
                out of range.
        """
        opened = [MemoryBank(bank) if isinstance(bank, Bank) else bank for bank in banks]
        names = [bank.bank.name for bank in opened]
        if len(set(names)) < len(names):
            raise BankError(f"two banks have one name: {', '.join(names)}")
        if missing := set(only_banks or ()) - set(names):
            raise BankError(f"there is no bank {', '.join(sorted(missing))}")
        if radius is not None and not 0 <= radius <= LARGEST_DISTANCE:
            raise BankError(f"a radius is 0 to {LARGEST_DISTANCE} bits, not {radius}")
        self._banks = [
            bank
            for bank in opened
            if (only_banks is None or bank.bank.name in only_banks)
            and (roles is None or bank.bank.role in roles)
        ]
        self.names = tuple(bank.bank.name for bank in self._banks)
        self._radius = radius
        self._now = now

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that a match can carry, sorted."""
        found = {bank.bank.category for bank in self._banks}
        return tuple(sorted(found.union(*(bank.categories() for bank in self._banks))))

    def session(self) -> Session:
        """Begin with a new item: the banks stay as they are now until it ends.

        Raises:
            BankError: A bank's folder is damaged.
        """
        shelves = [
            (shelf, bank.bank.max_distance if self._radius is None else self._radius)
            for bank in self._banks
            for shelf in bank.shelves()
        ]
        now = datetime.now(UTC) if self._now is None else self._now
        return Session(Catalogue(shelves, microseconds(now)))
