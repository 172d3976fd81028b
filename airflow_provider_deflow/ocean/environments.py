# SPDX-License-Identifier: Apache-2.0
"""Compute environments: what an Ocean Node offers, and which one a free job gets.

Limits are compared the way the node compares them, so that a choice made here is not refused
there. `ram` and `disk` are GB, durations seconds. What is in use right now is no reason to reject
an environment, only to prefer another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from airflow_provider_deflow.errors import NoEnvironment
from airflow_provider_deflow.ocean import fields
from airflow_provider_deflow.ocean.fields import Reply


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use an environment; both empty means everybody."""

    addresses: tuple[str, ...] = ()
    access_lists: tuple[object, ...] = ()

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = reply if isinstance(reply, Mapping) else {}
        return cls(tuple(reply.get("addresses") or ()), tuple(reply.get("accessLists") or ()))

    def refuses(self, address: str | None) -> str | None:
        """Why `address` may not use it, as far as that is known without asking a chain."""
        if not self.addresses and not self.access_lists:
            return None
        if address is not None and address in self.addresses:
            return None
        if self.access_lists:
            return "it is open to the holders of an access list only, which DeFlow does not look up"
        return f"its access list does not name {address or 'this account'}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing an environment shares out: cpu (cores), ram and disk (GB), or a gpu."""

    id: str
    total: float
    max: float
    min: float
    in_use: float

    @classmethod
    def from_reply(cls, reply: object, paid: Resource | None = None) -> Self:
        """Free limits leave out what equals the environment's own, given as `paid`."""
        reply = fields.as_object(reply, "a resource")
        return cls(
            fields.text(reply, "id"),
            fields.number(reply, "total", paid.total if paid else 0),
            fields.number(reply, "max", paid.max if paid else 0),
            fields.number(reply, "min", paid.min if paid else 0),
            fields.number(reply, "inUse", 0),
        )


@dataclass(frozen=True, slots=True)
class FreeLimits:
    """What a free job may have; `max_jobs` 0 means no limit."""

    access: Access
    resources: Mapping[str, Resource]
    max_duration_seconds: float
    max_jobs: int
    running_jobs: int
    allows_image_build: bool


@dataclass(frozen=True, slots=True)
class ComputeEnvironment:
    """One compute environment of an Ocean Node; `free` is None where every job is paid."""

    id: str
    description: str
    consumer_address: str
    architecture: str
    access: Access
    resources: Mapping[str, Resource]
    min_duration_seconds: float
    max_duration_seconds: float
    storage_expiry_seconds: float
    has_network: bool
    free: FreeLimits | None

    @property
    def is_free(self) -> bool:
        return self.free is not None

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a compute environment")
        resources = _resources(reply.get("resources"))
        platform = reply.get("platform")
        return cls(
            id=fields.text(reply, "id"),
            description=str(reply.get("description") or ""),
            consumer_address=str(reply.get("consumerAddress") or ""),
            architecture=str(platform.get("architecture") or "") if isinstance(platform, Mapping) else "",
            access=Access.from_reply(reply.get("access")),
            resources=resources,
            min_duration_seconds=fields.number(reply, "minJobDuration", 0),
            max_duration_seconds=fields.number(reply, "maxJobDuration", 0),
            storage_expiry_seconds=fields.number(reply, "storageExpiry", 0),
            has_network=reply.get("enableNetwork") is True,
            free=_free_limits(reply, resources),
        )

    def misses(
        self, resources: Mapping[str, float], max_duration_seconds: float | None, address: str | None = None
    ) -> list[str]:
        """Every reason why a free job does not fit here; empty when it fits.

        The node itself ignores resources it does not have and cuts a longer duration silently. Both
        are reasons here: an algorithm would meet less than it was promised.
        """
        if self.free is None:
            return ["it takes no free jobs"]
        reasons = []
        refusal = self.free.access.refuses(address)
        if refusal:
            reasons.append(refusal)
        for id_, amount in resources.items():
            limit = self.free.resources.get(id_)
            if amount > 0 and (limit is None or id_ not in self.resources):
                reasons.append(f"it has no {id_} for free jobs, {_amount(id_, amount)} asked for")
            elif limit is not None and amount > limit.max:
                reasons.append(f"at most {_amount(id_, limit.max)}, {_amount(id_, amount)} asked for")
        longest = self.free.max_duration_seconds
        if max_duration_seconds is not None and max_duration_seconds > longest:
            reasons.append(f"free jobs end after {longest:g} s, {max_duration_seconds:g} s asked for")
        return reasons

    def is_free_now(self, resources: Mapping[str, float]) -> bool:
        """Whether a free job of this size would start at once, as far as the listing tells."""
        if self.free is None or 0 < self.free.max_jobs <= self.free.running_jobs:
            return False
        for id_, limit in self.free.resources.items():
            own = self.resources.get(id_, limit)
            needed = max(resources.get(id_, 0), limit.min)
            if needed > own.total - own.in_use or needed > limit.total - limit.in_use:
                return False
        return True


def choose_environment(
    environments: Sequence[ComputeEnvironment],
    wanted_id: str | None,
    resources: Mapping[str, float],
    max_duration_seconds: float | None,
    address: str | None = None,
) -> tuple[ComputeEnvironment, str]:
    """The environment for a free job, and why this one.

    A named environment is taken or nothing is: it is never replaced. Otherwise the first that fits,
    one that is not busy before one that is. Raises `NoEnvironment`, saying what each one missed.
    """
    if wanted_id is not None:
        return _named(environments, wanted_id, resources, max_duration_seconds, address)
    rejected: list[str] = []
    fitting: list[ComputeEnvironment] = []
    for environment in environments:
        reasons = environment.misses(resources, max_duration_seconds, address)
        if reasons:
            rejected.append(f"{_name(environment)}: {'; '.join(reasons)}")
        else:
            fitting.append(environment)
    details = "".join(f"\n  {line}" for line in rejected)
    if not fitting:
        offers = "each one missed something" if environments else "it offers none at all"
        raise NoEnvironment(
            "no compute environment of the Ocean Node fits a free job of "
            f"{_size(resources, max_duration_seconds)} — {offers}; "
            f"ask for less, or choose another Ocean Node{details}"
        )
    chosen = next((e for e in fitting if e.is_free_now(resources)), fitting[0])
    busy = "" if chosen.is_free_now(resources) else ", though it is busy now, as are all that fit"
    return chosen, f"{_name(chosen)} was chosen: it fits{busy}." + (
        f" Rejected:{details}" if rejected else ""
    )


def _named(
    environments: Sequence[ComputeEnvironment],
    wanted_id: str,
    resources: Mapping[str, float],
    max_duration_seconds: float | None,
    address: str | None,
) -> tuple[ComputeEnvironment, str]:
    found = next((environment for environment in environments if environment.id == wanted_id), None)
    if found is None:
        offered = "".join(f"\n  {_name(environment)}" for environment in environments)
        raise NoEnvironment(
            f"the compute environment {wanted_id} is not on this Ocean Node any more — its owner may have "
            f"changed its fees or resources, which changes its id; choose another one, or none{offered}"
        )
    reasons = found.misses(resources, max_duration_seconds, address)
    if reasons:
        raise NoEnvironment(
            f"the compute environment {_name(found)} does not fit — {'; '.join(reasons)}; "
            "ask for less, or name another one"
        )
    return found, f"{_name(found)} was named."


def _resources(reply: object) -> dict[str, Resource]:
    found = (Resource.from_reply(item) for item in fields.as_list(reply, "'resources'"))
    return {resource.id: resource for resource in found}


def _free_limits(reply: Reply, resources: Mapping[str, Resource]) -> FreeLimits | None:
    if reply.get("free") is None:
        return None
    free = fields.as_object(reply["free"], "'free'")
    limits = {}
    for item in fields.as_list(free.get("resources") or [], "'free.resources'"):
        paid = resources.get(str(fields.as_object(item, "a resource").get("id")))
        limit = Resource.from_reply(item, paid)
        limits[limit.id] = limit
    return FreeLimits(
        access=Access.from_reply(free.get("access")),
        resources=limits,
        max_duration_seconds=fields.number(free, "maxJobDuration", 0),
        max_jobs=int(fields.number(free, "maxJobs", 0)),
        running_jobs=int(fields.number(reply, "runningfreeJobs", 0)),
        allows_image_build=free.get("allowImageBuild") is True,
    )


def _name(environment: ComputeEnvironment) -> str:
    return f"{environment.id} ({environment.description})" if environment.description else environment.id


def _amount(id_: str, amount: float) -> str:
    return f"{amount:g} {'GB of ' if id_ in ('ram', 'disk') else ''}{id_}"


def _size(resources: Mapping[str, float], max_duration_seconds: float | None) -> str:
    parts = [_amount(id_, amount) for id_, amount in resources.items()]
    if max_duration_seconds is not None:
        parts.append(f"{max_duration_seconds:g} s")
    return ", ".join(parts) or "any size"
