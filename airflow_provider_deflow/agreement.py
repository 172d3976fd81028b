# SPDX-License-Identifier: Apache-2.0
"""Whether a job that carries a node's key is the job that the node asks for.

The key alone could stand on another's job: whoever lists a wallet's jobs sees their keys, and a stolen
token starts jobs in the wallet's name. So environment, algorithm and datasets must agree too, as far as
the Ocean Node shows them: never an algorithm's code or variables, and on some versions nothing at all.
What a hidden part was, the key alone answers for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_deflow import job_request
from airflow_provider_deflow.graphs import graph as graphs

if TYPE_CHECKING:
    from airflow_provider_deflow import handover
    from airflow_provider_deflow.ocean.job_records import JobRecord

# Where an algorithm can come from besides its code.
_SOURCES = ("fileObject", "documentId", "serviceId")


def disagreement(record: JobRecord, node: graphs.ComputeData, inputs: Sequence[handover.Input]) -> str:
    """The first part of `record` that is not what `node` asks for; empty when all that is shown agrees.

    It names no URL: one may be signed. `inputs` may lie elsewhere by now, so their contents count.
    """
    if node.environment and record.job.environment != node.environment:
        return f"environment: it is {record.job.environment}, asked for is {node.environment}"
    if record.algorithm is not None and (part := _other_algorithm(record.algorithm, node.algorithm)):
        return f"algorithm: {part}"
    if record.datasets is not None:
        return _other_datasets(record.datasets, node, inputs)
    return ""


def _other_algorithm(shown: Mapping[str, Any], asked: graphs.Algorithm) -> str:
    if isinstance(asked, graphs.DidAlgorithm):
        return "" if shown.get("documentId") in (None, asked.did) else "another DID"
    sources = {"fileObject": dict(asked.file)} if isinstance(asked, graphs.FileAlgorithm) else {}
    for source in _SOURCES:
        if shown.get(source) is not None and not _holds(shown[source], sources.get(source)):
            return f"another {source}"
    container = {**job_request.image_of(asked.image), "entrypoint": asked.entrypoint}
    meta = shown.get("meta")
    there = meta.get("container") if isinstance(meta, Mapping) else None
    if isinstance(there, Mapping):
        for part, value in container.items():
            # A node leaves out what is empty.
            if part in there and (there[part] or "") != value:
                return f"{part}: it is {there[part]!r}, asked for is {value!r}"
    return ""


def _other_datasets(shown: Sequence[Any], node: graphs.ComputeData, inputs: Sequence[handover.Input]) -> str:
    own = [one for one in node.datasets if not isinstance(one, graphs.UploadDataset)]
    if len(shown) != len(own) + len(inputs):
        return f"datasets: it has {len(shown)}, asked for are {len(own) + len(inputs)}"
    # In the order in which `job_request.build` writes them.
    for number, (dataset, one) in enumerate(zip(shown, own, strict=False), start=1):
        if not _is_own(dataset, one):
            return f"datasets: number {number} is another one"
    contents = sorted(_content(dataset) for dataset in shown[len(own) :])
    for each in inputs:
        known = (each.sha256, each.name, _content(each.dataset))
        found = next((one for one in contents if one in known), None)
        if found is None:
            return f"datasets: none is {each.name}, sha256 {each.sha256}"
        contents.remove(found)
    return ""


def _is_own(shown: Any, asked: graphs.DidDataset | graphs.FileDataset) -> bool:
    if not isinstance(shown, Mapping):
        return False
    if isinstance(asked, graphs.DidDataset):
        return shown.get("documentId") == asked.did
    return _holds(shown.get("fileObject"), dict(asked.file))


def _holds(shown: Any, asked: Any) -> bool:
    """Whether `shown` has all of `asked`; a node may add defaults of its own."""
    if isinstance(asked, Mapping):
        return isinstance(shown, Mapping) and all(_holds(shown.get(key), asked[key]) for key in asked)
    return bool(shown == asked)


def _content(dataset: Any) -> str:
    """What tells a handed file: its name in a bucket, which is its hash, the last part of its URL, or DID and
    service."""
    if isinstance(dataset, Mapping) and dataset.get("documentId"):
        return f"{dataset['documentId']}/{dataset.get('serviceId')}"
    file = dataset.get("fileObject") if isinstance(dataset, Mapping) else None
    if not isinstance(file, Mapping):
        return ""
    if file.get("type") == "nodePersistentStorage":
        return str(file.get("fileName"))
    return unquote(PurePosixPath(urlsplit(str(file.get("url"))).path).name)
