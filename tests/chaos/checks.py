# SPDX-License-Identifier: Apache-2.0
"""What must hold after every round, told by the Ocean Nodes' own records and the results in storage.

* every run is over, and succeeded
* outputs' hashes are those of an undisturbed run
* at no instant two jobs of one node of a run were alive, and no job is nobody's
* a node has a second job only where its Ocean Node was killed under the first
* nothing is left running
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from airflow_provider_deflow import job_search
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.stack.airflow_api import TASK_OVER
from tests.chaos import shapes
from tests.chaos.deployment import SIGNER, Deployment, patiently

MOST_GENERATIONS = 30
# Ends that a kill of the Ocean Node explains: in the middle of its image, with no container, or no outputs.
LOST_WITH_ITS_OCEAN_NODE = (11, 32, 62)
# What an Ocean Node says of the last of these a moment later, and then it tells no exit code.
FINISHED = 70


@dataclass(frozen=True, slots=True)
class Ran:
    """One run as it was found after its round."""

    tries: int
    jobs: dict[str, ComputeJob]
    hashes: dict[str, str]
    problems: tuple[str, ...]


def all_jobs(deployment: Deployment) -> dict[str, ComputeJob]:
    return {
        f"{ocean_node.url} {job.job_id}": job
        for ocean_node in deployment.ocean_nodes()
        for job in ocean_node.jobs_of(SIGNER.address)
    }


def of_run(
    deployment: Deployment,
    shape: str,
    run_id: str,
    unclaimed: dict[str, ComputeJob],
    expected: dict[str, str],
) -> Ran:
    """Judge one run; the jobs that are its own are taken out of `unclaimed`."""
    airflow, dag_id = deployment.airflow, shapes.dag_id(shape)
    run = patiently(lambda: airflow.dag_run(dag_id, run_id))
    tasks = patiently(lambda: airflow.task_instances(dag_id, run_id))
    tries = sum(max(task.try_number - 1, 0) for task in tasks)
    problems = [
        f"{task.task_id} is {task.state or 'not decided'}" for task in tasks if task.state != "success"
    ]
    if run.state != "success":
        unfinished = [task.task_id for task in tasks if task.state not in TASK_OVER]
        return Ran(tries, {}, {}, (f"the run is {run.state}, not over: {unfinished}", *problems))
    returned = patiently(lambda: airflow.xcom(dag_id, run_id, "results"))
    with deployment.content.open(returned["manifest"]) as file:
        manifest = json.load(file)
    hashes = {node["node"]: _hash_of(deployment, shape, run_id, node) for node in manifest["nodes"]}
    if expected and hashes != expected:
        problems.append(f"outputs differ from an undisturbed run: {hashes} instead of {expected}")
    claimed: dict[str, ComputeJob] = {}
    for node in manifest["nodes"]:
        mine = _claim(dag_id, run_id, node, unclaimed)
        claimed |= {job.job_id: job for job in mine}
        problems += _of_node(node["node"], mine)
        if any(bool(job.payment) != is_paid(shape, node["node"]) for job in mine):
            problems.append(f"{node['node']}: a free job was paid, or a paid one was not: {_told(mine)}")
    return Ran(tries, claimed, hashes, tuple(problems))


def is_paid(shape: str, node_id: str) -> bool:
    return node_id in shapes.PAID_NODES.get(shape, "")


def _hash_of(deployment: Deployment, shape: str, run_id: str, node: dict[str, Any]) -> str:
    """Of a node's outputs; where these tell their run, with the same word in place of it."""
    if not shapes.is_paid(shape):
        return str(node["outputs_sha256"])
    digest = hashlib.sha256()
    for output in node["outputs"]:
        with deployment.content.open(output["sha256"]) as file:
            digest.update(file.read().replace(run_id.encode(), shapes.ANY_RUN.encode()))
    return digest.hexdigest()


def _claim(
    dag_id: str, run_id: str, node: dict[str, Any], unclaimed: dict[str, ComputeJob]
) -> list[ComputeJob]:
    """The jobs that carry a key of this node of this run."""
    of = job_search.NodeOfRun(dag_id, run_id, node["node"])
    keys = {job_search.key_of(SIGNER, of, node["inputs_sha256"], n) for n in range(MOST_GENERATIONS)}
    names = [name for name, job in unclaimed.items() if job.metadata.get(job_search.METADATA_KEY) in keys]
    return sorted((unclaimed.pop(name) for name in names), key=lambda job: str(job.created))


def _of_node(node_id: str, mine: list[ComputeJob]) -> list[str]:
    problems = [f"{node_id}: job {job.job_id} still runs" for job in mine if not job.is_over]
    by_key: dict[str, int] = defaultdict(int)
    for job in mine:
        by_key[job.metadata[job_search.METADATA_KEY]] += 1
    problems += [f"{node_id}: one key was started {n} times" for n in by_key.values() if n > 1]
    until = None
    for job in mine:
        assert job.created is not None
        if until is not None and job.created < until:
            problems.append(f"{node_id}: two jobs were alive at {job.created}: {_told(mine)}")
        until = max(job.finished or job.created, until or job.created)
    needless = [job for job in mine[:-1] if not _was_lost(job)]
    problems += [f"{node_id}: another job after one that was not lost: {_told(mine)}" for _ in needless[:1]]
    if mine and mine[-1].outcome != "succeeded":
        problems.append(f"{node_id}: its last job did not succeed: {_told(mine)}")
    if not mine:
        problems.append(f"{node_id}: no job on any Ocean Node is its own")
    return problems


def _was_lost(job: ComputeJob) -> bool:
    lost_its_outputs = job.status == FINISHED and job.exit_code is None
    return job.outcome == "failed" and (lost_its_outputs or job.status in LOST_WITH_ITS_OCEAN_NODE)


def left_over(deployment: Deployment, unclaimed: dict[str, ComputeJob]) -> list[str]:
    """What nobody answers for, once all runs are over."""
    problems = [f"nobody's job: {name} {job.status_text}" for name, job in unclaimed.items()]
    problems += [f"still runs in an Ocean Node: {process}" for process in deployment.sandboxes()]
    return problems


def _told(jobs: list[ComputeJob]) -> str:
    return "; ".join(f"{j.job_id[-8:]} {j.created:%T.%f}-{j.finished:%T.%f} status {j.status}" for j in jobs)
