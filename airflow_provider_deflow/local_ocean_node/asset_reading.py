# SPDX-License-Identifier: Apache-2.0
"""From an event that describes an asset to the document that is indexed, or to why there is none.

All of it asks the chain, so it runs in a thread and touches no data base. The checks and their words are a
real node's, in its order.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.local_ocean_node import ddo_schema
from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.ddos import did_of
from airflow_provider_deflow.local_ocean_node.identity import Identity, Undecryptable
from airflow_provider_deflow.local_ocean_node.javascript import dumps

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.datatoken import Datatoken
    from airflow_provider_deflow.chain.events import Event

ACTIVE, DEPRECATED, REVOKED = 0, 2, 3
_ENCRYPTED = 2
# What a real node's code trips over when its data base refuses a document; it calls that valid.
BROKEN_SCHEMA = "Cannot read properties of null (reading 'id')"


class Unindexable(Exception):
    """The event describes nothing that can be indexed; the reason is kept for whoever asks."""

    def __init__(self, reason: str, *, valid: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.valid = valid


@dataclass(frozen=True, slots=True)
class AssetReading:
    """Reads for one chain."""

    chain: Chain
    identity: Identity

    def document(self, event: Event, previous: dict[str, Any] | None) -> dict[str, Any] | None:
        """None when the event is of no concern; raises `Unindexable`."""
        from airflow_provider_deflow.chain.data_nft import DataNft, is_known

        if not is_known(self.chain.web3, self.chain.network, event.address):
            return None
        state = DataNft(self.chain.web3, event.address).state()
        if state in (DEPRECATED, REVOKED):
            return gone(previous, state) if previous else None
        ddo = self._clear(event)
        if not isinstance(ddo, dict):
            raise Unindexable("Cannot use 'in' operator to search for 'indexedMetadata' in " + dumps(ddo))
        ddo.pop("indexedMetadata", None)
        self._require_known_version(ddo)
        if ddo.get("id") != did_of(event.address, self.chain.chain_id):
            raise Unindexable("Decrypted DDO ID does not match generated DID.")
        if not _is_encrypted(event):
            shown = f"0x{dumps(ddo).encode().hex()}"
            if hashlib.sha256(shown.encode()).digest() != event.args["metaDataHash"]:
                raise Unindexable("Unencrypted DDO hash does not match metadata hash.")
        if event.name == "MetadataUpdated" and previous is None:
            return None
        if previous and _was_read(event, previous):
            return None
        _require_news(event, previous)
        return self._described(ddo, event, state)

    def prices(self, datatoken: Datatoken) -> list[dict[str, Any]]:
        given = [
            {"type": "dispenser", "price": "0", "contract": address, "token": datatoken.address}
            for address in datatoken.active_dispensers()
        ]
        sold = [
            {
                "type": "fixedrate",
                "price": f"{price / 10**18}",
                "token": token,
                "contract": address,
                "exchangeId": exchange_id,
            }
            for address, exchange_id, token, price in datatoken.fixed_rates()
        ]
        return [*given, *sold]

    def _clear(self, event: Event) -> Any:
        data = event.args["data"]
        if _is_encrypted(event):
            try:
                data = self.identity.decrypt(data)
            except Undecryptable as error:
                raise Unindexable(
                    "Provider exception on decrypt DDO. Status: Provider validation failed: Bad Request"
                ) from error
            if hashlib.sha256(data).digest() != event.args["metaDataHash"]:
                raise Unindexable("Provider exception on decrypt DDO. Status: Hash check failed")
        try:
            return json.loads(data)
        except ValueError as error:
            raise Unindexable(f"{error} is not valid JSON") from error

    def _require_known_version(self, ddo: dict[str, Any]) -> None:
        version = ddo.get("version")
        if not isinstance(version, str) or not version.startswith("4"):
            raise Unindexable(f"Unsupported DDO version: {version}")

    def _described(self, ddo: dict[str, Any], event: Event, state: int) -> dict[str, Any]:
        from airflow_provider_deflow.chain.data_nft import DataNft

        conforms = ddo["version"] in ddo_schema.VERSIONS and ddo_schema.conforms(ddo)
        datatokens, stats = self._datatokens(ddo.get("services") or [])
        data_nft = DataNft(self.chain.web3, event.address)
        mined = self.chain.web3.eth.get_block(event.block)["timestamp"]
        created = event.args["timestamp"]
        by = event.args["createdBy" if event.name == "MetadataCreated" else "updatedBy"]
        if not conforms:
            raise Unindexable(BROKEN_SCHEMA, valid=True)
        return {
            **ddo,
            "chainId": self.chain.chain_id,
            "nftAddress": event.address,
            "datatokens": datatokens,
            "indexedMetadata": {
                "stats": stats,
                "nft": {
                    "state": state,
                    "address": event.address,
                    "name": data_nft.name(),
                    "symbol": data_nft.symbol(),
                    "owner": by,
                    "created": f"{_iso(created)}Z",
                    "tokenURI": data_nft.token_uri(),
                },
                "event": {
                    "txid": event.transaction_hash,
                    "from": by,
                    "contract": event.address,
                    "block": event.block,
                    "datetime": f"{_iso(mined)}.000Z",
                },
                "purgatory": {"state": False},
            },
        }

    def _datatokens(self, services: list[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Who they are, and how often each was ordered: an updated asset counts anew."""
        from airflow_provider_deflow.chain.datatoken import Datatoken

        datatokens, stats = [], []
        for service in services:
            address, service_id = service["datatokenAddress"], service["id"]
            datatoken = Datatoken(self.chain.web3, address)
            known = {"name": datatoken.name(), "symbol": datatoken.symbol(), "serviceId": service_id}
            datatokens.append({"address": address, **known})
            prices = self.prices(datatoken)
            # A real node has one entry for each way to get the datatoken, and one if there is none.
            entry = {"datatokenAddress": address, **known, "orders": 0, "prices": prices}
            stats += [dict(entry) for _ in prices] or [entry]
        return datatokens, stats


def gone(previous: dict[str, Any], state: int) -> dict[str, Any]:
    """What stays of an asset that was taken out of use."""
    return {
        "id": previous["id"],
        "version": "deprecated",
        "chainId": previous["chainId"],
        "nftAddress": previous["nftAddress"],
        "indexedMetadata": {"nft": {"state": state}},
    }


def _was_read(event: Event, previous: dict[str, Any]) -> bool:
    """Whether the reading broke off in the event's block, and comes by once more."""
    known = previous["indexedMetadata"].get("event") or {}
    if event.transaction_hash == known.get("txid"):
        return True
    # A data NFT says it once, before all updates.
    return event.name == "MetadataCreated" and event.block <= known.get("block", -1)


def _require_news(event: Event, previous: dict[str, Any] | None) -> None:
    if previous is None:
        return
    known = previous["indexedMetadata"].get("event") or {}
    if event.name == "MetadataCreated":
        if previous["indexedMetadata"]["nft"]["state"] == ACTIVE:
            raise Unindexable(
                f"DDO {previous['id']} is already registered as active from transaction {known.get('txid')}"
            )
    elif event.block == known.get("block"):
        raise Unindexable(
            f"Asset was updated later (block: {known.get('block')}) vs transaction block: {event.block}"
        )


def _is_encrypted(event: Event) -> bool:
    return bool(int.from_bytes(event.args["flags"]) & _ENCRYPTED)


def _iso(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")
