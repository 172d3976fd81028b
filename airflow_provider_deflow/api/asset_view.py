# SPDX-License-Identifier: Apache-2.0
"""An indexed DDO as the API shows it. Anybody can publish one: nothing in it is trusted to have its type."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_provider_deflow.api import asset_values

Document = Mapping[str, Any]

MOST_LETTERS = 2000
# By the number on the chain.
STATES = ("active", "end of life", "deprecated", "revoked", "ordering disabled", "unlisted")


def is_shown(document: Document) -> bool:
    """Whether it says what it is: of what was revoked an index keeps little more than the DID."""
    return _part(document, "metadata").get("type") in ("dataset", "algorithm")


def holds(document: Document, words: list[str]) -> bool:
    """Whether each of the words, in lower case, is somewhere in what people read of it."""
    metadata = _part(document, "metadata")
    told = [metadata.get(name) for name in ("name", "description", "author")]
    text = "\n".join(map(_text, [*told, *_many(metadata.get("tags"))])).casefold()
    return all(word in text for word in words)


def age(document: Document) -> str:
    """To be sorted by."""
    return _text(_part(document, "metadata").get("created"))


def line_of(document: Document) -> asset_values.AssetListed:
    """The short form."""
    return asset_values.AssetListed(**_line(document))


def view_of(document: Document) -> asset_values.AssetView:
    """All that one needs to use it."""
    metadata = _part(document, "metadata")
    policies = [_part(service, "compute") for service in _objects(document.get("services"))]
    trusted = [
        _text(one.get("did"))
        for policy in policies
        for one in _objects(policy.get("publisherTrustedAlgorithms"))
    ]
    publishers = [
        _text(one) for policy in policies for one in _many(policy.get("publisherTrustedAlgorithmPublishers"))
    ]
    return asset_values.AssetView(
        **_line(document),
        license=_text(metadata.get("license")),
        tags=[_text(one) for one in _many(metadata.get("tags"))],
        data_nft=_text(document.get("nftAddress")),
        algorithm=_algorithm(metadata) if metadata.get("type") == "algorithm" else None,
        trusted_algorithms=sorted(set(trusted)),
        trusted_publishers=sorted(set(publishers)),
        allows_inline_code=any(policy.get("allowRawAlgorithm") is True for policy in policies),
    )


def _line(document: Document) -> dict[str, Any]:
    metadata, indexed = _part(document, "metadata"), _part(document, "indexedMetadata")
    state = _part(indexed, "nft").get("state", 0)
    stats = _objects(indexed.get("stats"))
    return {
        "did": _text(document.get("id")),
        "kind": metadata.get("type"),
        "name": _text(metadata.get("name")),
        "description": _text(metadata.get("description")),
        "author": _text(metadata.get("author")),
        "chain_id": _number(document.get("chainId")),
        "created_at": _text(metadata.get("created")) or None,
        "state": STATES[state] if isinstance(state, int) and 0 <= state < len(STATES) else f"state {state}",
        "services": [_service(one, stats) for one in _objects(document.get("services"))],
    }


def _service(service: Document, stats: list[Document]) -> asset_values.AssetService:
    return asset_values.AssetService(
        id=_text(service.get("id")),
        type=_text(service.get("type")),
        name=_text(service.get("name")),
        timeout_seconds=_number(service.get("timeout")),
        datatoken=_text(service.get("datatokenAddress")),
        price=_price(service, stats),
    )


def _price(service: Document, stats: list[Document]) -> asset_values.AssetPrice:
    """As the index has it for the service's datatoken; what is given away is not bought."""
    datatoken = _text(service.get("datatokenAddress")).lower()
    known = [one for one in stats if _text(one.get("datatokenAddress")).lower() == datatoken]
    if not known or not all(isinstance(one.get("prices"), list) for one in known):
        return asset_values.AssetPrice(kind="unknown", amount=None, token=None)
    prices = [price for one in known for price in _objects(one["prices"])]
    if any(price.get("type") == "dispenser" for price in prices):
        return asset_values.AssetPrice(kind="free", amount="0", token=None)
    for price in prices:
        amount = _amount(price.get("price"))
        if price.get("type") == "fixedrate" and amount is not None:
            return asset_values.AssetPrice(kind="fixed_rate", amount=amount, token=_text(price.get("token")))
    return asset_values.AssetPrice(kind="unknown" if prices else "none", amount=None, token=None)


def _algorithm(metadata: Document) -> asset_values.AssetAlgorithm:
    described = _part(metadata, "algorithm")
    container = _part(described, "container")
    return asset_values.AssetAlgorithm(
        **{name: _text(container.get(name)) for name in ("image", "tag", "checksum", "entrypoint")},
        language=_text(described.get("language")),
        version=_text(described.get("version")),
        consumer_parameters=[dict(one) for one in _objects(described.get("consumerParameters"))],
    )


def _amount(written: Any) -> str | None:
    try:
        amount = Decimal(str(written))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0 or amount.adjusted() > 60:
        return None
    return f"{amount.normalize():f}"


def _part(document: Any, name: str) -> Document:
    part = document.get(name) if isinstance(document, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _objects(value: Any) -> list[Document]:
    return [one for one in _many(value) if isinstance(one, Mapping)]


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _text(value: Any) -> str:
    """Not without end, and only what UTF-8 can hold."""
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return text[:MOST_LETTERS].encode("utf-8", "replace").decode()
