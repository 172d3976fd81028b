# SPDX-License-Identifier: Apache-2.0
"""Compute environments as JSON, for people's programs: what is offered, at what price, how busy it is.

Waiting times are not shown: a node tells how many jobs wait, never for how long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from airflow_provider_deflow.ocean.access import Access
from airflow_provider_deflow.ocean.environments import ComputeEnvironment, Limits


def documents(environments: Iterable[ComputeEnvironment]) -> list[dict[str, Any]]:
    """One object for each, in the listing's order."""
    return [_environment(one) for one in environments]


def finite(number: float) -> float | None:
    """JSON has no infinity: null says that there is no limit."""
    return None if math.isinf(number) else number


def _environment(one: ComputeEnvironment) -> dict[str, Any]:
    return {
        "id": one.id,
        "description": one.description,
        "architecture": one.architecture,
        "os": one.os,
        "network": one.has_network,
        "min_duration_seconds": one.min_duration_seconds,
        "storage_expiry_seconds": one.storage_expiry_seconds,
        "resources": [
            {"id": r.id, "total": r.total, "in_use": r.in_use, "min": r.min, "max": r.max}
            for r in one.resources.values()
        ],
        "fees": [
            {
                "chain_id": fees.chain_id,
                "fee_token": fees.fee_token,
                "prices": {id_: f"{price:f}" for id_, price in fees.prices.items()},
            }
            for fees in one.fees
        ],
        "paid": _limits(one.paid) if one.fees else None,
        "free": one.free and _limits(one.free),
    }


def _limits(limits: Limits) -> dict[str, Any]:
    return {
        "resources": [{"id": r.id, "min": r.min, "max": r.max} for r in limits.resources.values()],
        "max_duration_seconds": finite(limits.max_duration_seconds),
        "max_jobs": limits.max_jobs or None,
        "running_jobs": limits.running_jobs,
        "queued_jobs": limits.queued_jobs,
        "image_builds": limits.allows_image_build,
        "access": _access(limits.access),
    }


def _access(access: Access) -> dict[str, Any] | None:
    if access.is_open:
        return None
    lists = [{"chain_id": one.chain_id, "contract": one.contract} for one in access.access_lists]
    return {"addresses": list(access.addresses), "access_lists": lists}
