# SPDX-License-Identifier: Apache-2.0
"""What a job gets of a compute environment, whether it starts now, and what it costs: the node's arithmetic.

A node never gives what was asked for: a resource that was not named, or too little of it, becomes
the environment's least; what an environment does not have is left out in silence; and constraints
between resources raise one for another. Here the same is computed before a start is sent, so that
a choice made here is not refused there. What is left out in silence is a miss: an algorithm would
meet less than it was promised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from airflow_provider_deflow.ocean.environments import (
    ComputeEnvironment,
    Constraint,
    Fees,
    Limits,
    Resource,
    whole_tokens,
)


@dataclass(slots=True)
class Allotment:
    """The amounts of a job by resource, in the node's order; they hold only without `misses`."""

    amounts: dict[str, float] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)


def allot(environment: ComputeEnvironment, limits: Limits, asked: Mapping[str, float]) -> Allotment:
    """What a job that asks for `asked` gets within `limits`, the free or the paid ones."""
    kind = "free" if limits is environment.free else "paid"
    found = Allotment()
    if not limits.resources:
        found.misses.append(f"it names no resources for {kind} jobs, so that none of any size starts")
        return found
    for id_, limit in limits.resources.items():
        amount = max(asked.get(id_, 0), limit.min)
        found.amounts[id_] = amount
        if asked.get(id_, 0) <= 0 or amount <= limit.max:
            continue
        if limit.max == 0:
            found.misses.append(f"it has no {id_} for {kind} jobs, {quantity(id_, asked[id_])} asked for")
        elif amount > asked[id_]:
            least = quantity(id_, limit.min)
            found.misses.append(f"no job gets less than {least}, and none more than {limit.max:g}")
        else:
            found.misses.append(f"at most {quantity(id_, limit.max)}, {quantity(id_, amount)} asked for")
    for id_, amount in asked.items():
        if amount > 0 and id_ not in limits.resources:
            found.misses.append(f"it has no {id_} for {kind} jobs, {quantity(id_, amount)} asked for")
    if not found.misses:
        _constrain(environment, limits, found)
    return found


def starts_now(environment: ComputeEnvironment, limits: Limits, amounts: Mapping[str, float]) -> bool:
    """Whether such a job would start at once, as far as a listing tells.

    It does not tell the machine's own size, which environments that promise more than it has run into.
    """
    paid, free = environment.paid, environment.free
    if 0 < paid.max_jobs <= paid.running_jobs:
        return False
    if limits is free and 0 < free.max_jobs <= free.running_jobs:
        return False
    return all(
        amount <= environment.resources[id_].idle and amount <= limits.resources[id_].idle
        for id_, amount in amounts.items()
        if amount > 0
    )


def cost(
    environment: ComputeEnvironment,
    fees: Fees,
    amounts: Mapping[str, float],
    max_duration_seconds: float,
) -> Decimal:
    """What the node locks for a paid job, in whole tokens; what is not used comes back later.

    Every started minute of the whole duration is counted, and at least the environment's least. In
    binary floating point, as the node computes: 3 units at 0.1 are 0.30000000000000004.
    """
    minutes = math.ceil(max(max_duration_seconds, environment.min_duration_seconds) / 60)
    total = 0.0
    for id_, amount in amounts.items():
        total += float(fees.prices.get(id_, 0)) * amount * minutes
    return whole_tokens(total)


def quantity(id_: str, amount: float) -> str:
    """ "2 cpu", "4 GB of ram"."""
    return f"{amount:g} {'GB of ' if id_ in ('ram', 'disk') else ''}{id_}"


def _constrain(environment: ComputeEnvironment, limits: Limits, found: Allotment) -> None:
    """Raise what other resources need, then hold it against what they allow.

    3.2 goes through the resources once, so that their order decides. The next major, known by the
    features it lists, raises all first, then adds up what aggregates, and allows at the end.
    """
    if environment.features is None:
        for owner, constraint in _constraints(limits):
            _raise(environment, limits, found, owner, constraint)
            _allow(limits, found, owner, constraint)
        return
    direct = [pair for pair in _constraints(limits) if not pair[1].is_aggregate]
    for owner, constraint in direct:
        _raise(environment, limits, found, owner, constraint)
    _constrain_sums(limits, found)
    for owner, constraint in direct:
        _allow(limits, found, owner, constraint)


def _constraints(limits: Limits) -> list[tuple[Resource, Constraint]]:
    return [(owner, constraint) for owner in limits.resources.values() for constraint in owner.constraints]


def _raise(
    environment: ComputeEnvironment, limits: Limits, found: Allotment, owner: Resource, constraint: Constraint
) -> None:
    have = found.amounts[owner.id]
    if have <= 0 or constraint.min is None:
        return
    targets = _targets(limits, constraint)
    least = constraint.min * (have if constraint.per_unit else 1)
    missing = least - sum(found.amounts.get(id_, 0) for id_ in targets)
    if missing <= 0:
        return
    most = sum(limits.resources[id_].max for id_ in targets if id_ in limits.resources)
    label = _label(constraint)
    if least > most:
        found.misses.append(
            f"{quantity(owner.id, have)} needs {least:g} {label}, and at most {most:g} is given"
        )
        return
    if constraint.type is None:
        found.amounts[targets[0]] = least
        return
    # Of a group, those that are used least first.
    for id_ in sorted(targets, key=lambda one: environment.resources[one].in_use):
        more = min(limits.resources[id_].max - found.amounts[id_], missing)
        if more > 0:
            found.amounts[id_] += more
            missing -= more


def _allow(limits: Limits, found: Allotment, owner: Resource, constraint: Constraint) -> None:
    have = found.amounts[owner.id]
    if have <= 0 or constraint.max is None:
        return
    most = constraint.max * (have if constraint.per_unit else 1)
    amount = sum(found.amounts.get(id_, 0) for id_ in _targets(limits, constraint))
    if amount > most:
        found.misses.append(
            f"{quantity(owner.id, have)} goes with at most {most:g} {_label(constraint)}, "
            f"and it would be {amount:g}"
        )


def _constrain_sums(limits: Limits, found: Allotment) -> None:
    """The constraints that add up over the resources that carry them: two GPUs need twice the cores."""
    summed = [(owner, constraint) for owner, constraint in _constraints(limits) if constraint.is_aggregate]
    least = _sums(found, summed, lambda constraint: constraint.min)
    most = _sums(found, summed, lambda constraint: constraint.max)
    for id_, needed in least.items():
        if found.amounts.get(id_, 0) >= needed:
            continue
        given = limits.resources[id_].max if id_ in limits.resources else 0
        if needed > given:
            found.misses.append(f"the other resources need {needed:g} {id_}, and at most {given:g} is given")
        elif id_ in found.amounts:
            found.amounts[id_] = needed
    for id_, allowed in most.items():
        amount = found.amounts.get(id_, 0)
        if amount > allowed:
            found.misses.append(
                f"the other resources go with at most {allowed:g} {id_}, and it would be {amount:g}"
            )


def _sums(
    found: Allotment,
    summed: list[tuple[Resource, Constraint]],
    bound: Callable[[Constraint], float | None],
) -> dict[str, float]:
    sums: dict[str, float] = {}
    for owner, constraint in summed:
        have, each = found.amounts[owner.id], bound(constraint)
        if have > 0 and each is not None and constraint.id is not None:
            share = each * (have if constraint.per_unit else 1)
            sums[constraint.id] = sums.get(constraint.id, 0) + share
    return sums


def _targets(limits: Limits, constraint: Constraint) -> list[str]:
    if constraint.type is None:
        return [str(constraint.id)]
    return [resource.id for resource in limits.resources.values() if resource.type == constraint.type]


def _label(constraint: Constraint) -> str:
    return f"{constraint.type} together" if constraint.id is None else constraint.id
