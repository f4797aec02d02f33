import hashlib
import io

from hypothesis import given
from hypothesis import strategies as st

from tidegate.hashing import digests
from tidegate.hashing.digests import CHUNK


@given(st.binary(max_size=300), st.integers(0, 300))
def test_digests_are_of_the_whole_file_wherever_it_stands(content: bytes, position: int) -> None:
    file = io.BytesIO(content)
    file.seek(position)
    found = digests(file)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.md5 == hashlib.md5(content).hexdigest()
    assert found.size == len(content)


def test_digests_of_a_file_of_several_chunks() -> None:
    content = bytes(range(251)) * (2 * CHUNK // 251 + 1)
    found = digests(io.BytesIO(content))
    assert found == (
        hashlib.sha256(content).hexdigest(),
        hashlib.md5(content).hexdigest(),
        len(content),
    )
