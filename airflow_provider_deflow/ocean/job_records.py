# SPDX-License-Identifier: Apache-2.0
"""What an Ocean Node shows to everybody of the jobs it was asked to run.

The `jobs` command lists whole records: the algorithm without its code and variables, and the datasets
as they were sent, so a URL among them can be a secret. That is why these are no fields of `ComputeJob`,
which travels in events and logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.signing import checksum_address


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job and what was asked for it; None is what the Ocean Node does not show."""

    job: ComputeJob
    algorithm: Mapping[str, Any] | None
    datasets: tuple[Any, ...] | None

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a compute job")
        algorithm, datasets = reply.get("algorithm"), reply.get("assets")
        return cls(
            ComputeJob.from_reply(reply),
            algorithm if isinstance(algorithm, Mapping) else None,
            tuple(datasets) if isinstance(datasets, list) else None,
        )


def of_wallet(address: str) -> Route[list[JobRecord]]:
    """All jobs of a wallet that have not expired, without their results."""

    def read(reply: Any) -> list[JobRecord]:
        return [JobRecord.from_reply(item) for item in fields.as_list(reply, "the jobs")]

    return routes.command({"command": "jobs", "consumerAddrs": [checksum_address(address)]}, read)
