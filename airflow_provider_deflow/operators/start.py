# SPDX-License-Identifier: Apache-2.0
"""What a task asks an Ocean Node for, once it is certain that a job must be started.

Only then are uploads brought there and environments listed: a job that is found again costs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_deflow import asset_checks, handover, job_request
from airflow_provider_deflow.hooks import signed_urls
from airflow_provider_deflow.ocean import choosing, compute
from airflow_provider_deflow.ocean.payments import Payment, Terms
from airflow_provider_deflow.operators.work import Work

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs import graph as graphs
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.credentials import OnList


def start_request(
    work: Work,
    max_duration_seconds: int,
    policy: choosing.Policy,
    say: Callable[[str], None],
    paid_with: PaidWith | None,
    on_list: OnList,
) -> compute.JobRequest:
    """Look at what is named by DID, bring the uploads, choose an environment, and put the start together.

    `say` tells what was chosen, `on_list` asks the chain whether an account is on an access list.
    """
    used = asset_checks.usable(work.ocean_node, work.node, work.signer.address, on_list)
    handed = tuple(one if one.source else _brought(work, one, say) for one in work.handed)
    own_names = job_request.own_input_names(work.node)
    inputs = handover.inputs_of(handed, own_names, signed_urls.signer_for(work.store))
    offer, terms = chosen(
        work.ocean_node, work.node, work.signer.address, max_duration_seconds, policy, say, paid_with
    )
    seconds = int(offer.max_duration_seconds)
    return job_request.build(work.node, inputs, offer.environment, seconds, terms, used)


@dataclass(frozen=True, slots=True)
class PaidWith:
    """The chain that a wallet pays on, and the token that the budget names."""

    chain_id: int
    fee_token: str | None


def chosen(
    ocean_node: OceanNode,
    node: graphs.ComputeData,
    address: str,
    max_duration_seconds: int,
    policy: choosing.Policy,
    say: Callable[[str], None],
    paid_with: PaidWith | None,
    environments: Sequence[compute.ComputeEnvironment] | None = None,
) -> tuple[choosing.Offer, Terms | None]:
    """The environment that a node's job takes, of those listed now, and what a paid one is paid."""
    environments = ocean_node.environments() if environments is None else environments
    held = job_request.held_access_lists(ocean_node, environments, address)
    payment = _payment(environments, node, paid_with) if paid_with else None
    if payment and policy == "free":
        policy = "cheapest"
    demand = job_request.demand(node, max_duration_seconds, address, held, payment)
    offer, why = choosing.choose_environment(environments, demand, policy, node.environment)
    say(f"Compute environment: {why}")
    terms = Terms(payment, offer.environment.consumer_address, offer.cost) if payment else None
    return offer, terms


def _payment(
    environments: Sequence[compute.ComputeEnvironment], node: graphs.ComputeData, paid_with: PaidWith
) -> Payment:
    token = paid_with.fee_token and paid_with.fee_token.lower()
    return job_request.payment_of(environments, paid_with.chain_id, token, node.environment)


def _brought(work: Work, upload: handover.Handed, say: Callable[[str], None]) -> handover.Handed:
    return handover.hand_over(
        upload.edge,
        upload.source,
        upload.files,
        upload.mode,
        work.ocean_node,
        work.signer.address,
        work.store,
        say,
    )
