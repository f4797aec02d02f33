from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.service.links import LinkError, check_link, media_headers, media_link
from tidegate.service.secret import Secret

KEY, OTHER = Secret(b"k" * 32), Secret(b"o" * 32)
NOW = 1_790_000_000.5
SAYS = ("item-1", "preview", "user-1")


def signed(item: str = "item-1", viewer: str = "user-1") -> tuple[int, str]:
    query = parse_qs(urlsplit(media_link(KEY, item, "preview", viewer, NOW)).query)
    return int(query["expires"][0]), query["signature"][0]


def fails(*args: object, keys: tuple[Secret, ...] = (KEY,), now: float = NOW) -> str:
    with pytest.raises(LinkError) as caught:
        check_link(keys, *args, now)  # type: ignore[arg-type]
    assert str(caught.value) == "the link is not valid, or not any more"
    return caught.value.cause


def test_a_link_opens_what_it_names() -> None:
    expires, signature = signed()
    check_link([KEY], *SAYS, expires, signature, NOW)
    check_link([OTHER, KEY], *SAYS, expires, signature, NOW + 119)
    assert media_link(KEY, *SAYS, NOW).startswith("/v1/media/item-1/preview?")  # type: ignore[arg-type]


def test_a_link_ends() -> None:
    expires, signature = signed()
    assert fails(*SAYS, expires, signature, now=NOW + 120) == "expired"
    assert fails(*SAYS, expires, signature, now=NOW - 3600) == "expired"


def test_a_link_opens_nothing_else_and_for_nobody_else() -> None:
    expires, signature = signed()
    assert fails("item-2", "preview", "user-1", expires, signature) == "wrong"
    assert fails("item-1", "thumbnail", "user-1", expires, signature) == "wrong"
    assert fails("item-1", "preview", "user-2", expires, signature) == "wrong"
    assert fails("item-1p", "review", "user-1", expires, signature) == "wrong"
    assert fails(*SAYS, expires + 1, signature) == "wrong"
    assert fails(*SAYS, expires, signature, keys=(OTHER,)) == "wrong"
    assert fails(*SAYS, expires, signature, keys=()) == "wrong"


@pytest.mark.parametrize("signature", ["", "0" * 64, "é" * 64, "0" * 63, "A" * 64, "0" * 10_000])
def test_what_is_no_signature_is_wrong(signature: str) -> None:
    assert fails(*SAYS, int(NOW) + 60, signature) == "wrong"


@pytest.mark.parametrize("expires", [-1, 2**70])
def test_a_time_out_of_range_is_wrong(expires: int) -> None:
    assert fails(*SAYS, expires, signed()[1]) == "wrong"


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_no_two_sets_of_fields_sign_alike(one: tuple[str, str], two: tuple[str, str]) -> None:
    assert (signed(*one) == signed(*two)) == (one == two)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_id_is_one_part_of_the_path(item: str) -> None:
    parts = urlsplit(media_link(KEY, item, "preview", "user-1", NOW)).path.split("/")
    assert parts[:3] == ["", "v1", "media"]
    assert unquote(parts[3]) == item
    assert parts[4:] == ["preview"]


def test_media_is_not_kept_run_framed_or_embedded_elsewhere() -> None:
    assert media_headers("image/webp") == {
        "Content-Type": "image/webp",
        "Content-Disposition": 'inline; filename="media.webp"',
        "Cache-Control": "no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, noimageindex",
    }


def test_only_types_that_we_write_are_served() -> None:
    for other in ("text/html", "image/svg+xml", "application/pdf"):
        with pytest.raises(KeyError):
            media_headers(other)  # type: ignore[arg-type]
