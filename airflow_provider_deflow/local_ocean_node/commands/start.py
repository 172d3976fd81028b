# SPDX-License-Identifier: Apache-2.0
"""freeStartCompute: everything that is checked before a free job exists, in the real node's order."""

from __future__ import annotations

import hashlib
import math
import secrets
from typing import Any

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require, require_cluster
from airflow_provider_deflow.local_ocean_node.environments import Environment
from airflow_provider_deflow.local_ocean_node.file_objects import is_bucket_file
from airflow_provider_deflow.local_ocean_node.images import image_of, require_image, require_no_build
from airflow_provider_deflow.local_ocean_node.javascript import as_number, dumps
from airflow_provider_deflow.local_ocean_node.job import Job, Status
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.registry_auth import require_registry_auth

_MOST_METADATA = 1024


async def free_start(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "algorithm", "datasets", "environment")
    require_consumer(task)
    node.auth.check(task)
    require_cluster(node, task["environment"])
    require_registry_auth(node.identity, task.get("encryptedDockerRegistryAuth"))
    _require_output_bucket(node, task)
    if task.get("output"):
        node.remote_storage.require_valid(task["output"])
    algorithm, datasets = _inputs(task)
    for element in (algorithm, *datasets):
        _require_bucket_access(node, element, task["consumerAddress"])
    for element in (algorithm, *datasets):
        if element.get("documentId"):
            raise Refusal(500, f"DDO {element['documentId']} not found")
    environment = _environment(node, task)
    resources = environment.fill_resources(task.get("resources"))
    queue_max_wait = task.get("queueMaxWaitTime") or 0
    busy = node.environments.busy_with(environment, resources, node.store.unfinished_jobs())
    if busy and not as_number(queue_max_wait) > 0:
        raise Refusal(400, busy)
    metadata = task.get("metadata")
    if metadata and len(dumps(metadata)) > _MOST_METADATA:
        raise Refusal(500, "Metadata size is too large")
    job = Job(
        job_id=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
        owner=task["consumerAddress"],
        environment=environment.id,
        status=Status.QUEUED if as_number(queue_max_wait) > 0 else Status.PULLING,
        image=_image(algorithm, queued=as_number(queue_max_wait) > 0),
        algorithm=algorithm,
        datasets=datasets,
        resources=resources,
        max_duration=_duration(task.get("maxJobDuration"), environment),
        metadata=metadata,
        additional_viewers=task.get("additionalViewers"),
        queue_max_wait=queue_max_wait,
        output_bucket_id=task.get("outputBucketId"),
        output=task.get("output"),
        registry_auth=task.get("encryptedDockerRegistryAuth"),
    )
    node.engine.submit(job)
    return Reply.of([job.start_reply(node.identity.cluster_hash)])


async def paid_start(node: LocalOceanNode, task: Task) -> Reply:
    """Without a chain no environment takes payments: all that can be said about a well-formed request."""
    require(task, "algorithm", "datasets", "environment", "maxJobDuration")
    require_consumer(task)
    node.auth.check(task)
    require_cluster(node, task["environment"])
    if not isinstance(task.get("payment"), dict):
        raise Refusal(500, "Cannot read properties of null (reading 'chainId')")
    raise Refusal(500, "Invalid C2D Environment")


def require_consumer(task: Task) -> None:
    if normalised_address(task.get("consumerAddress")) is None:
        raise Refusal(400, 'Parameter : "consumerAddress" is not a valid web3 address')


def _require_output_bucket(node: LocalOceanNode, task: Task) -> None:
    bucket_id = task.get("outputBucketId")
    if not bucket_id:
        return
    if task.get("output"):
        raise Refusal(400, "output and outputBucketId are mutually exclusive")
    if node.buckets is None:
        raise Refusal(400, "Persistent storage is not enabled on this node")
    try:
        node.buckets.require_valid_id(bucket_id)
    except Refusal as refusal:
        raise Refusal(400, refusal.words) from refusal
    node.buckets.require_access(bucket_id, task["consumerAddress"])


def _inputs(task: Task) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    algorithm, datasets = task["algorithm"], task["datasets"]
    if not isinstance(datasets, list):
        raise Refusal(500, "task.datasets is not iterable")
    for element in (algorithm, *datasets):
        if not isinstance(element, dict):
            raise Refusal(500, f"Cannot use 'in' operator to search for 'documentId' in {element}")
    return algorithm, datasets


def _require_bucket_access(node: LocalOceanNode, element: dict[str, Any], consumer: str) -> None:
    file_object: dict[str, Any] = element.get("fileObject") or {}
    if not is_bucket_file(file_object):
        return
    bucket_id = file_object.get("bucketId")
    if not isinstance(bucket_id, str) or not bucket_id:
        raise Refusal(400, "Persistent storage file object is missing a valid bucketId")
    if node.buckets is None:
        raise Refusal(
            400,
            "This compute job references node persistent storage (localfs), "
            "which is not enabled or not configured as localfs on this node",
        )
    node.buckets.require_access(bucket_id, consumer)


def _environment(node: LocalOceanNode, task: Task) -> Environment:
    environment = node.environments.get(task["environment"])
    if environment is None:
        raise Refusal(500, "Invalid C2D Environment")
    allowed = environment.settings.free_addresses
    if allowed and task["consumerAddress"] not in allowed:
        raise Refusal(403, "Access denied")
    return environment


def _image(algorithm: dict[str, Any], *, queued: bool) -> str:
    image = image_of(algorithm)
    require_no_build(algorithm, free=True, queued=queued)
    require_image(image)
    return image


def _duration(asked: Any, environment: Environment) -> Any:
    """As asked, up to the environment's; text that is no number means no limit, as on a real node."""
    most = environment.settings.free_max_job_duration
    if not asked or as_number(asked) > most:
        return most
    return asked if not math.isnan(as_number(asked)) else most
