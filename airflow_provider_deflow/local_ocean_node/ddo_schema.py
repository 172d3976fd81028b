# SPDX-License-Identifier: Apache-2.0
"""Which DDOs have the form that Ocean's schemas demand: versions 4.1.0 to 4.7.0.

Only whether, since a real node says no more: its reply to any fault is the same useless sentence. The
order of versions is one of ever more limits, so each rule says from which one on it holds. DDOs of
version 5 (verifiable credentials) are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# JavaScript's dot stops at these.
_ONE_LINE = re.compile(r"[^\n\r\u2028\u2029]*")
VERSIONS = ("4.1.0", "4.3.0", "4.5.0", "4.7.0")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One field. `least` characters hold `since` that version, `most` since 4.3.0."""

    name: str
    kind: type | tuple[_Rule, ...] = str
    needed: bool = False
    # Whether a list may have several.
    many: bool = False
    # Whether the text may have several.
    lines: bool = False
    least: int = 0
    since: str = "4.3.0"
    most: int | None = None


def _needed(name: str, kind: type | tuple[_Rule, ...] = str, **limits: Any) -> _Rule:
    return _Rule(name, kind, needed=True, **limits)


_CREDENTIALS = (_needed("type", most=256), _needed("values", many=True, most=1024))
_TRUSTED = (
    _needed("did", most=256),
    _needed("filesChecksum", most=1024),
    _needed("containerSectionChecksum", most=1024),
)
_COMPUTE = (
    _needed("allowRawAlgorithm", bool),
    _needed("allowNetworkAccess", bool),
    _Rule("publisherTrustedAlgorithmPublishers", many=True, most=256),
    _Rule("publisherTrustedAlgorithms", _TRUSTED, many=True),
)
_PARAMETERS = (
    _needed("name", most=256),
    _needed("type", most=256),
    _needed("label", most=256),
    _needed("required", bool),
    _needed("description", lines=True, most=7000),
    _needed("default", most=256),
    _Rule("options", many=True, most=256),
)
_SERVICE = (
    _needed("id", most=256),
    _needed("type", most=256),
    _Rule("name", least=4, most=256),
    _Rule("description", lines=True, least=10, most=7000),
    _needed("datatokenAddress", least=42, most=42),
    _needed("serviceEndpoint", least=10, most=2048),
    _needed("files", most=8192),
    _needed("timeout", int),
    _Rule("compute", _COMPUTE),
    _Rule("consumerParameters", _PARAMETERS, many=True),
)
_CONTAINER = (
    _needed("entrypoint", least=3, since="4.5.0", most=256),
    _needed("image", least=1, since="4.5.0", most=256),
    _needed("tag", least=1, since="4.5.0", most=256),
    _needed("checksum", least=7, most=512),
)
_ALGORITHM = (
    _Rule("version", most=256),
    _Rule("language", most=256),
    _needed("container", _CONTAINER),
    _Rule("consumerParameters", _PARAMETERS, many=True),
)
_METADATA = (
    _needed("description", lines=True, least=10, since="4.5.0", most=7000),
    _needed("name", lines=True, least=4, since="4.5.0", most=512),
    _needed("type", lines=True, most=256),
    _needed("author", lines=True, most=256),
    _needed("license", lines=True, most=256),
    _Rule("copyrightHolder", lines=True, most=512),
    _Rule("links", many=True, lines=True, most=512),
    _Rule("tags", many=True, lines=True, most=256),
    _Rule("categories", many=True, lines=True, most=256),
    _Rule("contentLanguage", lines=True, most=256),
    _needed("created", lines=True),
    _needed("updated", lines=True),
    _Rule("algorithm", _ALGORITHM),
)
_DDO = (
    _needed("id", least=71, most=71),
    _needed("version", most=16),
    _needed("chainId", int),
    _needed("nftAddress", lines=True, least=42, most=42),
    _needed("metadata", _METADATA),
    _needed("services", _SERVICE, many=True),
    _Rule(
        "credentials",
        (_Rule("deny", _CREDENTIALS, many=True), _Rule("allow", _CREDENTIALS, many=True)),
        many=True,
    ),
)
# From 4.5.0 on an asset may be without services.
_SERVICES_OPTIONAL_SINCE = "4.5.0"


def conforms(ddo: dict[str, Any]) -> bool:
    """By the schema of the DDO's own version, which must be one of `VERSIONS`."""
    return not any(_faults(ddo, _DDO, str(ddo["version"])))


def _faults(value: Any, rules: tuple[_Rule, ...], version: str) -> Iterator[str]:
    if not isinstance(value, dict):
        # Text has no fields, so it does where none is needed.
        value = {}
    for rule in rules:
        values = list(_values(value.get(rule.name)))
        optional = rule.name == "services" and version >= _SERVICES_OPTIONAL_SINCE
        if rule.needed and not values and not optional:
            yield rule.name
        if len(values) > 1 and not rule.many:
            yield rule.name
        for one in values:
            yield from _value_faults(one, rule, version)


def _value_faults(value: Any, rule: _Rule, version: str) -> Iterator[str]:
    if isinstance(rule.kind, tuple):
        # "*" stands for all algorithms.
        if not (rule.name == "publisherTrustedAlgorithms" and value == "*"):
            yield from (f"{rule.name}.{fault}" for fault in _faults(value, rule.kind, version))
    elif not isinstance(value, rule.kind) or (rule.kind is int and isinstance(value, bool)):
        yield rule.name
    elif isinstance(value, str):
        too_short = version >= rule.since and len(value) < rule.least
        too_long = version >= "4.3.0" and rule.most is not None and len(value) > rule.most
        if too_short or too_long or (not rule.lines and not _ONE_LINE.fullmatch(value)):
            yield rule.name


def _values(value: Any) -> Iterator[Any]:
    """A list stands for its elements, null for nothing."""
    for one in value if isinstance(value, list) else [value]:
        if one is not None:
            yield one
