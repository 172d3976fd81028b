# SPDX-License-Identifier: Apache-2.0
"""getFees and download: what it takes to order a service for download, and its files for who ordered.

A real node breaks here in places instead of refusing; what it then answers is kept (`Thrown`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from airflow_provider_deflow.local_ocean_node.asset_files import with_user_data
from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.commands.usable_assets import chain_of, require_access
from airflow_provider_deflow.local_ocean_node.ddos import files_of, require_orderable, service_of
from airflow_provider_deflow.local_ocean_node.file_objects import is_bucket_file
from airflow_provider_deflow.local_ocean_node.identity import Undecryptable
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.orders import fee_is_paid, order_problem
from airflow_provider_deflow.local_ocean_node.provider_fees import provider_fee
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown

# Of the source's answer; the others are about its connection, or about an encoding that was undone.
_DROPPED_HEADERS = ("connection", "keep-alive", "transfer-encoding", "content-encoding", "date", "server")


async def fees(node: LocalOceanNode, task: Task) -> Reply:
    """The signed fee that an order for a download must carry."""
    require(task, "ddoId", "serviceId")
    if not isinstance(task["ddoId"], str) or not task["ddoId"].startswith("did:op"):
        raise Refusal(400, ' Missing or invalid required parameter "id')
    consumer = task.get("consumerAddress")
    if consumer and normalised_address(consumer) is None:
        raise Refusal(400, 'Parameter : "consumerAddress" is not a valid web3 address')
    ddo = require_orderable(node.assets.ddo(task["ddoId"]))
    found = service_of(ddo, task["serviceId"])
    if found is None:
        raise Thrown("Cannot read properties of undefined (reading 'type')", "TypeError")
    service = found[1]
    valid_until = _valid_until(service, task.get("validUntil"))
    fee = provider_fee(
        node.identity.signer, chain_of(node, ddo).network.address("Ocean"), service, valid_until
    )
    reply = {
        "providerFee": fee,
        "datatoken": service.get("datatokenAddress"),
        "nonce": as_text(node.store.nonce(consumer or "null")),
        **({"computeAddress": consumer} if "consumerAddress" in task else {}),
    }
    return Reply(json.dumps(reply, indent=4).encode())


def _valid_until(service: dict[str, Any], asked: Any) -> int:
    timeout = service.get("timeout") or 0
    latest = 0 if timeout == 0 else time.time() + timeout
    wanted = as_number(asked) if asked else math.nan
    if not math.isnan(wanted) and timeout > 0 and wanted > latest:
        raise Refusal(500, "Required validUntil is higher than service timeout")
    if service.get("type") == "compute":
        raise Refusal(500, "Use the initializeCompute endpoint to initialize compute jobs")
    return round(latest if math.isnan(wanted) else wanted)


async def download(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "fileIndex", "documentId", "serviceId", "transferTxId")
    node.auth.check(task)
    ddo = node.assets.ddo(task["documentId"])
    if ddo is None:
        raise Refusal(500, "No DDO found for asset")
    require_orderable(ddo)
    if not ddo.get("metadata"):
        raise Refusal(500, "Error: DDO malformed or disabled")
    chain, consumer = chain_of(node, ddo), as_text(task.get("consumerAddress"))
    await require_access(chain, ddo, ddo.get("credentials"), consumer)
    index, service = _service(ddo, task["serviceId"])
    await require_access(chain, ddo, service.get("credentials"), consumer, service)
    if service.get("type") == "compute" and consumer.lower() != node.identity.address.lower():
        raise Refusal(500, "Not allowed to download this asset of type compute")
    await chain.ask(_require_order, node, chain, task, ddo, service, index)
    return await _content(node, _file(node, ddo, service, task))


def _service(ddo: dict[str, Any], service_id: Any) -> tuple[int | None, dict[str, Any]]:
    """By its id, else by its position, which is of no use: an order is looked up by the id only."""
    found = service_of(ddo, service_id)
    if found is not None:
        return found
    services, position = ddo.get("services") or [], as_number(service_id)
    if position.is_integer() and 0 <= position < len(services):
        return None, services[int(position)]
    raise Thrown("Cannot find service")


def _require_order(
    node: LocalOceanNode,
    chain: Chain,
    task: Task,
    ddo: dict[str, Any],
    service: dict[str, Any],
    index: int | None,
) -> None:
    transaction = str(task["transferTxId"])
    if not fee_is_paid(chain, transaction, node.identity.address, service):
        raise Refusal(500, "ERROR checking fees")
    problem = order_problem(chain, transaction, as_text(task.get("consumerAddress")), ddo, service, index)
    if problem:
        raise Refusal(500, problem)


def _file(
    node: LocalOceanNode, ddo: dict[str, Any], service: dict[str, Any], task: Task
) -> dict[str, Any] | None:
    """The one that was asked for; None when there are not so many."""
    try:
        secret = files_of(service, node.identity)
        position = as_number(task["fileIndex"])
        files = secret["files"]
        wanted = files[int(position)] if position.is_integer() and 0 <= position < len(files) else None
        if isinstance(wanted, dict):
            wanted = with_user_data(wanted, task.get("userData"))
    except (Undecryptable, ValueError) as error:
        raise Refusal(500, "Failed to decrypt") from error
    for name, true in (("nftAddress", ddo["nftAddress"]), ("datatokenAddress", service["datatokenAddress"])):
        # What was encrypted for another asset was copied from its DDO.
        if str(secret.get(name)).lower() != str(true).lower():
            raise Refusal(403, "Failed to download asset, unauthorized operation!")
    return wanted


async def _content(node: LocalOceanNode, file_object: dict[str, Any] | None) -> Reply:
    if file_object is None:
        raise Refusal(501, "Unknown error: Empty file object")
    if is_bucket_file(file_object):
        raise Refusal(
            403,
            "Persistent storage files cannot be downloaded; they are only available within compute jobs",
        )
    opened = AsyncExitStack()
    try:
        info = await node.file_objects.info(file_object, None, whole=True)
        response = await opened.enter_async_context(node.file_objects.opened(file_object))
    except Refusal as refusal:
        raise Refusal(501, f"Unknown error: {refusal.words}") from refusal
    headers = {name: value for name, value in response.headers.items() if name not in _DROPPED_HEADERS}
    if "content-length" in headers:
        headers["content-length"] = info["contentLength"]
    headers.setdefault("content-disposition", f"attachment;filename={info['name']}")
    if headers.get("content-type", "").startswith("text/") and "charset" not in headers["content-type"]:
        # Express adds it.
        headers["content-type"] += "; charset=utf-8"

    async def chunks() -> AsyncIterator[bytes]:
        async with opened:
            async for chunk in response.aiter_bytes():
                yield chunk

    return Reply(chunks(), None, headers)
