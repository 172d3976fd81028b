# SPDX-License-Identifier: Apache-2.0
"""Ocean assets as an index tells of them: datasets and algorithms, their services and prices."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from airflow_provider_deflow.api.values import MOMENT, Value

DID = f"did:op:{'0123456789abcdef' * 4}"
ADDRESS = "0x1234567890123456789012345678901234AbCdEf"
DID_PATTERN = r"^did:op:[0-9a-f]{64}$"

Kind = Literal["dataset", "algorithm"]


class AssetPrice(Value):
    """What one order of a service costs: `free` is given out by a dispenser, `fixed_rate` is sold.

    `none`: only the publisher gives out datatokens. `unknown`: the index does not say.
    """

    kind: Literal["free", "fixed_rate", "none", "unknown"] = Field(examples=["fixed_rate"])
    amount: str | None = Field(description="Whole tokens; `0` of `free`.", examples=["2.5"])
    token: str | None = Field(description="What is paid with; null of all but a rate.", examples=[ADDRESS])


class AssetService(Value):
    """One way to use an asset; ordered and paid by itself."""

    id: str = Field(examples=["0a1b2c"])
    type: str = Field(description="`access` (download) or `compute` (jobs).", examples=["compute"])
    name: str = Field(description="Empty where it has none.", examples=["rain.csv"])
    timeout_seconds: int = Field(description="How long an order is good; 0 is for ever.", examples=[86_400])
    datatoken: str = Field(examples=[ADDRESS])
    price: AssetPrice


class AssetListed(Value):
    """A dataset or an algorithm, in its publisher's words."""

    did: str = Field(examples=[DID])
    kind: Kind = Field(examples=["dataset"])
    name: str = Field(examples=["Rain"])
    description: str = Field(examples=["Rain of each day."])
    author: str = Field(examples=["The weather office"])
    chain_id: int = Field(examples=[11_155_111])
    created_at: str | None = Field(
        description="As its publisher wrote it, so mostly ISO 8601.", examples=[MOMENT]
    )
    state: str = Field(
        description="What its owner lets be done with it: `active`, `end of life`, `deprecated`, `revoked`, "
        "`ordering disabled` or `unlisted`; a job takes only what is `active`.",
        examples=["active"],
    )
    services: list[AssetService]


class AssetList(Value):
    """One page of what matches; `total` counts all of it."""

    assets: list[AssetListed]
    total: int = Field(examples=[1])
    is_complete: bool = Field(
        description="False where the index has more than were looked through: look for a whole DID then."
    )


class AssetAlgorithm(Value):
    """The container that an algorithm runs in."""

    image: str = Field(examples=["python"])
    tag: str = Field(examples=["3.12-slim"])
    checksum: str = Field(description="Of the image.", examples=[f"sha256:{'0' * 64}"])
    entrypoint: str = Field(examples=["python $ALGO"])
    language: str = Field(examples=["python"])
    version: str = Field(examples=["0.1"])
    consumer_parameters: list[dict[str, Any]] = Field(
        description="As the document has them.",
        examples=[[{"name": "threshold", "type": "number", "label": "Threshold", "required": False}]],
    )


class AssetView(AssetListed):
    """All that one needs to use an asset."""

    license: str = Field(examples=["CC0-1.0"])
    tags: list[str] = Field(examples=[["rain"]])
    data_nft: str = Field(examples=[ADDRESS])
    algorithm: AssetAlgorithm | None = Field(description="Null of a dataset.")
    trusted_algorithms: list[str] = Field(
        description="DIDs that a dataset's compute services let in; `*` is every one.", examples=[[DID]]
    )
    trusted_publishers: list[str] = Field(
        description="Whose algorithms are let in: to an Ocean Node these are data NFTs; `*` is all.",
        examples=[[ADDRESS]],
    )
    allows_inline_code: bool = Field(description="Whether a compute service takes code that is no asset.")
