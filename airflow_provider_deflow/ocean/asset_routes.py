# SPDX-License-Identifier: Apache-2.0
"""Assets as a node knows them: its index of DDOs, and the files behind access services. Pure, like `routes`.

Without a data base a node has no index: it finds no DDO (404), and refuses searches and states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.payments import AccessQuote
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.signing import checksum_address

_AQUARIUS = "/api/aquarius"


@dataclass(frozen=True, slots=True)
class DdoState:
    """How indexing an asset's last event went. `error` alone tells: the node says valid in any case."""

    did: str
    nft: str
    chain_id: int
    error: str

    @property
    def is_indexed(self) -> bool:
        return not self.error

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "the state of a DDO")
        return cls(
            did=fields.text(reply, "did"),
            nft=fields.text(reply, "nft"),
            chain_id=fields.integer(reply, "chainId"),
            # " " stands for none.
            error=str(reply.get("error") or "").strip(),
        )


@dataclass(frozen=True, slots=True)
class Validation:
    """A node's word that a DDO keeps its schema: its signature over the hash of the document."""

    sha256: str
    validator: str
    v: int
    r: str
    s: str

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "the validation")
        return cls(
            sha256=fields.text(reply, "hash"),
            validator=fields.text(reply, "publicKey"),
            v=fields.integer(reply, "v"),
            r=fields.text(reply, "r"),
            s=fields.text(reply, "s"),
        )


def ddo(did: str) -> Route[dict[str, Any]]:
    """The indexed DDO, with the node's `indexedMetadata`. Refused with 404 when there is none."""
    path = f"{_AQUARIUS}/assets/ddo/{quote(did, safe=':')}"
    return routes.get("DDO", path, lambda reply: dict(routes.an_object(reply)))


def search(query: Mapping[str, Any]) -> Route[list[dict[str, Any]]]:
    """The DDOs that match; `query` is in the words of the data base that the node has.

    Elasticsearch answers with documents, Typesense with a set of hits per DDO schema; here both are
    the documents.
    """

    def read(reply: Any) -> list[dict[str, Any]]:
        found = [fields.as_object(item, "a search result") for item in fields.as_list(reply, "the results")]
        return [document for item in found for document in _documents(item)]

    path = f"{_AQUARIUS}/assets/metadata/query"
    return Route("search of DDOs", "POST", path, read, body=dict(query), is_repeatable=True)


def ddo_state(*, did: str = "", nft: str = "") -> Route[DdoState]:
    """One of both. Refused with 404 until the node has seen the asset; by transaction it finds none."""
    query = {"did": did} if did else {"nft": nft}
    return routes.get("state of a DDO", f"{_AQUARIUS}/state/ddo", DdoState.from_reply, query)


def validate(ddo: Mapping[str, Any]) -> Route[Validation]:
    """Unsigned, as a node takes it too. What is wrong with a DDO it does not say: `[object Object]`."""
    path = f"{_AQUARIUS}/assets/ddo/validate"
    body = {"ddo": ddo}
    return Route("validate a DDO", "POST", path, Validation.from_reply, body=body, is_repeatable=True)


def decrypt(chain_id: int, nft: str, transaction_id: str) -> Route[dict[str, Any]]:
    """The clear DDO that a `setMetaData` transaction published encrypted for this node."""
    return _decrypt({"chainId": chain_id, "dataNftAddress": nft, "transactionId": transaction_id})


def decrypt_document(chain_id: int, nft: str, cipher: str, flags: int, sha256: str) -> Route[dict[str, Any]]:
    """The clear DDO from what is, or will be, on chain. LZMA (flag 1) a node cannot read."""
    document = {"encryptedDocument": cipher, "flags": flags, "documentHash": sha256}
    return _decrypt({"chainId": chain_id, "dataNftAddress": nft, **document})


def access_quote(did: str, service_id: str, consumer: str) -> Route[AccessQuote]:
    """What `consumer` must order before downloading. For a compute service there is `start_routes.quote`."""
    query = {"documentId": did, "serviceId": service_id, "consumerAddress": checksum_address(consumer)}
    path = f"{routes.SERVICES}/initialize"
    return routes.get("quote of access", path, AccessQuote.from_reply, query)


def download(
    did: str, service_id: str, file_index: int, order: str, userdata: str | None = None
) -> Route[None]:
    """A file of an access service, ordered by the transaction `order`. An order may be used again."""
    query = {
        "fileIndex": str(file_index),
        "documentId": did,
        "serviceId": service_id,
        "transferTxId": order,
    }
    if userdata is not None:
        query["userdata"] = userdata
    return routes.get("download", f"{routes.SERVICES}/download", routes.nothing, query, "download")


def _decrypt(body: Mapping[str, Any]) -> Route[dict[str, Any]]:
    return Route(
        "decrypt a DDO",
        "POST",
        f"{routes.SERVICES}/decrypt",
        lambda reply: dict(routes.an_object(reply)),
        body=body,
        command="decryptDDO",
        is_repeatable=True,
        signs_body=True,
        address_field="decrypterAddress",
    )


def _documents(found: fields.Reply) -> list[dict[str, Any]]:
    if "hits" not in found:
        return [dict(found)]
    hits = [fields.as_object(hit, "a hit") for hit in fields.as_list(found["hits"], "'hits'")]
    return [dict(fields.as_object(hit.get("document"), "'document'")) for hit in hits]
