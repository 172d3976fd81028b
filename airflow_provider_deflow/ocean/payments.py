# SPDX-License-Identifier: Apache-2.0
"""What a paid job costs, and what became of the money, in an Ocean Node's words.

Amounts are `int` in base units of their token. Nothing here moves money: `chain` does, with these
values. Two kinds of payment meet in a paid job: its resources, locked in the escrow by the node when
it takes the start, and an order with a provider fee for each dataset and algorithm that has a DID.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from airflow_provider_deflow.ocean import fields


@dataclass(frozen=True, slots=True)
class Payment:
    """Which money a job is paid with; `token` must be written exactly as the environment's fees do."""

    chain_id: int
    token: str

    def to_request(self) -> dict[str, Any]:
        return {"chainId": self.chain_id, "token": self.token}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a paid job was chosen for: its money, who is paid, and `price`, whole tokens by the listing.

    A node that quotes something else is not paid.
    """

    payment: Payment
    payee: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class ProviderFee:
    """A fee that the node signed, to be handed to the datatoken's `startOrder` as it is.

    `valid_until` is epoch seconds where access is quoted, and a duration where a job is: such a
    service's timeout.
    """

    address: str
    token: str
    amount: int
    data: str
    v: int
    r: str
    s: str
    valid_until: int

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "'providerFee'")
        return cls(
            address=fields.text(reply, "providerFeeAddress"),
            token=fields.text(reply, "providerFeeToken"),
            amount=fields.base_units(reply, "providerFeeAmount"),
            data=fields.text(reply, "providerData"),
            v=fields.integer(reply, "v"),
            r=fields.text(reply, "r"),
            s=fields.text(reply, "s"),
            valid_until=fields.integer(reply, "validUntil"),
        )


@dataclass(frozen=True, slots=True)
class AssetQuote:
    """What a dataset or algorithm needs before it may be used in a job.

    Inline code needs nothing: `did` is empty. `order` is the transaction of an order that is still
    good, and then there is no `provider_fee`. An order is made for `consumer_address`, the node's own.
    """

    did: str
    service_id: str
    datatoken: str
    chain_id: int | None
    consumer_address: str
    order: str | None
    provider_fee: ProviderFee | None

    @property
    def needs_order(self) -> bool:
        return self.did != "" and self.order is None

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a quoted asset")
        order = reply.get("validOrder")
        fee = reply.get("providerFee")
        return cls(
            did=str(reply.get("did") or ""),
            service_id=str(reply.get("serviceId") or ""),
            datatoken=str(reply.get("datatoken") or ""),
            chain_id=None if reply.get("chainId") is None else fields.integer(reply, "chainId"),
            consumer_address=str(reply.get("consumerAddress") or ""),
            order=order if isinstance(order, str) and order else None,
            provider_fee=None if fee is None else ProviderFee.from_reply(fee),
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """What a job would cost: `amount` is locked in `escrow` for `payee`, the rest of it given back later.

    The payer must have authorized `payee` for at least `min_lock_seconds`. An amount of 0 cannot be
    locked: an environment whose prices come to nothing runs no paid job of this size.
    """

    payment: Payment
    amount: int
    min_lock_seconds: int
    payee: str
    escrow: str
    algorithm: AssetQuote
    datasets: tuple[AssetQuote, ...]

    @property
    def to_order(self) -> tuple[AssetQuote, ...]:
        """What must be ordered before the start."""
        return tuple(asset for asset in (self.algorithm, *self.datasets) if asset.needs_order)

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "the quote")
        payment = fields.as_object(reply.get("payment"), "'payment'")
        datasets = fields.as_list(reply.get("datasets") or [], "'datasets'")
        return cls(
            payment=Payment(fields.integer(payment, "chainId"), fields.text(payment, "token")),
            amount=fields.base_units(payment, "amount"),
            min_lock_seconds=fields.integer(payment, "minLockSeconds"),
            payee=fields.text(payment, "payee"),
            escrow=fields.text(payment, "escrowAddress"),
            algorithm=AssetQuote.from_reply(reply.get("algorithm")),
            datasets=tuple(AssetQuote.from_reply(item) for item in datasets),
        )


@dataclass(frozen=True, slots=True)
class AccessQuote:
    """What downloading a file of an access service needs: an order with this fee."""

    provider_fee: ProviderFee
    datatoken: str

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "the quote")
        return cls(ProviderFee.from_reply(reply.get("providerFee")), fields.text(reply, "datatoken"))


@dataclass(frozen=True, slots=True)
class JobPayment:
    """The money of a paid job as its record shows it.

    `lock_tx` is known as soon as it was sent, which is before it is mined. `claim_tx` comes with the
    node's hourly claim, and `cost` with it: whole tokens, as the node writes it, for showing only.
    """

    payment: Payment
    lock_tx: str | None
    claim_tx: str | None
    cancel_tx: str | None
    cost: str

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "'payment'")
        return cls(
            payment=Payment(fields.integer(reply, "chainId"), fields.text(reply, "token")),
            lock_tx=reply.get("lockTx") or None,
            claim_tx=reply.get("claimTx") or None,
            cancel_tx=reply.get("cancelTx") or None,
            cost=str(reply.get("cost") or "0"),
        )

    def to_document(self) -> dict[str, Any]:
        return {
            "chain_id": self.payment.chain_id,
            "token": self.payment.token,
            "lock_tx": self.lock_tx,
            "claim_tx": self.claim_tx,
            "cancel_tx": self.cancel_tx,
            "cost": self.cost,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        values = dict(document)
        return cls(Payment(values.pop("chain_id"), values.pop("token")), **values)
