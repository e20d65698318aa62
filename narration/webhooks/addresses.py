"""Which addresses webhooks may call; pure, so that every kind of address can be tested.

An owner chooses the URL, but the request is sent from inside the operator's network. So an address
must belong to the public internet, however it is written, or lie in a network that the operator has
allowed.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from narration.errors import FieldsError, InputError
from narration.webhooks.record import MAX_URL_CHARS

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = {"http": 80, "https": 443}
MAX_HOST_CHARS = 253
# Only URLs with one interpretation: no user, no fragment, nothing that parsers disagree on.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_IN_CLEAR = "is not encrypted: send to an https:// URL"
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# In addition to what the standard library calls private, in every version of it.
_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's internal services; only its number looks public
        "192.0.0.0/24",  # IETF protocols; some sources call a few of them global
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # Teredo and other IETF protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a message is sent: a URL in parts, none of which needs parsing again."""

    scheme: str
    host: str  # without IPv6 brackets
    port: int
    path: str  # including the query

    @property
    def is_secure(self) -> bool:
        """Whether the connection uses TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(text: str) -> Target:
    """Split a URL. Raises: FieldsError if messages cannot be sent to it."""
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARS else None
    if match is None:
        raise _refusal(
            "is not a URL like https://example.com/hooks: plain ASCII, "
            "no user or fragment in it, names and paths in their encoded form"
        )
    port = int(match["port"] or PORTS[match["scheme"]])
    host = match["host"].strip("[]").lower()
    if not 0 < port < 2**16 or len(host) > MAX_HOST_CHARS or ".." in host:
        raise _refusal("has an impossible host or port")
    is_number = match["host"].startswith("[") or _NUMBER.fullmatch(host.rpartition(".")[2])
    if is_number and _literal(host) is None:  # such as 127.1 or 0x7f000001, which resolvers accept
        raise _refusal("has an impossible address: write it in its usual form")
    path = (match["path"] or "/") + (match["query"] or "")
    return Target(scheme=match["scheme"], host=host, port=port, path=path)


def check_url(text: str, allowed: Sequence[Network]) -> None:
    """Refuse what is known to be wrong before any DNS look-up. Raises: FieldsError."""
    target = parse_url(text)
    if _literal(target.host) is None:
        if not target.is_secure and not allowed:
            raise _refusal(_IN_CLEAR)
        return
    try:
        check_addresses([target.host], allowed, is_secure=target.is_secure)
    except InputError as error:
        raise _refusal(str(error)) from error


def check_addresses(
    resolved: Sequence[str], allowed: Sequence[Network], *, is_secure: bool
) -> list[str]:
    """Return the addresses of a host name if all of them may be called.

    Raises: InputError, which names no address: the reader may be outside this network.
    """
    addresses = [_inner(ipaddress.ip_address(text.partition("%")[0])) for text in resolved]
    if not addresses:
        raise InputError("its host name has no address")
    outside = [
        address
        for address in addresses
        if not any(_lies_in(address, network) for network in allowed)
    ]
    if not all(map(_is_public, outside)):
        raise InputError("its address is private or reserved: this server sends to public ones")
    if outside and not is_secure:
        raise InputError(_IN_CLEAR)
    return list(resolved)


def _is_public(address: Address) -> bool:
    if any(_lies_in(address, network) for network in _REFUSED) or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_reserved


def _inner(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 one, which is where its packets end up."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _lies_in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refusal(detail: str) -> FieldsError:
    return FieldsError([{"pointer": "/url", "detail": detail}])
