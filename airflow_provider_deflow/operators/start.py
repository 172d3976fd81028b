# SPDX-License-Identifier: Apache-2.0
"""What a task asks an Ocean Node for, once it is certain that a job must be started.

Only then are uploads brought there and environments listed: a job that is found again costs neither.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_deflow import handover, job_request
from airflow_provider_deflow.hooks import signed_urls
from airflow_provider_deflow.ocean import choosing, compute
from airflow_provider_deflow.operators.work import Work


def start_request(
    work: Work, max_duration_seconds: int, policy: choosing.Policy, say: Callable[[str], None]
) -> compute.JobRequest:
    """Bring the uploads, choose an environment, and put the start together; `say` tells what was chosen."""
    handed = tuple(one if one.source else _brought(work, one, say) for one in work.handed)
    own_names = job_request.own_input_names(work.node)
    inputs = handover.inputs_of(handed, own_names, signed_urls.signer_for(work.store))
    offer = _environment(work, max_duration_seconds, policy, say)
    return job_request.build(work.node, inputs, offer.environment, int(offer.max_duration_seconds))


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


def _environment(
    work: Work, max_duration_seconds: int, policy: choosing.Policy, say: Callable[[str], None]
) -> choosing.Offer:
    address = work.signer.address
    environments = work.ocean_node.environments()
    held = job_request.held_access_lists(work.ocean_node, environments, address)
    demand = job_request.demand(work.node, max_duration_seconds, address, held)
    offer, why = choosing.choose_environment(environments, demand, policy, work.node.environment)
    say(f"Compute environment: {why}")
    return offer
