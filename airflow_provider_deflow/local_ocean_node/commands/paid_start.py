# SPDX-License-Identifier: Apache-2.0
"""startCompute: what is checked before a paid job exists, in the real node's order.

The order costs money: the lock comes before the last checks, and what they refuse then leaves the payer's
funds locked until the lock expires.
"""

from __future__ import annotations

from airflow_provider_deflow.local_ocean_node import version4
from airflow_provider_deflow.local_ocean_node.commands.initialize import (
    paid_duration,
    require_checksums,
    require_positive_duration,
    require_prices,
)
from airflow_provider_deflow.local_ocean_node.commands.ordered_assets import require_ordered
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require, require_cluster
from airflow_provider_deflow.local_ocean_node.commands.start import (
    document_of,
    inputs_of,
    is_queued,
    new_job,
    new_job_id,
    require_bucket_access,
    require_consumer,
    require_environment_text,
    require_output_bucket,
    require_small_metadata,
)
from airflow_provider_deflow.local_ocean_node.images import image_of, require_image, require_no_build
from airflow_provider_deflow.local_ocean_node.javascript import as_number, or_null
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown
from airflow_provider_deflow.local_ocean_node.registry_auth import require_registry_auth


async def paid_start(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "environment", "algorithm", "datasets", "maxJobDuration")
    require_consumer(task)
    require_positive_duration(task)
    node.auth.check(task)
    require_environment_text(task)
    require_cluster(node, task["environment"])
    environment = node.environments.get(task["environment"])
    if environment is None:
        raise Refusal(500, "Invalid C2D Environment")
    if node.is_version_4:
        version4.require_compute_jobs(environment.settings)
    duration = paid_duration(task["maxJobDuration"], environment)
    try:
        resources = environment.fill_resources(task.get("resources"), free=False)
    except Thrown as error:
        raise Refusal(400, error.message) from error
    busy = node.environments.busy_with(environment, resources, node.store.unfinished_jobs(), free=False)
    if busy and not is_queued(task):
        raise Refusal(400, busy)
    require_registry_auth(node.identity, task.get("encryptedDockerRegistryAuth"))
    allowed = environment.settings.addresses
    if allowed and task["consumerAddress"] not in allowed:
        raise Refusal(403, "Access denied")
    algorithm, datasets = inputs_of(task)
    for element in (algorithm, *datasets):
        require_bucket_access(node, element, task["consumerAddress"])
    await require_checksums(node, task)
    for element in (algorithm, *datasets):
        if document_of(element):
            await require_ordered(node, element, environment, task)
    payment = task.get("payment")
    if payment is None:
        raise Refusal(500, "Cannot read properties of null (reading 'chainId')")
    prices = require_prices(environment, payment if isinstance(payment, dict) else {})
    # A real node builds images for paid jobs; that this one does not must cost nobody anything.
    require_no_build(algorithm, free=False, queued=False)
    job_id = new_job_id()
    lock_seconds = node.payments.least_lock_seconds(
        as_number(duration) + as_number(task.get("queueMaxWaitTime") or 0)
    )
    lock_transaction = await node.payments.lock(
        job_id,
        task["consumerAddress"],
        payment["chainId"],
        payment["token"],
        environment.cost(resources, prices, duration),
        lock_seconds,
    )
    image = _require_startable(node, task)
    paid = {
        "chainId": payment["chainId"],
        "token": payment["token"],
        "lockTx": lock_transaction,
        "claimTx": None,
        "cancelTx": None,
        "cost": 0,
    }
    job = new_job(task, environment, resources, duration, image, job_id=job_id, payment=paid)
    node.engine.submit(job)
    return Reply.of([job.start_reply(node.identity.cluster_hash)])


def _require_startable(node: LocalOceanNode, task: Task) -> str:
    """What is looked at when the money is locked already; the image to run."""
    require_output_bucket(node, task)
    if or_null(task.get("output")) is not None:
        node.remote_storage.require_valid(task["output"])
    try:
        require_small_metadata(task)
        image = image_of(task["algorithm"])
        require_no_build(task["algorithm"], free=False, queued=is_queued(task))
        require_image(image)
    except Refusal as refusal:
        raise Refusal(400, refusal.words) from refusal
    return image
