# SPDX-License-Identifier: Apache-2.0
"""What one attempt of a compute task works with, and what it leaves for the next one and for the manifest.

Making it costs no request to the Ocean Node. What is kept between attempts lies in Airflow's task
state store, which outlives a retry and a clear; what is kept for later runs, in DeFlow's storage.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_deflow import errors, handover, job_request, job_search, jobs
from airflow_provider_deflow.graphs import graph as graphs

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.outputs import ContentStore, Outputs
    from airflow_provider_deflow.signing import Signer

OUTPUTS_KEY = "deflow_outputs"


@dataclass(frozen=True, slots=True)
class Work:
    """A node of a run with its inputs, and the Ocean Node, wallet, storage and ledger it uses.

    :param elsewhere: makes a client of another Ocean Node than the connection names by now
    :param stopper: makes a client for a signal handler, of the Ocean Node with this URL
    """

    node: graphs.ComputeData
    ocean_node: OceanNode
    elsewhere: Callable[[str], OceanNode]
    stopper: Callable[[str], OceanNode]
    url: str
    poll_interval_seconds: float
    signer: Signer
    store: ContentStore
    of_run: job_search.NodeOfRun
    handed: tuple[handover.Handed, ...]
    inputs: tuple[handover.Input, ...]
    ledger: Recorder

    @property
    def decisive(self) -> dict[str, Any]:
        """All that decides what the job computes."""
        return job_request.decisive(self.node, self.inputs, self.url)

    @property
    def inputs_sha256(self) -> str:
        return jobs.sha256_of(self.decisive)

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


def returned_by(context: Context, task_id: str) -> dict[str, Any]:
    """What a task of this run returned. Raises `MissingOutput` for one that was not run, only marked."""
    returned: dict[str, Any] | None = context["ti"].xcom_pull(task_ids=task_id)
    if not returned:
        raise errors.MissingOutput(
            f"{task_id!r} has no outputs, though it counts as done: somebody marked it so. "
            "Clear it to run it."
        )
    return returned


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
    return dict(kept["returned"]) if _is_whole(kept["returned"], work.store) else None


def outputs_of_any_run(work: Work) -> tuple[dict[str, Any], str] | None:
    """What the node returned last for the same inputs in any run of its Dag, and in which run.

    While its outputs are still stored. The revision of the graph is not asked for: a node that is equal in
    all that decides its outputs is the same node.
    """
    kept = work.store.note(_kept_for_later(work))
    if kept is None or not _is_whole(kept["returned"], work.store):
        return None
    return kept["returned"], kept["run_id"]


def keep_outputs(work: Work, memory: jobs.Memory, returned: dict[str, Any]) -> None:
    """Let later tries and later runs find what the task returned for these inputs."""
    memory.set(OUTPUTS_KEY, {"inputs": work.inputs_sha256, "returned": returned})
    work.store.write_note(_kept_for_later(work), {"run_id": work.of_run.run_id, "returned": returned})


def _kept_for_later(work: Work) -> str:
    """The note's name. Equal inputs give equal outputs, whichever index of a mapped task they had."""
    return f"kept/{work.of_run.dag_id}/{work.of_run.node_id}/{work.inputs_sha256}"


def _is_whole(returned: dict[str, Any], store: ContentStore) -> bool:
    try:
        files = store.outputs(returned["outputs"]).files
    except errors.MissingOutput:
        return False
    return all(map(store.has, [returned["record"], *(file.sha256 for file in files)]))


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
