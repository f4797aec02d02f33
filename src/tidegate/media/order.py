"""Whether the times of packets can be believed."""

from bisect import bisect_left, insort


class Order:
    """Watches the times of packets in the order of decoding.

    A decoder brings frames into order by holding some of them back, and says how many. Times
    that are out of order by more, that repeat or that are missing do not tell in which
    order the frames will come out.

    Attributes:
        kept: Whether all packets so far were in order.
    """

    def __init__(self) -> None:
        self.kept = True
        self._latest: list[int] = []

    def take(self, stamp: int | None, depth: int) -> None:
        """Look at the next packet.

        Args:
            stamp: When its frame is shown, if that is known.
            depth: How many frames the decoder holds back.
        """
        if stamp is None:
            self.kept = False
            return
        place = bisect_left(self._latest, stamp)
        again = place < len(self._latest) and self._latest[place] == stamp
        if again or len(self._latest) - place > depth:
            self.kept = False
        insort(self._latest, stamp)
        del self._latest[: -depth - 1]
