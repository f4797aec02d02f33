import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.matching import numbers
from tidegate.matching.numbers import END, next_numbers, number_of


@pytest.mark.parametrize(
    ("entry_id", "number"),
    [("0", 0), ("17", 17), ("9" * 18, END - 1), ("1" + "0" * 18, None), ("007", None), ("", None),
     ("x", None), ("-1", None), ("٣", None), ("9" * 200, None)],
)  # fmt: skip
def test_an_id_is_a_number_or_text(entry_id: str, number: int | None) -> None:
    assert number_of(entry_id) == number


@given(taken=st.sets(st.integers(0, 29)), count=st.integers(0, 9), others=st.booleans())
def test_the_next_numbers_are_free_and_below_the_end(
    taken: set[int], count: int, others: bool
) -> None:
    largest = max(taken, default=0)
    above = list(range(largest + 1, 40))[:count]
    gaps = [n for n in range(1, 40) if n not in taken][:count]
    held = np.array(sorted(taken) + [2**63 + 5, END] * others, np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "END", 40)
        found = next_numbers(largest, count, lambda: [held[:3], held[3:]]).tolist()
        assert found == (above if largest + count < 40 else gaps)
        patch.setattr(numbers, "END", largest + 1)
        assert next_numbers(largest, count, lambda: [held]).tolist() == (gaps if count else [])
