# SPDX-License-Identifier: Apache-2.0
"""freeStartCompute: everything that is checked before a free job exists, in the real node's order.

What a paid start checks too is here as well; its own order is in `paid_start`.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from typing import Any

from airflow_provider_deflow.local_ocean_node import version4
from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require, require_cluster
from airflow_provider_deflow.local_ocean_node.commands.usable_assets import require_usable
from airflow_provider_deflow.local_ocean_node.environments import Environment, Resources
from airflow_provider_deflow.local_ocean_node.file_objects import is_bucket_file
from airflow_provider_deflow.local_ocean_node.images import image_of, require_image, require_no_build
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text, dumps, or_null
from airflow_provider_deflow.local_ocean_node.job import Job, Status
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown
from airflow_provider_deflow.local_ocean_node.registry_auth import require_registry_auth

_MOST_METADATA = 1024


async def free_start(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "algorithm", "datasets", "environment")
    require_consumer(task)
    node.auth.check(task)
    require_environment_text(task)
    require_cluster(node, task["environment"])
    require_registry_auth(node.identity, task.get("encryptedDockerRegistryAuth"))
    require_output_bucket(node, task)
    if or_null(task.get("output")) is not None:
        node.remote_storage.require_valid(task["output"])
    algorithm, datasets = inputs_of(task)
    for element in (algorithm, *datasets):
        require_bucket_access(node, element, task["consumerAddress"])
    for element in (algorithm, *datasets):
        if document_of(element):
            await require_usable(node, element, task["consumerAddress"])
    environment = _environment(node, task)
    try:
        resources = environment.fill_resources(task.get("resources"), free=True)
    except Thrown as error:
        raise Refusal(400, str(error)) from error
    busy = node.environments.busy_with(environment, resources, node.store.unfinished_jobs(), free=True)
    if busy and not is_queued(task):
        raise Refusal(400, busy)
    require_small_metadata(task)
    algorithm_image = image_of(algorithm)
    require_no_build(algorithm, free=True, queued=is_queued(task))
    require_image(algorithm_image)
    duration = _duration(task.get("maxJobDuration"), environment)
    job = new_job(task, environment, resources, duration, algorithm_image)
    node.engine.submit(job)
    return Reply.of([job.start_reply(node.identity.cluster_hash)])


def new_job(
    task: Task,
    environment: Environment,
    resources: Resources,
    duration: Any,
    image: str,
    *,
    job_id: str | None = None,
    payment: dict[str, Any] | None = None,
) -> Job:
    return Job(
        job_id=job_id or new_job_id(),
        owner=task["consumerAddress"],
        environment=environment.id,
        status=_first_status(task),
        image=image,
        algorithm=task["algorithm"],
        datasets=task["datasets"],
        resources=resources,
        max_duration=duration,
        metadata=task.get("metadata"),
        additional_viewers=task.get("additionalViewers"),
        queue_max_wait=task.get("queueMaxWaitTime") or 0,
        output_bucket_id=task.get("outputBucketId"),
        output=task.get("output"),
        payment=payment,
    )


def new_job_id() -> str:
    return hashlib.sha256(secrets.token_bytes(32)).hexdigest()


def is_queued(task: Task) -> bool:
    return as_number(task.get("queueMaxWaitTime") or 0) > 0


def require_small_metadata(task: Task) -> None:
    metadata = task.get("metadata")
    if metadata and len(dumps(metadata).encode("utf-16-le")) > 2 * _MOST_METADATA:
        raise Refusal(500, "Metadata size is too large")


def require_consumer(task: Task) -> None:
    if normalised_address(task.get("consumerAddress")) is None:
        raise Refusal(400, 'Parameter : "consumerAddress" is not a valid web3 address')


def require_output_bucket(node: LocalOceanNode, task: Task) -> None:
    bucket_id = task.get("outputBucketId")
    if not bucket_id:
        return
    if or_null(task.get("output")) is not None:
        raise Refusal(400, "output and outputBucketId are mutually exclusive")
    if node.buckets is None:
        raise Refusal(400, "Persistent storage is not enabled on this node")
    try:
        node.buckets.require_valid_id(bucket_id)
    except Refusal as refusal:
        raise Refusal(400, refusal.words) from refusal
    node.buckets.require_access(bucket_id, task["consumerAddress"])


def require_environment_text(task: Task) -> None:
    if not isinstance(task["environment"], str):
        raise Refusal(500, "task.environment.indexOf is not a function")


def inputs_of(task: Task) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Whatever they are: what is no object is refused by `document_of`, which comes later."""
    algorithm, datasets = task["algorithm"], task["datasets"]
    if not isinstance(datasets, (list, str)):
        raise Refusal(500, "task.datasets is not iterable")
    return algorithm, list(datasets)


def document_of(element: Any) -> Any:
    """The DID that an algorithm or dataset is named by, if it is."""
    if not isinstance(element, dict):
        raise Refusal(500, f"Cannot use 'in' operator to search for 'documentId' in {as_text(element)}")
    return element.get("documentId")


def require_bucket_access(node: LocalOceanNode, element: Any, consumer: str) -> None:
    if element is None:
        raise Refusal(500, "Cannot read properties of null (reading 'fileObject')")
    file_object = node.assets.of_element(element) if isinstance(element, dict) else None
    if not isinstance(file_object, dict) or not is_bucket_file(file_object):
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
    if node.is_version_4:
        version4.require_compute_jobs(environment.settings)
    if not environment.settings.free:
        raise Refusal(400, "TypeError: Cannot read properties of undefined (reading 'access')")
    allowed = environment.settings.free_addresses
    if allowed and task["consumerAddress"] not in allowed:
        raise Refusal(403, "Access denied")
    return environment


def _first_status(task: Task) -> Status:
    """A wait that is below 0 or no number leaves a job that is never looked at again, as on a real node."""
    if is_queued(task):
        return Status.QUEUED
    return Status.STARTED if task.get("queueMaxWaitTime") else Status.PULLING


def _duration(asked: Any, environment: Environment) -> Any:
    """As asked, up to the environment's; text that is no number means no limit, as on a real node."""
    most = environment.settings.free_max_job_duration
    if not asked or as_number(asked) > most:
        return most
    return asked if not math.isnan(as_number(asked)) else most
