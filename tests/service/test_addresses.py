from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.service.addresses import Allowance, is_public, read_networks, read_url
from tidegate.service.fetch_error import FetchError

WIDE = Allowance(schemes=frozenset({"https", "http"}), ports=frozenset({80, 443, 8443}))


def refused(url: str, allowance: Allowance = WIDE) -> str:
    with pytest.raises(FetchError) as caught:
        read_url(url, allowance)
    return caught.value.cause


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/A?b=c#d", "https://example.com/A?b=c"),
        ("http://example.com:8443/a%20b", "http://example.com:8443/a%20b"),
        ("https://example.com?q", "https://example.com/?q"),
        ('https://bücher.example/ä?ö="', "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%22"),
        ("https://r3---sn-abc.example.com/", "https://r3---sn-abc.example.com/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ],
)
def test_a_url_is_written_in_one_way(url: str, read: str) -> None:
    assert read_url(url, WIDE).url == read


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/_",
        "data:text/plain,x",
        "//example.com/",
        "example.com",
        "",
        "javascript:alert(1)",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    ],
)
def test_only_listed_schemes(url: str) -> None:
    assert refused(url) == "scheme"


def test_plain_http_and_other_ports_have_to_be_allowed() -> None:
    assert refused("http://example.com/", Allowance()) == "scheme"
    assert refused("https://example.com:22/") == "port"
    assert refused("https://example.com:80/", Allowance()) == "port"
    assert refused("https://example.com:0/") == "port"


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.0x4",
        "0x",
        "８.８.８.８",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "2606:4700::1111",
        "[127.0.0.1]",
        "[::1",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[::1]x",
        "[v1.x]",
        "example.com.",
        ".example.com",
        "a..example.com",
        "-a.example.com",
        "a_b.example.com",
        "a" * 64 + ".com",
        ".".join(["a" * 60] * 5),
        "exa%6Dple.com",
        "example.com%00.evil.com",
        "example,com",
        "",
        ":443",
        "example.com:+443",
        "example.com:４４３",
        "example.com:443:443",
        "example.com:x",
        "example.com:99999",
    ],
)
def test_a_host_that_could_be_read_in_two_ways_is_refused(host: str) -> None:
    assert refused(f"https://{host}/") == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https:\\\\example.com/",
        "https://example.com/a b",
        " https://example.com/",
        "https://example.com/\r\nX: y",
        "https://exa\tmple.com/",
        "https://example.com/\x00",
        "https://example.com/\u2028",
        "https://example.com/\x85",
        "https://example.com/\ud800",
        "https:///example.com",
        "https:example.com",
        "https://example.com/" + "a" * 5000,
    ],
)
def test_what_clients_read_differently_is_refused(url: str) -> None:
    assert refused(url) == "url"


def test_a_name_without_a_dot_has_to_be_allowed() -> None:
    assert refused("https://localhost/") == "host"
    assert read_url("https://coop/", Allowance(short_names=True)).host == "coop"


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1",
        "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8",
        "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8",
        "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1",
        "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1", "fc00::1",
        "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "2606:4700::1%eth0", "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1", "4000::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
     "192.0.1.1", "198.17.255.255", "198.20.0.0", "223.255.255.255",
     "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "64:ff9b::8.8.8.8"],
)  # fmt: skip
def test_addresses_that_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses())
def test_nothing_that_python_calls_other_than_global_is_public(
    address: IPv4Address | IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        nat64 = isinstance(address, IPv6Address) and str(address).startswith("64:ff9b::")
        assert nat64 or not is_public(address)


def test_an_operator_may_open_a_network_and_close_another() -> None:
    allowance = Allowance(
        networks=read_networks(["10.20.0.0/16"]),
        never=read_networks(["10.20.9.0/24", "20.0.0.0/8"]),
    )
    assert allowance.allows(ip_address("10.20.1.1"))
    assert allowance.allows(ip_address("8.8.8.8"))
    assert not allowance.allows(ip_address("10.21.0.1"))
    assert not allowance.allows(ip_address("10.20.9.1"))
    assert not allowance.allows(ip_address("20.1.1.1"))
    assert not allowance.allows(ip_address("64:ff9b::20.1.1.1"))


def test_a_network_with_stray_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits"):
        read_networks(["10.20.0.1/16"])


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}.example.com/{text}"):
        try:
            place = read_url(url, WIDE)
        except FetchError:
            continue
        assert read_url(place.url, WIDE) == place
        assert place.url.isascii()
