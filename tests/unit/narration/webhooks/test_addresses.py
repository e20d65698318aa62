"""Messages go only to public addresses, in whatever form an address is written."""

from ipaddress import ip_network

import pytest

from narration.errors import FieldsError, InputError
from narration.webhooks.addresses import check_addresses, check_url, parse_url

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "192.0.2.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "192.88.99.1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:808:808::", "2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1",
    "4000::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(InputError) as refusal:
        check_addresses([address], (), is_secure=True)
    assert address not in str(refusal.value)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_called_over_tls_only(address: str) -> None:
    assert check_addresses([address], (), is_secure=True) == [address]
    with pytest.raises(InputError, match="not encrypted"):
        check_addresses([address], (ip_network("10.0.0.0/8"),), is_secure=False)


def test_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(InputError):
        check_addresses(["8.8.8.8", "10.0.0.1"], (), is_secure=True)


def test_name_without_an_address_is_refused() -> None:
    with pytest.raises(InputError):
        check_addresses([], (), is_secure=True)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"])
def test_network_that_the_operator_named_is_called_in_clear_too(address: str) -> None:
    allowed = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert check_addresses([address], allowed, is_secure=False) == [address]
    with pytest.raises(InputError):
        check_addresses(["192.168.0.1"], allowed, is_secure=True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "https://", "https:///x", "//example.com", "example.com",
        "https://user@example.com/", "https://user:word@example.com/", "https://example.com/#part",
        "https://example.com\\@10.0.0.1/", "https://exa mple.com/", "https://example.com/a b",
        "https://example.com/\r\nX-Evil: 1", "https://example.com/\n", "https://example.com/\x00",
        "https://exämple.com/", "https://example.com:0/", "https://example.com:65536/",
        "https://example.com:99999999/", "https://127.1/", "https://2130706433/",
        "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://1.2.3.4.5/",
        "https://[::1/", "https://[fe80::1%25eth0]/", "https://[::g]/", "https://[1.2.3.4]x/",
        "https://a..b/", "https://.example.com/", "https://example.com/" + "a" * 2048,
        "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1:8443/x", "https://[::ffff:7f00:1]/",
        "https://169.254.169.254/latest/meta-data", "http://example.com/", "http://8.8.8.8/",
    ],
)  # fmt: skip
def test_url_that_cannot_be_right_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(FieldsError) as refusal:
        check_url(url, ())
    assert [field["pointer"] for field in refusal.value.fields] == ["/url"]


def test_url_is_taken_apart_once() -> None:
    target = parse_url("https://Example.com:8443/hooks/a%20b?x=1&y=/")
    assert (target.host, target.port, target.path) == ("example.com", 8443, "/hooks/a%20b?x=1&y=/")
    assert target.authority == "example.com:8443"
    assert parse_url("https://example.com").path == "/"
    assert parse_url("https://example.com:443?q=1").path == "/?q=1"
    assert parse_url("http://[2606:4700::1111]/").authority == "[2606:4700::1111]"


def test_names_in_clear_are_taken_where_networks_are_named() -> None:
    check_url("http://receiver.internal/hooks", (ip_network("10.0.0.0/8"),))
    check_url("http://10.0.0.7/hooks", (ip_network("10.0.0.0/8"),))
