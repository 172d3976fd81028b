# SPDX-License-Identifier: Apache-2.0
"""What a node of a graph asks an Ocean Node for: its algorithm, datasets and limits on the wire.

Also the hash of a node's inputs: what has to be equal for an earlier job's outputs to be this
node's outputs. Contents count, not where they lie or how they travel: a new signed URL or another
bucket changes nothing. Limits (cpu, ram, duration) do not count either.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors, handover, jobs
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.graphs import text
from airflow_provider_deflow.ocean import choosing, compute, payments

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_provider_deflow.ocean import assets
    from airflow_provider_deflow.ocean.access import AccessList
    from airflow_provider_deflow.ocean.client import OceanNode

# A node takes JSON bodies of up to 100 kB; the rest of a start needs a few of them.
BODY_LIMIT_BYTES = 97_000
# A busy Ocean Node is waited for, in its own queue, instead of being asked again and again.
QUEUE_MAX_WAIT_SECONDS = 3600
# Image names that hold for one architecture, as Docker's own images are named, in a node's words.
_ARCHITECTURES = {"amd64": "x86_64", "arm32v7": "arm", "arm64v8": "arm64", "i386": "386"}
# Enough to tell two values of one field apart.
FIELD_DIGITS = 16
_IMAGE = re.compile(r"(?P<image>.+?)(?:@(?P<checksum>sha256:[0-9a-f]{64})|:(?P<tag>[\w][\w.-]*))?")


def rendered(node: graphs.ComputeData, values: Mapping[str, Any]) -> graphs.ComputeData:
    """`node` with the texts that a run may vary filled in from `values`, and nothing else."""
    return node.model_copy(
        update={
            "environment_variables": {
                name: text.render(value, values) for name, value in node.environment_variables.items()
            },
            "algorithm": _rendered_texts(node.algorithm, values),
            "datasets": tuple(_rendered_texts(dataset, values) for dataset in node.datasets),
        }
    )


def _rendered_texts(value: Any, values: Mapping[str, Any]) -> Any:
    update: dict[str, Any] = {}
    if isinstance(value, graphs.DidAlgorithm | graphs.DidDataset):
        update["did"] = text.render(value.did, values)
    elif isinstance(value, graphs.UploadDataset) and value.name:
        update["name"] = text.render(value.name, values)
    elif isinstance(value, graphs.FileAlgorithm | graphs.FileDataset):
        file: dict[str, Any] = dict(value.file)
        if "url" in file:
            update["file"] = {**file, "url": text.render(file["url"], values)}
    return value.model_copy(update=update) if update else value


def decisive(
    node: graphs.ComputeData, inputs: Sequence[handover.Input], ocean_node_url: str
) -> dict[str, Any]:
    """All that decides what a job of `node` computes, as JSON."""
    return {
        "ocean_node": ocean_node_url,
        "environment": node.environment,
        "algorithm": node.algorithm.model_dump(mode="json"),
        "environment_variables": dict(node.environment_variables),
        "datasets": [dataset.model_dump(mode="json") for dataset in node.datasets],
        "inputs": sorted([each.edge, each.name, each.sha256] for each in inputs),
    }


def fields_of(decisive: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every field of what `decisive` gave and a hash of its value, in its order: `algorithm.code`, …

    What an edge brings is one field, however many files it is.
    """
    brought: dict[str, list[Any]] = {}
    for edge, *file in decisive["inputs"]:
        brought.setdefault(edge or "uploads", []).append(file)
    fields = {
        "ocean_node": decisive["ocean_node"],
        "environment": decisive["environment"],
        **{f"algorithm.{name}": value for name, value in decisive["algorithm"].items()},
        **{f"environment_variables.{name}": v for name, v in decisive["environment_variables"].items()},
        **{f"datasets.{number}": value for number, value in enumerate(decisive["datasets"])},
        **{f"inputs.{edge}": files for edge, files in brought.items()},
    }
    return [(name, jobs.sha256_of(value)[:FIELD_DIGITS]) for name, value in fields.items()]


def demand(
    node: graphs.ComputeData,
    max_duration_seconds: int,
    address: str | None = None,
    held_access_lists: Collection[AccessList] | None = None,
    payment: payments.Payment | None = None,
) -> choosing.Demand:
    """What `node` needs of a compute environment; `address` and its access lists decide who lets it in.

    Only a limit that the drawing itself asks for has to fit; the graph's default is an upper bound.
    """
    return choosing.Demand(
        resources=dict(node.compute_resources),
        max_duration_seconds=max_duration_seconds,
        needed_seconds=node.max_duration_seconds or 0,
        architecture=_architecture(node.algorithm),
        address=address,
        held_access_lists=held_access_lists,
        payment=payment,
        is_paid=payment is not None,
    )


def held_access_lists(
    ocean_node: OceanNode, environments: Sequence[compute.ComputeEnvironment], address: str | None
) -> list[AccessList] | None:
    """The access lists that `address` is on, asked for only where an environment depends on them.

    None when nobody asked, or the Ocean Node could not say.
    """
    accesses = [
        one.access for environment in environments for one in (environment.free, environment.paid) if one
    ]
    if address is None or not any(access.access_lists and access.refuses(address) for access in accesses):
        return None
    try:
        return ocean_node.access_lists(address)
    except errors.OceanNodeError:
        return None


def build(
    node: graphs.ComputeData,
    inputs: Sequence[handover.Input],
    environment: compute.ComputeEnvironment,
    max_duration_seconds: int,
    terms: payments.Terms | None = None,
    used: Sequence[assets.UsedAsset] = (),
) -> compute.JobRequest:
    """The start request of `node`; with `terms` a paid one. `used` are the assets that it names by DID.

    Raises `SettingsError` when it would be larger than a node takes.
    """
    variables = dict(node.environment_variables)
    if inputs:
        variables[handover.INPUTS_VARIABLE] = handover.inputs_variable(inputs)
    by_did = {asset.did: asset for asset in used}
    own = [dataset for dataset in node.datasets if not isinstance(dataset, graphs.UploadDataset)]
    request = compute.JobRequest(
        environment=environment.id,
        algorithm=_algorithm(node, variables, inputs, by_did),
        datasets=[*(_dataset(dataset, by_did) for dataset in own), *(each.dataset for each in inputs)],
        resources=dict(node.compute_resources),
        max_duration_seconds=max_duration_seconds,
        queue_max_wait_seconds=QUEUE_MAX_WAIT_SECONDS,
        terms=terms,
        assets=tuple(used),
        platform=environment.platform,
    )
    size = len(json.dumps([request.algorithm, request.datasets], ensure_ascii=False).encode())
    if size > BODY_LIMIT_BYTES:
        raise errors.SettingsError(
            f"the start request is {size} bytes; an Ocean Node takes {BODY_LIMIT_BYTES}: "
            f"{len(inputs)} input files and {len(str(node.algorithm))} bytes of algorithm. "
            "Narrow `files` of the incoming edges, write fewer files, or give the algorithm by `file`."
        )
    return request


def own_input_names(node: graphs.ComputeData) -> list[str]:
    """The names under which the node's own fetched datasets appear in `/data/inputs`."""
    names = []
    for dataset in node.datasets:
        if isinstance(dataset, graphs.FileDataset):
            file: dict[str, Any] = dict(dataset.file)
            where = str(file.get("url") or file.get("s3Access", {}).get("objectKey") or "")
            names.append(where.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1])
    return [name for name in names if name]


def without_assets(node: graphs.ComputeData) -> graphs.ComputeData:
    """The node as its resources are priced: what it names by DID is ordered, and no part of that price."""
    datasets = tuple(one for one in node.datasets if not isinstance(one, graphs.DidDataset))
    algorithm = node.algorithm
    if isinstance(algorithm, graphs.DidAlgorithm):
        algorithm = graphs.CodeAlgorithm(code="pass")
    return node.model_copy(update={"algorithm": algorithm, "datasets": datasets})


def _dataset(
    dataset: graphs.DidDataset | graphs.FileDataset, by_did: Mapping[str, assets.UsedAsset]
) -> dict[str, Any]:
    if isinstance(dataset, graphs.FileDataset):
        return {"fileObject": dict(dataset.file)}
    return by_did[dataset.did].to_request()


def _algorithm(
    node: graphs.ComputeData,
    variables: Mapping[str, str],
    inputs: Sequence[handover.Input],
    by_did: Mapping[str, assets.UsedAsset],
) -> dict[str, Any]:
    algorithm = node.algorithm
    if isinstance(algorithm, graphs.DidAlgorithm):
        asset = by_did[algorithm.did]
        return {**asset.to_request(), "meta": dict(asset.meta), "envs": dict(variables)}
    container = {**image_of(algorithm.image), "entrypoint": algorithm.entrypoint}
    meta: dict[str, Any] = {"language": "python", "version": "0.1", "container": container}
    if isinstance(algorithm, graphs.FileAlgorithm):
        return {"fileObject": dict(algorithm.file), "meta": meta, "envs": dict(variables)}
    in_buckets = any(each.path != f"/data/inputs/{each.name}" for each in inputs)
    linked = in_buckets and graphs.is_inline_python(node)
    meta["rawcode"] = handover.with_inputs_linked(algorithm.code) if linked else algorithm.code
    return {"meta": meta, "envs": dict(variables)}


def image_of(image: str) -> dict[str, str]:
    """An image's name in a start's words. Raises `SettingsError` for one that is none."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        raise errors.SettingsError(f"image {image!r} is not `name:tag` or `name@sha256:…`.")
    return {
        "image": match["image"],
        "tag": match["tag"] or "latest",
        "checksum": match["checksum"] or "",
    }


def _architecture(algorithm: graphs.Algorithm) -> str | None:
    """What an image's name says it is for; most hold for several, and only their registry knows which."""
    if isinstance(algorithm, graphs.DidAlgorithm):
        return None
    return next((_ARCHITECTURES[part] for part in algorithm.image.split("/") if part in _ARCHITECTURES), None)


def payment_of(
    environments: Sequence[compute.ComputeEnvironment],
    chain_id: int,
    fee_token: str | None,
    named: str | None,
) -> payments.Payment:
    """What a paid job is paid with: `fee_token`, written as the Ocean Node does, or the only one there is.

    Raises `NoEnvironment` when no environment takes it, `SettingsError` when several tokens would do.
    """
    taken = {
        fees.fee_token
        for environment in environments
        if named in (None, environment.id)
        for fees in environment.fees
        if fees.chain_id == chain_id and fee_token in (None, fees.fee_token.lower())
    }
    if len(taken) == 1:
        return payments.Payment(chain_id, taken.pop())
    if taken:
        raise errors.SettingsError(
            f"the Ocean Node takes several tokens on chain {chain_id}: {', '.join(sorted(taken))}. "
            "Name one as the budget's `fee_token`."
        )
    raise errors.NoEnvironment(
        f"no compute environment of the Ocean Node is paid with {fee_token or 'any token'} on chain "
        f"{chain_id}. Choose another Ocean Node, another wallet, or a free job."
    )
