# SPDX-License-Identifier: Apache-2.0
"""Who may be asked: the guard against URLs that a stranger chose.

A graph or a DDO may name any URL; whoever fetches it lends the stranger his own place in the network. So a
foreign URL is fetched only from public addresses, or from what an explicit allow-list names. What counts
is the address that is connected to, not how the host was written: `2130706433`, `0x7f.1` and a name that
resolves to it are all 127.0.0.1, and the address that was judged is the one that is used.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urlsplit

from airflow_provider_deflow.errors import ForbiddenTarget, SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What speaks HTTP on purpose; mail, shells and the like lie between.
_WEB_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
# Once led from IPv4 to IPv6; no longer public, though Python calls it so.
_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# In a shared cloud these hand out the machine's own credentials; some are public by their number.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "192.0.0.192", "100.100.100.200", "168.63.129.16"))
)


@dataclass(frozen=True, slots=True)
class Targets:
    """Public addresses, and the hosts and networks that are allowed besides."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """From an allow-list of host names, addresses and networks. Raises `SettingsError`."""
        names, networks = set(), []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                name = _name(entry)
                if not name or not set(name) <= _NAME_CHARACTERS or name[-1].isdigit():
                    raise SettingsError(
                        f"{entry!r} cannot be allowed as a target — it is neither a host name nor a network "
                        "like 10.0.0.0/8; correct the list"
                    ) from None
                names.add(name)
        return cls(frozenset(names), tuple(networks))

    def require_url(self, url: str) -> None:
        """What the text alone tells; who answers there is judged when its addresses are known."""
        parts = require_web_url(url)
        if parts.username is not None or parts.password is not None:
            raise _forbidden(parts, "it has a user before its host", "Give credentials as headers")
        port = _port(parts)
        if port not in _WEB_PORTS and port < _FIRST_FREE_PORT and not self._names(parts.hostname or ""):
            raise _forbidden(parts, f"port {port} is not for the web", "Use 80, 443, or one from 1024 on")

    def require_addresses(self, host: str, addresses: Iterable[str]) -> None:
        """All that `host` resolves to may be asked; one that may not refuses them all."""
        if self._names(host):
            return
        for text in addresses:
            why = self._complaint(ipaddress.ip_address(text.partition("%")[0]))
            if why:
                raise ForbiddenTarget(
                    f"{host} is not asked — its address {text} is {why}, and a URL that a graph or an asset "
                    "brings may lead to public addresses only; allow it by name or network, if it is yours"
                )

    def _names(self, host: str) -> bool:
        return _name(host) in self.names

    def _complaint(self, address: Address) -> str | None:
        meant = _unwrapped(address)
        if any(address in network or meant in network for network in self.networks):
            return None
        if meant in _METADATA:
            return "a cloud's metadata service"
        if meant.is_loopback or meant.is_unspecified:
            return "this machine itself"
        if meant.is_link_local:
            return "on this machine's own link"
        if meant.is_multicast:
            return "a group of machines"
        is_old_private = getattr(meant, "is_site_local", False) or meant in _RELAYS
        if not meant.is_global or meant.is_reserved or is_old_private:
            return "not public"
        return None


def require_web_url(url: str) -> SplitResult:
    """http or https, and a host: all that any request needs. Raises `ForbiddenTarget`."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ForbiddenTarget(f"(a malformed URL) is not fetched — {error}; correct it") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _forbidden(parts, "only http:// and https:// URLs are", "Correct it")
    return parts


def redact(url: str) -> str:
    """`url` for messages: without credentials, and without the values of its query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(a malformed URL)"
    host = f"[{host}]" if ":" in host else host
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{query}"


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def _name(host: str) -> str:
    return host.strip().lower().rstrip(".")


def _port(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, on the ways that lead to it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (address, address))[1]


def _forbidden(parts: SplitResult, why: str, remedy: str) -> ForbiddenTarget:
    return ForbiddenTarget(f"{redact(parts.geturl())} is not fetched — {why}. {remedy}.")
