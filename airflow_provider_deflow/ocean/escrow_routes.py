# SPDX-License-Identifier: Apache-2.0
"""What a node's index has seen on chain: the escrow's events, and access lists. Pure, like `routes`.

Good for comparing a ledger with, no proof: the chain is. The index knows addresses in lower case only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, cast, get_args

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.access import AccessList
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.signing import checksum_address

EventKind = Literal["Deposit", "Withdraw", "Auth", "Lock", "Claimed", "Canceled"]


@dataclass(frozen=True, slots=True)
class EscrowEvent:
    """`job_id` is the escrow's number of a job; amounts are base units. None: the kind has no such field.

    An `Auth` has what may be locked at most as its `amount`.
    """

    kind: EventKind
    chain_id: int
    block: int
    tx_hash: str
    payer: str
    payee: str | None
    token: str | None
    job_id: int | None
    amount: int

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "an escrow event")
        kind = fields.text(reply, "eventType")
        if kind not in get_args(EventKind):
            raise fields.unexpected("'eventType' must be one of the escrow's events", kind)
        return cls(
            kind=cast(EventKind, kind),
            chain_id=fields.integer(reply, "chainId"),
            block=fields.integer(reply, "block"),
            tx_hash=fields.text(reply, "txHash"),
            payer=checksum_address(fields.text(reply, "payer")),
            payee=_address(reply, "payee"),
            token=_address(reply, "token"),
            job_id=None if reply.get("jobId") is None else fields.base_units(reply, "jobId"),
            amount=fields.base_units(reply, "maxLockedAmount" if kind == "Auth" else "amount"),
        )


def escrow_events(
    *,
    chain_id: int | None = None,
    kind: EventKind | None = None,
    payer: str | None = None,
    payee: str | None = None,
    token: str | None = None,
    job_id: int | None = None,
    tx_hash: str | None = None,
    offset: int | None = None,
    size: int | None = None,
) -> Route[list[EscrowEvent]]:
    """`offset` and `size` cut a page out of what matches."""

    def read(reply: Any) -> list[EscrowEvent]:
        return [EscrowEvent.from_reply(item) for item in fields.as_list(reply, "the escrow's events")]

    wanted = {
        "chainId": chain_id,
        "eventType": kind,
        "payer": payer,
        "payee": payee,
        "token": token,
        "jobId": job_id,
        "txId": tx_hash,
        "offset": offset,
        "size": size,
    }
    query = {name: str(value) for name, value in wanted.items() if value is not None}
    return routes.get("escrow events", f"{routes.SERVICES}/escrow/events", read, query)


def access_lists_of(wallet: str) -> Route[list[AccessList]]:
    """The access lists that `wallet` is on; a node without an index refuses to say."""

    def read(reply: Any) -> list[AccessList]:
        items = [routes.an_object(item) for item in fields.as_list(reply, "the access lists")]
        return [AccessList(fields.integer(i, "chainId"), fields.text(i, "contractAddress")) for i in items]

    query = {"wallet": checksum_address(wallet)}
    return routes.get("access lists", f"{routes.SERVICES}/accesslists", read, query)


def access_list(chain_id: int, contract: str) -> Route[dict[str, Any]]:
    """One access list with its wallets. Refused with 404 when the node has not indexed it."""
    path = f"{routes.SERVICES}/accesslists/{chain_id}/{checksum_address(contract)}"
    return routes.get("access list", path, lambda reply: dict(routes.an_object(reply)))


def _address(reply: fields.Reply, field: str) -> str | None:
    return None if reply.get(field) is None else checksum_address(fields.text(reply, field))
