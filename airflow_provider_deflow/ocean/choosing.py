# SPDX-License-Identifier: Apache-2.0
"""Which compute environment a job takes, and why not the others.

First what fits, by the node's own rules (`allotment`); then a policy orders what fits:

* `free`: a free job.
* `cheapest`: the least cost, where a free job costs 0.
* `fastest`: an environment that would start the job at once; of those, or where there is none, the
  one with most cpu idle, then the one with fewest jobs in its queue. No node tells how fast its
  cores are or when a queue moves, so this is the best guess a listing allows, and no promise.

A named environment is taken, or nothing is: none is ever put in its place. What is in use right now
rejects nothing, because a job can wait in a node's queue; an idle environment goes before a busy one
wherever the policy leaves a choice, then the one with fewer jobs in its queue, then the order of the
listing decides. The queue counts because in 3.2 a job that was allowed to wait is listed as queued even
while it runs, and what it uses as idle: without it all of a graph's jobs would crowd into one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from airflow_provider_deflow.errors import NoEnvironment, SettingsError
from airflow_provider_deflow.ocean import allotment
from airflow_provider_deflow.ocean.environments import ComputeEnvironment, Limits
from airflow_provider_deflow.ocean.offers import POLICIES, Choice, Demand, Offer, Policy, Rejection
from airflow_provider_deflow.ocean.payments import Payment

__all__ = ["POLICIES", "Choice", "Demand", "Offer", "Policy", "choose_environment", "policy_named", "weigh"]


def weigh(
    environments: Sequence[ComputeEnvironment],
    demand: Demand,
    policy: Policy = "free",
    named: str | None = None,
) -> Choice:
    """What each environment offers for `demand`, ordered by `policy`; with `named`, that one alone."""
    offers: list[Offer] = []
    rejected: list[Rejection] = []
    for environment in environments:
        if named is not None and environment.id != named:
            continue
        made, reasons = _offers(environment, demand, policy)
        offers += made
        if not made:
            rejected.append(Rejection(environment, tuple(reasons)))
    offers.sort(key=_ORDER[policy])
    return Choice(demand, policy, named, tuple(offers), tuple(rejected), tuple(environments))


def choose_environment(
    environments: Sequence[ComputeEnvironment],
    demand: Demand,
    policy: Policy = "free",
    named: str | None = None,
) -> tuple[Offer, str]:
    """The best offer, and why it. Raises `NoEnvironment`, saying what each environment missed."""
    choice = weigh(environments, demand, policy, named)
    if choice.chosen is None:
        raise NoEnvironment(choice.explanation)
    return choice.chosen, choice.explanation


def policy_named(name: str, where: str) -> Policy:
    """The policy of this name. Raises `SettingsError`, which says `where` it was written."""
    for policy in POLICIES:
        if name == policy:
            return policy
    raise SettingsError(f"{where} is {name!r}: write one of {', '.join(POLICIES)}")


def _offers(environment: ComputeEnvironment, demand: Demand, policy: Policy) -> tuple[list[Offer], list[str]]:
    """The free offer and the paid one, where they fit, and what misses for those that do not."""
    if environment.features is not None and not environment.features.compute_jobs:
        return [], ["its owner switched compute jobs off"]
    kinds = [] if demand.is_paid else [_free_offer(environment, demand)]
    if demand.payment is not None and (demand.is_paid or policy != "free"):
        kinds.append(_paid_offer(environment, demand, demand.payment))
    offers = [kind for kind in kinds if isinstance(kind, Offer)]
    missed = [kind for kind in kinds if not isinstance(kind, Offer)]
    if len(missed) == 1:
        return offers, missed[0]
    labels = ("free: ", "paid: ")
    return offers, [label + why for label, whys in zip(labels, missed, strict=False) for why in whys]


def _free_offer(environment: ComputeEnvironment, demand: Demand) -> Offer | list[str]:
    limits = environment.free
    if limits is None:
        return ["it takes no free jobs"]
    allotted = allotment.allot(environment, limits, demand.resources)
    reasons = _misses(environment, limits, demand, allotted)
    return reasons or _offer(environment, limits, demand, allotted, Decimal(0))


def _paid_offer(environment: ComputeEnvironment, demand: Demand, payment: Payment) -> Offer | list[str]:
    limits = environment.paid
    allotted = allotment.allot(environment, limits, demand.resources)
    reasons = _misses(environment, limits, demand, allotted)
    fees = environment.fees_in(payment.chain_id, payment.token)
    if fees is None:
        taken = ", ".join(f"{each.fee_token} on chain {each.chain_id}" for each in environment.fees)
        wanted = f"{payment.token} on chain {payment.chain_id}"
        return [*reasons, f"it is not paid with {wanted}, but with {taken or 'nothing'}"]
    price = allotment.cost(environment, fees, allotted.amounts, _duration(limits, demand))
    if price == 0 and not reasons:
        return ["its prices come to 0, and the escrow locks no such amount"]
    return reasons or _offer(environment, limits, demand, allotted, price)


def _offer(
    environment: ComputeEnvironment,
    limits: Limits,
    demand: Demand,
    allotted: allotment.Allotment,
    cost: Decimal,
) -> Offer:
    return Offer(
        environment=environment,
        is_free=limits is environment.free,
        amounts=allotted.amounts,
        max_duration_seconds=_duration(limits, demand),
        cost=cost,
        starts_now=allotment.starts_now(environment, limits, allotted.amounts),
    )


def _misses(
    environment: ComputeEnvironment, limits: Limits, demand: Demand, allotted: allotment.Allotment
) -> list[str]:
    kind = "free" if limits is environment.free else "paid"
    refusal = limits.access.refuses(demand.address, demand.held_access_lists)
    reasons = [refusal] if refusal else []
    reasons += allotted.misses
    longest = limits.max_duration_seconds
    if demand.needed_seconds > longest:
        reasons.append(f"{kind} jobs end after {longest:g} s, {demand.needed_seconds:g} s asked for")
    if demand.architecture and machine(demand.architecture) != machine(environment.architecture):
        there = environment.architecture or "of no known architecture"
        reasons.append(f"its machine is {there}, {demand.architecture} asked for")
    if demand.builds_image and not limits.allows_image_build:
        reasons.append(f"it builds no images for {kind} jobs")
    if demand.needs_network and not environment.has_network:
        reasons.append("its algorithms have no network")
    return reasons


def _duration(limits: Limits, demand: Demand) -> float:
    return min(demand.max_duration_seconds, limits.max_duration_seconds)


def machine(architecture: str) -> str:
    """A node holds amd64 and x86_64 for the same, and no other two words: arm64 is not aarch64 to it."""
    return "x86_64" if architecture == "amd64" else architecture


_ORDER: dict[Policy, Callable[[Offer], tuple[object, ...]]] = {
    "free": lambda offer: (not offer.starts_now, offer.queued_jobs),
    "cheapest": lambda offer: (offer.cost, not offer.starts_now, offer.queued_jobs),
    "fastest": lambda offer: (not offer.starts_now, -offer.idle_cpu, offer.queued_jobs),
}
