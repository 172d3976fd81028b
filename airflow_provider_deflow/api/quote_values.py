# SPDX-License-Identifier: Apache-2.0
"""What a run would cost, as its Ocean Nodes say before anything is paid."""

from __future__ import annotations

from pydantic import Field

from airflow_provider_deflow.api.asset_values import ADDRESS, DID
from airflow_provider_deflow.api.values import GraphDocument, Problem, Value


class AskQuote(Value):
    """What to quote: the drawing that is sent, else the saved draft."""

    document: GraphDocument | None = None


class TokenAmount(Value):
    """An amount of one token on one chain, in whole tokens."""

    chain_id: int = Field(examples=[11_155_111])
    token: str = Field(examples=[ADDRESS])
    symbol: str = Field(description="Empty where the token has none.", examples=["USDC"])
    amount: str = Field(examples=["0.25"])


class QuotedOrder(Value):
    """What an asset costs to order; one that is ordered already, for as long as a run takes, is not here."""

    did: str = Field(examples=[DID])
    token: str = Field(examples=[ADDRESS])
    amount: str = Field(description="Whole tokens.", examples=["2.5"])


class PlacedOrder(TokenAmount):
    """One order that a run places, whichever nodes it is for."""

    did: str = Field(examples=[DID])
    nodes: list[str] = Field(description="That use it.", examples=[["train"]])
    how: str = Field(
        description="`had`: the wallet has its datatoken; `dispensed`: it is given away; `bought`: sold.",
        examples=["bought"],
    )
    gas_wei: str = Field(description="About.", examples=["500000000000000"])


class QuotedNode(TokenAmount):
    """What a paid node would lock now; what the job does not use of its minutes comes back."""

    id: str = Field(examples=["train"])
    ocean_node: str = Field(description="Scheme and host.", examples=["https://node.example:8001"])
    environment: str = Field(description="As chosen, or as drawn.", examples=["0x1-0x2"])
    minutes: int = Field(examples=[60])
    orders: list[QuotedOrder] = Field(
        description="Of its datasets and algorithm by DID; one that several nodes share is placed once."
    )
    gas_wei: str = Field(
        description="About, of a wallet's first start: later ones need less.", examples=["340000000000000"]
    )


class BudgetView(Value):
    """What the drawing allows, in whole tokens; null where it sets no limit."""

    per_run: str | None = Field(examples=["5"])
    per_day: str | None = Field(examples=["20"])
    left_today: str | None = Field(description="Of `per_day`, in UTC.", examples=["17.5"])


class QuoteView(Value):
    """What each paid node would lock, and the sum; nothing is paid or reserved by asking."""

    nodes: list[QuotedNode]
    free: list[str] = Field(description="Nodes that are not paid.", examples=[["clean"]])
    orders: list[PlacedOrder] = Field(description="Of all nodes, free ones too: each is placed once.")
    totals: list[TokenAmount] = Field(description="By token, of jobs and orders together.")
    budget: BudgetView | None
    exceeds: bool = Field(description="Whether a run would be refused before its first payment.")
    problems: list[Problem] = Field(
        description="Nodes that could not be quoted, in the words of their Ocean Node: `totals` lack them."
    )
