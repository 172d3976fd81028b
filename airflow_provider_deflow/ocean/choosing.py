# SPDX-License-Identifier: Apache-2.0
"""Which compute environment a job takes, and why not the others.

First what fits, by the node's own rules (`allotment`); then a policy orders what fits:

* `free`: a free job, in the first environment of the listing.
* `cheapest`: the least cost, where a free job costs 0.
* `fastest`: an environment that would start the job at once; of those, or where there is none, the
  one with most cpu idle, then the one with fewest jobs in its queue. No node tells how fast its
  cores are or when a queue moves, so this is the best guess a listing allows, and no promise.

A named environment is taken, or nothing is: none is ever put in its place. What is in use right now
rejects nothing, because a job can wait in a node's queue; an idle environment goes before a busy one
wherever the policy leaves a choice, and after that the order of the listing decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

from airflow_provider_deflow.errors import NoEnvironment, SettingsError
from airflow_provider_deflow.ocean import allotment
from airflow_provider_deflow.ocean.environments import AccessList, ComputeEnvironment, Limits
from airflow_provider_deflow.ocean.payments import Payment

Policy = Literal["free", "cheapest", "fastest"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a job needs of an environment.

    It may run for `max_duration_seconds`, and an environment that ends it before `needed_seconds` does
    not fit. `architecture` is a node's word for it, such as x86_64; None takes any. Without `payment`
    the job is free or is not run. `held_access_lists`: None when nobody looked them up.
    """

    resources: Mapping[str, float] = field(default_factory=dict)
    max_duration_seconds: float = 3600
    needed_seconds: float = 0
    architecture: str | None = None
    builds_image: bool = False
    needs_network: bool = False
    payment: Payment | None = None
    address: str | None = None
    held_access_lists: Collection[AccessList] | None = None

    def __str__(self) -> str:
        parts = [allotment.quantity(id_, amount) for id_, amount in self.resources.items()]
        if self.needed_seconds:
            parts.append(f"{self.needed_seconds:g} s")
        if self.architecture:
            parts.append(self.architecture)
        parts += ["an image build"] * self.builds_image + ["network"] * self.needs_network
        return ", ".join(parts) or "any size"


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to run the job: what it gets and costs there; `cost` in whole tokens, 0 for a free one."""

    environment: ComputeEnvironment
    is_free: bool
    amounts: Mapping[str, float]
    max_duration_seconds: float
    cost: Decimal
    starts_now: bool

    @property
    def limits(self) -> Limits:
        return self.environment.free if self.is_free and self.environment.free else self.environment.paid

    @property
    def idle_cpu(self) -> float:
        """How much cpu nobody uses now that a job of this kind could have."""
        cpu = self.environment.resources.get("cpu")
        return 0 if cpu is None else min(cpu.idle, self.limits.resources["cpu"].idle)

    def __str__(self) -> str:
        parts = [allotment.quantity(id_, amount) for id_, amount in self.amounts.items() if amount > 0]
        price = "free" if self.is_free else f"at most {self.cost:f} tokens"
        state = "idle" if self.starts_now else "busy now"
        return f"{', '.join(parts)} for up to {self.max_duration_seconds:g} s, {price}, {state}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """An environment that does not fit, and everything that it misses."""

    environment: ComputeEnvironment
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.environment.name}: {'; '.join(self.reasons)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """All environments weighed for one job: `offers` best first, the first of them chosen."""

    demand: Demand
    policy: Policy
    named: str | None
    offers: tuple[Offer, ...]
    rejected: tuple[Rejection, ...]
    listed: tuple[ComputeEnvironment, ...]

    @property
    def chosen(self) -> Offer | None:
        return self.offers[0] if self.offers else None

    @property
    def explanation(self) -> str:
        """A few lines for a log: what was chosen, what else would do, what each rejected one misses."""
        if self.chosen is None:
            return self._why_none
        how = "was named" if self.named else f"was chosen, policy {self.policy}"
        others = "".join(f"\n  {offer.environment.name}: {offer}" for offer in self.offers[1:])
        rejected = "".join(f"\n  {one}" for one in self.rejected)
        return (
            f"{self.chosen.environment.name} {how}: {self.chosen}."
            + (f"\nFits too:{others}" if others else "")
            + (f"\nRejected:{rejected}" if rejected else "")
        )

    @property
    def _why_none(self) -> str:
        if self.named and not self.rejected:
            offered = "".join(f"\n  {environment.name}" for environment in self.listed)
            return (
                f"the compute environment {self.named} is not on this Ocean Node any more — its owner may "
                "have changed its fees or resources, which changes its id; choose another one, or none"
                f"{offered}"
            )
        if self.named:
            return (
                f"the compute environment {self.rejected[0].environment.name} does not fit — "
                f"{'; '.join(self.rejected[0].reasons)}; ask for less, or name another one"
            )
        kind = "job" if self.demand.payment else "free job"
        offers = "each one missed something" if self.rejected else "it offers none at all"
        details = "".join(f"\n  {one}" for one in self.rejected)
        return (
            f"no compute environment of the Ocean Node fits a {kind} of {self.demand} — {offers}; "
            f"ask for less, or choose another Ocean Node{details}"
        )


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
    kinds = [_free_offer(environment, demand)]
    if demand.payment is not None and policy != "free":
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
    if demand.architecture and _machine(demand.architecture) != _machine(environment.architecture):
        there = environment.architecture or "of no known architecture"
        reasons.append(f"its machine is {there}, {demand.architecture} asked for")
    if demand.builds_image and not limits.allows_image_build:
        reasons.append(f"it builds no images for {kind} jobs")
    if demand.needs_network and not environment.has_network:
        reasons.append("its algorithms have no network")
    return reasons


def _duration(limits: Limits, demand: Demand) -> float:
    return min(demand.max_duration_seconds, limits.max_duration_seconds)


def _machine(architecture: str) -> str:
    """A node holds amd64 and x86_64 for the same, and no other two words: arm64 is not aarch64 to it."""
    return "x86_64" if architecture == "amd64" else architecture


_ORDER: dict[Policy, Callable[[Offer], tuple[object, ...]]] = {
    "free": lambda offer: (not offer.starts_now,),
    "cheapest": lambda offer: (offer.cost, not offer.starts_now),
    "fastest": lambda offer: (not offer.starts_now, -offer.idle_cpu, offer.limits.queued_jobs),
}
