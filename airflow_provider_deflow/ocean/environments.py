# SPDX-License-Identifier: Apache-2.0
"""Compute environments, as an Ocean Node lists them: limits, prices, what is in use.

Only the words, read once. What a job gets of an environment and what that costs is the node's own
arithmetic, in `allotment`; which one a job takes is decided in `choosing`. `ram` and `disk` are GB,
durations seconds, a price is whole tokens per unit and started minute. The waiting times of a
listing (`queMaxWaitTime`, `runMaxWaitTime`) are sums over jobs, often wrong, and are left unread.
All words of it end in logs, ids too, so each is read as one line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from airflow_provider_deflow.ocean import fields
from airflow_provider_deflow.ocean.access import Access
from airflow_provider_deflow.ocean.fields import Reply
from airflow_provider_deflow.ocean.plain_text import one_line


@dataclass(frozen=True, slots=True)
class Constraint:
    """What has to go with a resource: at least `min` and at most `max` of another one, `id`.

    Per unit of the first, unless `per_unit` is false. Since the next major: `type` instead of `id`
    means all resources of that type together, and an aggregate one adds up over the resources that
    carry it.
    """

    id: str | None
    type: str | None
    min: float | None
    max: float | None
    per_unit: bool = True
    is_aggregate: bool = False

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a constraint")
        return cls(
            id=None if reply.get("id") is None else _words(reply, "id"),
            type=None if reply.get("type") is None else _words(reply, "type"),
            min=None if reply.get("min") is None else fields.number(reply, "min", 0),
            max=None if reply.get("max") is None else fields.number(reply, "max", 0),
            per_unit=reply.get("perUnit") is not False,
            is_aggregate=reply.get("aggregate") is True,
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing an environment shares out, and how much of it one job gets, from `min` to `max`."""

    id: str
    total: float
    max: float
    min: float
    in_use: float
    type: str = ""
    description: str = ""
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def from_reply(cls, reply: object, paid: Resource | None = None) -> Self:
        """Free limits leave out what equals the environment's own, given as `paid`, but for the total."""
        reply = fields.as_object(reply, "a resource")
        return cls(
            id=_id(reply),
            total=fields.number(reply, "total", math.inf if paid else 0),
            max=fields.number(reply, "max", paid.max if paid else 0),
            min=fields.number(reply, "min", paid.min if paid else 0),
            in_use=fields.number(reply, "inUse", 0),
            type=_words(reply, "type"),
            description=_words(reply, "description"),
            constraints=tuple(map(Constraint.from_reply, reply.get("constraints") or ())),
        )

    @property
    def idle(self) -> float:
        """How much of it nobody uses now."""
        return self.total - self.in_use


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may have, free or paid; `max_jobs` 0 means no limit.

    `resources` is empty where the listing names none for free jobs: then none of any size starts.
    """

    access: Access
    resources: Mapping[str, Resource]
    max_duration_seconds: float
    max_jobs: int
    running_jobs: int
    queued_jobs: int
    allows_image_build: bool


@dataclass(frozen=True, slots=True)
class Fees:
    """The prices in one fee token; a resource without a price costs nothing."""

    chain_id: int
    fee_token: str
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Features:
    """What the next major lets an owner switch off per environment."""

    compute_jobs: bool
    services: bool


@dataclass(frozen=True, slots=True)
class ComputeEnvironment:
    """One compute environment of an Ocean Node; `free` is None where every job is paid."""

    id: str
    description: str
    consumer_address: str
    architecture: str
    os: str
    resources: Mapping[str, Resource]
    min_duration_seconds: float
    storage_expiry_seconds: float
    has_network: bool
    fees: tuple[Fees, ...]
    features: Features | None
    paid: Limits
    free: Limits | None

    @property
    def is_free(self) -> bool:
        return self.free is not None

    @property
    def platform(self) -> str:
        """As images are for one, `os/architecture`; empty when the node does not say both."""
        return f"{self.os}/{self.architecture}" if self.os and self.architecture else ""

    @property
    def name(self) -> str:
        """Its id, with its owner's words for it."""
        return f"{self.id} ({self.description})" if self.description else self.id

    def fees_in(self, chain_id: int, fee_token: str) -> Fees | None:
        """The prices in one token; a node compares its address as text."""
        return next((f for f in self.fees if f.chain_id == chain_id and f.fee_token == fee_token), None)

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a compute environment")
        listed = (Resource.from_reply(item) for item in fields.as_list(reply.get("resources"), "'resources'"))
        resources = {resource.id: resource for resource in listed}
        platform = reply.get("platform")
        platform = platform if isinstance(platform, Mapping) else {}
        return cls(
            id=_id(reply),
            description=_words(reply, "description"),
            consumer_address=_words(reply, "consumerAddress"),
            architecture=_words(platform, "architecture"),
            os=_words(platform, "os"),
            resources=resources,
            min_duration_seconds=fields.number(reply, "minJobDuration", 0),
            storage_expiry_seconds=fields.number(reply, "storageExpiry", 0),
            has_network=reply.get("enableNetwork") is True,
            fees=_fees(reply.get("fees")),
            features=_features(reply.get("features")),
            paid=_paid_limits(reply, resources),
            free=_free_limits(reply, resources),
        )


def whole_tokens(number: float) -> Decimal:
    """The digits that a node's JSON shows, which is what it computes with."""
    return Decimal(repr(number)).normalize()


def _id(reply: Reply) -> str:
    """What goes back to the node as it came: an honest id is one line."""
    return one_line(fields.text(reply, "id"))


def _words(reply: Reply, field: str) -> str:
    return one_line(str(reply.get(field) or ""))


def _fees(reply: object) -> tuple[Fees, ...]:
    """Null where no job is paid."""
    if reply is None:
        return ()
    return tuple(
        Fees(int(chain_id), _words(item, "feeToken"), _prices(item.get("prices") or []))
        for chain_id, items in fields.as_object(reply, "'fees'").items()
        if str(chain_id).isdecimal()
        for item in (fields.as_object(each, "a fee") for each in fields.as_list(items, "'fees'"))
    )


def _prices(reply: object) -> dict[str, Decimal]:
    prices: dict[str, Decimal] = {}
    for each in fields.as_list(reply, "'prices'"):
        item = fields.as_object(each, "a price")
        # Of two prices for one resource the first counts.
        prices.setdefault(_id(item), whole_tokens(fields.number(item, "price", 0)))
    return prices


def _features(reply: object) -> Features | None:
    if not isinstance(reply, Mapping):
        return None
    return Features(reply.get("computeJobs") is not False, reply.get("services") is not False)


def _paid_limits(reply: Reply, resources: Mapping[str, Resource]) -> Limits:
    return Limits(
        access=Access.from_reply(reply.get("access")),
        resources=resources,
        max_duration_seconds=fields.number(reply, "maxJobDuration", math.inf),
        max_jobs=int(fields.number(reply, "maxJobs", 0)),
        running_jobs=int(fields.number(reply, "runningJobs", 0)),
        queued_jobs=int(fields.number(reply, "queuedJobs", 0)),
        allows_image_build=True,
    )


def _free_limits(reply: Reply, resources: Mapping[str, Resource]) -> Limits | None:
    if reply.get("free") is None:
        return None
    free = fields.as_object(reply["free"], "'free'")
    return Limits(
        access=Access.from_reply(free.get("access")),
        resources=_free_resources(free.get("resources"), resources),
        max_duration_seconds=fields.number(free, "maxJobDuration", math.inf),
        max_jobs=int(fields.number(free, "maxJobs", 0)),
        running_jobs=int(fields.number(reply, "runningfreeJobs", 0)),
        queued_jobs=int(fields.number(reply, "queuedFreeJobs", 0)),
        allows_image_build=free.get("allowImageBuild") is True,
    )


def _free_resources(reply: object, paid: Mapping[str, Resource]) -> dict[str, Resource]:
    """The listed ones first, in their order; of what is not in both lists a free job gets nothing."""
    if reply is None:
        return {}
    limits: dict[str, Resource] = {}
    for item in fields.as_list(reply, "'free.resources'"):
        id_ = _id(fields.as_object(item, "a resource"))
        limits[id_] = Resource.from_reply(item, paid[id_]) if id_ in paid else _nothing(id_)
    return limits | {id_: _nothing(id_) for id_ in paid if id_ not in limits}


def _nothing(id_: str) -> Resource:
    return Resource(id_, total=0, max=0, min=0, in_use=0)
