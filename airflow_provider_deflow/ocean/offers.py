# SPDX-License-Identifier: Apache-2.0
"""What a job needs, what environments offer for it, and the words that explain a choice among them.

Values only; who fits and who goes first is decided in `choosing`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

from airflow_provider_deflow.ocean import allotment
from airflow_provider_deflow.ocean.access import AccessList
from airflow_provider_deflow.ocean.environments import ComputeEnvironment, Limits
from airflow_provider_deflow.ocean.payments import Payment

Policy = Literal["free", "cheapest", "fastest"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a job needs of an environment.

    It may run for `max_duration_seconds`, and an environment that ends it before `needed_seconds` does
    not fit. `architecture` is a node's word for it, such as x86_64; None takes any. Without `payment`
    the job is free or is not run; with `is_paid` it is paid, though there be a free offer.
    `held_access_lists`: None when nobody looked them up.
    """

    resources: Mapping[str, float] = field(default_factory=dict)
    max_duration_seconds: float = 3600
    needed_seconds: float = 0
    architecture: str | None = None
    builds_image: bool = False
    needs_network: bool = False
    payment: Payment | None = None
    is_paid: bool = False
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

    @property
    def queued_jobs(self) -> int:
        """The environment's queue, free and paid jobs together, since they wait for the same resources."""
        return self.environment.paid.queued_jobs

    def __str__(self) -> str:
        parts = [allotment.quantity(id_, amount) for id_, amount in self.amounts.items() if amount > 0]
        price = "free" if self.is_free else f"at most {round(self.cost, 9).normalize():f} tokens"
        room = f"room now, {self.queued_jobs} queued" if self.queued_jobs else "idle"
        state = room if self.starts_now else "busy now"
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
        kind = "paid job" if self.demand.is_paid else "job" if self.demand.payment else "free job"
        offers = "each one missed something" if self.rejected else "it offers none at all"
        details = "".join(f"\n  {one}" for one in self.rejected)
        return (
            f"no compute environment of the Ocean Node fits a {kind} of {self.demand} — {offers}; "
            f"ask for less, or choose another Ocean Node{details}"
        )
