# SPDX-License-Identifier: Apache-2.0
"""Compute environments on a terminal and as JSON: what is offered, and what was weighed for a job.

Waiting times are not shown: a node tells how many jobs wait, never for how long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from airflow_provider_deflow.ocean import listing
from airflow_provider_deflow.ocean.allotment import quantity
from airflow_provider_deflow.ocean.choosing import Choice, Offer
from airflow_provider_deflow.ocean.environments import ComputeEnvironment, Fees, Limits


def show_listing(console: Console, url: str, environments: Sequence[ComputeEnvironment]) -> None:
    """A table of all, and below it their ids whole, to be copied into a graph."""
    _say(console, f"{url}: {len(environments)} compute environment{'s' * (len(environments) != 1)}")
    if not environments:
        return
    table = Table("Environment", "Idle now", "A free job", "A paid job", "Price a minute", show_lines=True)
    for one in environments:
        free = _a_job(one.free) if one.free else "none"
        paid = _a_job(one.paid) if one.fees else "none"
        prices = "\n".join(map(_priced, one.fees))
        table.add_row(*map(escape, (_what(one), _idle(one), free, paid, prices)))
    console.print(table)
    for one in environments:
        _say(console, f"{_label(one)}: {one.id}" if one.description else one.id)


def show_choice(console: Console, node_id: str, url: str, choice: Choice) -> None:
    """What one node of a graph would get, and a table of what does not fit and why."""
    if choice.chosen is None:
        _say(console, f"{node_id} on {url}: {choice.explanation.splitlines()[0]}", "red")
    else:
        how = "named" if choice.named else f"policy {choice.policy}"
        _say(console, f"{node_id} on {url}: {choice.chosen.environment.name}, {how}", "green")
        _say(console, f"  {choice.chosen}")
    for offer in choice.offers[1:]:
        _say(console, f"  fits too: {offer.environment.name}: {offer}")
    if choice.rejected:
        table = Table("Rejected", "What it misses")
        for one in choice.rejected:
            table.add_row(escape(_label(one.environment)), escape("\n".join(one.reasons)))
        console.print(table)


def listing_document(url: str, environments: Iterable[ComputeEnvironment]) -> dict[str, Any]:
    return {"ocean_node": url, "environments": listing.documents(environments)}


def choice_document(node_id: str, url: str, choice: Choice) -> dict[str, Any]:
    return {
        "node": node_id,
        "ocean_node": url,
        "policy": choice.policy,
        "named": choice.named,
        "chosen": choice.chosen and _offer(choice.chosen),
        "why": choice.explanation,
        "fits": [_offer(offer) for offer in choice.offers],
        "rejected": [
            {"environment": one.environment.id, "reasons": list(one.reasons)} for one in choice.rejected
        ],
    }


def _say(console: Console, text: str, style: str | None = None) -> None:
    # Ids are copied, so no line is broken.
    console.print(escape(text), style=style, soft_wrap=True, highlight=False)


def _label(environment: ComputeEnvironment) -> str:
    """What its owner calls it, else the ends of its id."""
    return environment.description or f"{environment.id[:8]}…{environment.id[-6:]}"


def _what(environment: ComputeEnvironment) -> str:
    return "\n".join([_label(environment), environment.architecture, *["network"] * environment.has_network])


def _idle(environment: ComputeEnvironment) -> str:
    idle = [f"{one.idle:g} of {quantity(one.id, one.total)}" for one in environment.resources.values()]
    jobs = environment.paid
    return "\n".join([*idle, f"{jobs.running_jobs} running", f"{jobs.queued_jobs} queued"])


def _a_job(limits: Limits) -> str:
    """The most that one job may have."""
    parts = [quantity(one.id, one.max) for one in limits.resources.values() if one.max > 0]
    parts.append(f"{limits.max_duration_seconds:g} s")
    parts += [f"{limits.max_jobs} at once"] * (limits.max_jobs > 0) + ["for some only"] * (
        not limits.access.is_open
    )
    return "\n".join(parts)


def _priced(fees: Fees) -> str:
    prices = [f"{price:f} per {id_}" for id_, price in fees.prices.items()]
    return "\n".join([*prices, f"{fees.fee_token[:6]}…{fees.fee_token[-4:]}", f"on chain {fees.chain_id}"])


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "environment": offer.environment.id,
        "description": offer.environment.description,
        "free": offer.is_free,
        "resources": dict(offer.amounts),
        "max_duration_seconds": listing.finite(offer.max_duration_seconds),
        "cost": f"{offer.cost:f}",
        "starts_now": offer.starts_now,
    }
