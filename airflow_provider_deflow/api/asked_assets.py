# SPDX-License-Identifier: Apache-2.0
"""What is asked to be published, as a publisher describes it, and what is wrong with it, by its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException
from pydantic import ValidationError

from airflow_provider_deflow import errors
from airflow_provider_deflow.api.publication_values import NewAsset, UploadFile
from airflow_provider_deflow.graphs.problem import Problem, path
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ocean.asset_description import AssetDescription


def description_of(asset: NewAsset) -> dict[str, Any]:
    """An `AssetDescription` in the words of its document, without files."""
    described: dict[str, Any] = {
        "name": asset.name,
        "description": asset.description,
        "author": asset.author,
        "license": asset.license,
        "tags": asset.tags,
        "role": asset.kind,
        "services": [{"type": asset.service, "timeout_seconds": asset.timeout_seconds}],
    }
    if asset.price.kind == "free":
        described["price"] = {"kind": "free"}
    elif asset.price.kind == "fixed_rate":
        described["price"] = {"kind": "fixed_rate", "price": asset.price.amount, "token": asset.price.token}
    if asset.service == "compute":
        described["services"][0]["compute"] = _policy(asset)
    if asset.algorithm:
        container = asset.algorithm.model_dump(include={"image", "tag", "checksum", "entrypoint"})
        rest = asset.algorithm.model_dump(include={"language", "version", "consumer_parameters"})
        described["algorithm"] = {"container": container, **rest}
    return described


def files_of(asset: NewAsset) -> list[dict[str, Any]]:
    """Uploads by their hash; all else as file objects, which hold what only the Ocean Node may know."""
    return [
        {"upload": file.upload.sha256, "name": file.upload.name}
        if isinstance(file, UploadFile)
        else {"type": "url", **file.model_dump(exclude_defaults=True), "method": file.method}
        for file in asset.files
    ]


def problems_of_description(asset: NewAsset) -> Iterator[Problem]:
    """What a publisher would say of it, in the places of what was sent."""
    if asset.price.kind == "fixed_rate" and asset.price.amount is None:
        yield Problem("missing", "price.amount", "is required of a fixed rate: whole tokens, as text")
    elif asset.price.kind != "fixed_rate" and (asset.price.amount or asset.price.token):
        yield Problem(
            "not_sold", "price", f"an asset that is {asset.price.kind!r} has no amount and no token"
        )
    else:
        yield from _misfits(asset)
    if asset.service == "access" and (asset.trusted_algorithms or asset.allows_inline_code):
        yield Problem(
            "not_for_jobs", "service", "only a compute service lets algorithms in: choose `compute`"
        )
    for number, file in enumerate(asset.files):
        if isinstance(file, UploadFile) and not content_store().has(file.upload.sha256):
            yield Problem(
                "missing", f"files[{number}].upload", "is not, or no longer, in the storage: upload it again"
            )


def problems_of_connections(asset: NewAsset) -> Iterator[Problem]:
    """Both are there, of their type, and used together."""
    url = None
    try:
        url = OceanNodeHook(asset.ocean_node).settings().url
        _require_type(OceanNodeHook, asset.ocean_node)
    except (AirflowNotFoundException, errors.SettingsError) as error:
        yield Problem("connection", "ocean_node", str(error))
    wallet = OceanWalletHook(asset.wallet)
    try:
        _require_type(OceanWalletHook, asset.wallet)
        wallet.network()
        if url and not wallet.trusts(url):
            yield Problem(
                "connection",
                "wallet",
                f"is not used on the Ocean Node of {asset.ocean_node!r}: add it to the wallet's ocean_nodes",
            )
    except (AirflowNotFoundException, errors.DeflowError) as error:
        yield Problem("connection", "wallet", str(error))


def _require_type(hook: type[OceanNodeHook] | type[OceanWalletHook], conn_id: str) -> None:
    if hook(conn_id).get_connection(conn_id).conn_type != hook.conn_type:
        raise errors.SettingsError(f"connection {conn_id!r} is not of type {hook.conn_type}")


def _misfits(asset: NewAsset) -> Iterator[Problem]:
    try:
        AssetDescription.model_validate(description_of(asset))
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            yield Problem(str(one["type"]), _place(one["loc"]), str(one["msg"]))


def _place(where: tuple[int | str, ...]) -> str:
    """Of a part of the description, where it was sent."""
    if where[:2] == ("services", 0):
        where = tuple(part for part in where[2:] if part != "compute")
    at = path([part for part in where if part not in ("container", "fixed_rate")] or ["algorithm"])
    return {"role": "kind", "type": "service", "price.price": "price.amount"}.get(at, at)


def _policy(asset: NewAsset) -> dict[str, Any]:
    policy: dict[str, Any] = {"trusted_algorithms": asset.trusted_algorithms}
    if asset.allows_inline_code:
        # To trust nobody by name is, to an Ocean Node, to trust no raw algorithm either.
        policy |= {"allow_raw_algorithm": True}
        if not asset.trusted_algorithms:
            policy["trusted_publishers"] = ["*"]
    return policy
