# SPDX-License-Identifier: Apache-2.0
"""What one attempt of a compute task works with, and what it leaves for the next one and for the manifest.

Making it costs no request to the Ocean Node. What is kept between attempts lies in Airflow's task
state store, which outlives a retry and a clear.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_deflow import errors, handover, job_search, jobs
from airflow_provider_deflow.graphs import graph as graphs

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.outputs import ContentStore, Outputs
    from airflow_provider_deflow.signing import Signer

OUTPUTS_KEY = "deflow_outputs"


@dataclass(frozen=True, slots=True)
class Work:
    """A node of a run with its inputs, and the Ocean Node, wallet, storage and ledger it uses."""

    node: graphs.ComputeData
    ocean_node: OceanNode
    stopper: OceanNode
    url: str
    poll_interval_seconds: float
    signer: Signer
    store: ContentStore
    of_run: job_search.NodeOfRun
    handed: tuple[handover.Handed, ...]
    inputs: tuple[handover.Input, ...]
    inputs_sha256: str
    ledger: Recorder

    @property
    def hashes(self) -> dict[str, str]:
        """Of what the job computes, and of what with."""
        return {
            "algorithm": jobs.sha256_of(self.node.algorithm.model_dump(mode="json")),
            "inputs": self.inputs_sha256,
        }


def memory_of(context: Context) -> jobs.Memory:
    """What Airflow keeps for a task over its tries, a clear included."""
    return cast("jobs.Memory", context["task_state_store"])


def values_of(context: Context) -> dict[str, Any]:
    """What texts of a graph may name. A run that was triggered without a date counts from its start."""
    moment = context.get("logical_date") or context["dag_run"].run_after
    return {
        "params": dict(context["params"]),
        "ds": moment.strftime("%Y-%m-%d"),
        "ts": moment.isoformat(),
        "run_id": context["run_id"],
    }


def uploads_of(node: graphs.ComputeData, store: ContentStore) -> list[handover.Handed]:
    """The node's own uploads, not yet brought anywhere: the same way as a producer's outputs."""
    mode = "bucket" if graphs.takes_bucket_files(node) else "url"
    return [
        handover.Handed(
            edge="",
            source="",
            mode=handover.mode_of(mode, node),
            files=(
                handover.HandedFile(
                    dataset.name or dataset.upload, store.size(dataset.upload), dataset.upload
                ),
            ),
        )
        for dataset in node.datasets
        if isinstance(dataset, graphs.UploadDataset)
    ]


def kept_outputs(work: Work, memory: jobs.Memory) -> dict[str, Any] | None:
    """What an earlier attempt returned for the same inputs, while its outputs are still stored.

    Not when a later job was asked for since: its outputs are to take their place.
    """
    kept = memory.get(OUTPUTS_KEY)
    if not kept or kept["inputs"] != work.inputs_sha256:
        return None
    if (memory.get(jobs.MEMORY_KEY) or {}).get("job_id") != kept["returned"]["job_id"]:
        return None
    try:
        files = work.store.outputs(kept["returned"]["outputs"]).files
    except errors.MissingOutput:
        return None
    contents = [kept["returned"]["record"], *(file.sha256 for file in files)]
    return dict(kept["returned"]) if all(map(work.store.has, contents)) else None


def keep_record(work: Work, job: ComputeJob, outputs: Outputs) -> str:
    """Store what the manifest says about this node; its hash."""
    record = {
        "node": work.of_run.node_id,
        "ocean_node": work.url,
        "environment": job.environment,
        "job_id": job.job_id,
        "algorithm_sha256": work.hashes["algorithm"],
        "inputs_sha256": work.hashes["inputs"],
        "inputs": [{"edge": i.edge, "name": i.name, "size": i.size, "sha256": i.sha256} for i in work.inputs],
        "outputs_sha256": outputs.sha256,
        "outputs": [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in outputs.files],
        "created": job.created and job.created.isoformat(),
        "started": job.algo_started and job.algo_started.isoformat(),
        "finished": job.finished and job.finished.isoformat(),
    }
    return work.store.put(io.BytesIO(json.dumps(record, sort_keys=True).encode()))[0]
