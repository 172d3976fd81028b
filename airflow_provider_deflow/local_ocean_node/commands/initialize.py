# SPDX-License-Identifier: Apache-2.0
"""initializeCompute: what a job would cost, and how the escrow must be prepared for it; nothing is signed."""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.local_ocean_node.commands.ordered_assets import has_checksums, quote_asset
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require, require_cluster
from airflow_provider_deflow.local_ocean_node.commands.start import (
    document_of,
    inputs_of,
    require_bucket_access,
    require_consumer,
)
from airflow_provider_deflow.local_ocean_node.environments import Environment
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text, or_null, parse_int, plus
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown


async def initialize_compute(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "datasets", "algorithm", "payment", "consumerAddress", "environment")
    require_consumer(task)
    payment = task["payment"] if isinstance(task["payment"], dict) else {}
    chain_id, token = payment.get("chainId"), payment.get("token")
    if not chain_id or not token:
        raise Refusal(400, "Invalid payment options")
    require_positive_duration(task)
    require_cluster(node, task["environment"])
    algorithm, datasets = inputs_of(task)
    await require_checksums(node, task)
    environment = node.environments.get(task["environment"])
    if environment is None or as_text(chain_id) not in (environment.fees or {}):
        raise Refusal(500, "Invalid C2D Environment")
    duration = paid_duration(task.get("maxJobDuration"), environment)
    try:
        resources = environment.fill_resources(payment.get("resources"), free=False)
    except Thrown as error:
        raise Refusal(500, str(error)) from error
    prices = require_prices(environment, payment)
    escrow = node.payments.escrow_address(chain_id)
    if escrow is None:
        raise Refusal(500, f"Cannot handle payments on chainId: {as_text(chain_id)}")
    cost = environment.cost(resources, prices, duration)
    # Text is put together here, as in the real node: "120" and 0 make "1200".
    seconds = node.payments.least_lock_seconds(plus(duration, task.get("queueMaxWaitTime") or 0))
    try:
        amount = await node.payments.amount(cost, chain_id, token)
    except Refusal as refusal:
        raise Refusal(500, refusal.words) from refusal
    if task.get("output"):
        node.remote_storage.require_valid(task["output"])
    for element in (algorithm, *datasets):
        require_bucket_access(node, element, task["consumerAddress"])
    quotes = [
        await quote_asset(node, element, environment, task) if document_of(element) else {"validOrder": False}
        for element in (algorithm, *datasets)
    ]
    return Reply.of(
        {
            "algorithm": quotes[0],
            "datasets": quotes[1:],
            "payment": {
                "escrowAddress": escrow,
                "payee": node.identity.address,
                "chainId": chain_id,
                "minLockSeconds": seconds,
                "token": token,
                "amount": str(amount),
            },
        }
    )


def require_positive_duration(task: Task) -> None:
    seconds = parse_int(task.get("maxJobDuration"))
    if task.get("maxJobDuration") and seconds is not None and seconds <= 0:
        raise Refusal(400, "Invalid maxJobDuration")


async def require_checksums(node: LocalOceanNode, task: Task) -> None:
    """Of code that comes with the request none are needed; a file of its own has none."""
    algorithm = task["algorithm"]
    if not isinstance(algorithm, dict):
        algorithm = {}
    meta, did = algorithm.get("meta"), algorithm.get("documentId")
    if isinstance(meta, dict) and meta.get("rawcode"):
        return
    if not did or not await has_checksums(node, algorithm, task["consumerAddress"]):
        raise Refusal(
            500,
            "Failed to retrieve algorithm checksums. Both container and files checksums are required.",
        )


def require_prices(environment: Environment, payment: dict[str, Any]) -> dict[str, float]:
    prices = environment.prices(payment.get("chainId"), payment.get("token"))
    if prices is None:
        asked = [as_text(payment[name]) if name in payment else "undefined" for name in ("chainId", "token")]
        raise Refusal(
            500,
            f"This compute env does not accept payments on chain: {asked[0]} using token {asked[1]}",
        )
    return prices


def paid_duration(asked: Any, environment: Environment) -> Any:
    """As asked, up to the environment's."""
    most = environment.settings.max_job_duration
    return most if or_null(asked) is None or as_number(asked) > most else asked
