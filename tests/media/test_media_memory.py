"""The shared memory."""

import mmap
import os

import numpy as np
import pytest

from tidegate.media import memory


@pytest.fixture(params=["anonymous", "temporary"])
def shared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    if request.param == "temporary":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    return memory.create(1000)


def test_what_the_child_writes_the_parent_sees(shared: int) -> None:
    child = memory.Slots(shared, writable=True)
    parent = memory.Slots(shared, writable=False)
    os.close(shared)
    child.rgb(1, 20, 50)[...] = 7
    assert (parent.rgb(1, 20, 50) == 7).all()
    assert (parent.rgb(0, 20, 50) == 0).all()
    with pytest.raises(ValueError, match="read-only"):
        parent.rgb(0, 20, 50)[0, 0] = 1


def test_luma_and_rgb_share_a_slot() -> None:
    shared = memory.create(1000)
    slots = memory.Slots(shared, writable=True)
    os.close(shared)
    for slot in (0, 1):
        slots.luma(slot, 20, 50)[...] = 7
        slots.rgb(slot, 20, 50, behind=True)[...] = 9
    for slot in (0, 1):
        assert (slots.luma(slot, 20, 50) == 7).all()
        assert (slots.rgb(slot, 20, 50, behind=True) == 9).all()


def test_slots_are_whole_pages() -> None:
    assert memory.slot_size(1) == mmap.ALLOCATIONGRANULARITY
    assert memory.slot_size(178_000_000) >= 534_000_000


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs memfd")
def test_the_child_cannot_shrink_it() -> None:
    shared = memory.create(1000)
    with pytest.raises(PermissionError):
        os.ftruncate(shared, 0)
    with pytest.raises(PermissionError):
        os.ftruncate(shared, 1 << 30)
    os.close(shared)


@pytest.mark.skipif(not hasattr(mmap, "MADV_REMOVE"), reason="needs MADV_REMOVE")
def test_pages_are_given_back(shared: int) -> None:
    slots = memory.Slots(shared, writable=True)
    slots.rgb(0, 20, 50)[...] = np.uint8(1)
    before = os.fstat(shared).st_blocks
    slots.forget()
    assert os.fstat(shared).st_blocks < before
    os.close(shared)
