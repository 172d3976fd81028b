# SPDX-License-Identifier: Apache-2.0
"""What compute and handover tasks tell OpenLineage: which files became which, by which job where.

A file is a dataset named `<dag id>/<task id>/<file name>` in the namespace of DeFlow's storage, the same in
each run; its content's hash is its version. An edge reads its producer's files, and what it brings is what
its consumer reads, so that lineage goes through all of a graph.

Only Airflow's OpenLineage provider asks, from a process of its own that was forked off the task's: a task
keeps plain values for it (nothing where nobody listens), and OpenLineage's classes are imported by who asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_deflow import http
from airflow_provider_deflow.graphs import sources
from airflow_provider_deflow.hooks import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import DatasetFacet, InputDatasetFacet

    from airflow_provider_deflow.handover import Handed
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.outputs import OutputFile
    from airflow_provider_deflow.operators.work import Work


@dataclass(frozen=True, slots=True)
class File:
    """A dataset; size and hash where they are known."""

    namespace: str
    name: str
    size: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What one try did so far; `values` are the run's facet of that name."""

    facet: str
    values: dict[str, Any]
    inputs: tuple[File, ...] = ()
    outputs: tuple[File, ...] = ()


class TellsLineage:
    """The methods that Airflow's OpenLineage provider looks for in an operator."""

    lineage: Lineage | None = None

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """Before it runs a task knows nothing that its name does not say."""
        return _told(self.lineage)

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:
        """What it read and left, and by which job."""
        return _told(self.lineage)

    def get_openlineage_facets_on_failure(self, task_instance: object) -> OperatorLineage[Any, Any] | None:
        """What it read, and which job failed."""
        return _told(self.lineage)


def is_asked_for() -> bool:
    """Whether Airflow sends OpenLineage events at all."""
    try:
        from airflow.providers.openlineage.conf import is_disabled
    except ImportError:
        return False
    return not is_disabled()


def of_node(work: Work, job_id: str) -> Lineage | None:
    """A node with its inputs, and the job that answers for it."""
    if not is_asked_for():
        return None
    values = {
        "jobId": job_id,
        "oceanNode": http.redact(work.url),
        "algorithmSha256": work.hashes["algorithm"],
        "inputsSha256": work.hashes["inputs"],
    }
    handed = [_stored(file, work.of_run.dag_id, each.edge) for each in work.handed for file in each.files]
    own = [file for dataset in work.node.datasets if (file := own_dataset(dataset, work.url))]
    return Lineage("deflow_job", values, (*handed, *own))


def with_job(lineage: Lineage | None, job: ComputeJob, generation: int | None) -> Lineage | None:
    """`lineage` once the job is over."""
    if lineage is None:
        return None
    more = {"environment": job.environment, "generation": generation, "outcome": job.outcome}
    return replace(lineage, values={**lineage.values, **more})


def with_outputs(lineage: Lineage | None, work: Work, files: Iterable[OutputFile]) -> Lineage | None:
    """`lineage` once the outputs are kept."""
    if lineage is None:
        return None
    left = (_stored(file, work.of_run.dag_id, work.of_run.node_id) for file in files)
    return replace(lineage, outputs=tuple(left))


def of_edge(dag_id: str, handed: Handed, ocean_node_url: str) -> Lineage | None:
    """An edge that brought its files."""
    if not is_asked_for():
        return None
    return Lineage(
        "deflow_handover",
        {"oceanNode": http.redact(ocean_node_url), "mode": handed.mode, "bucketId": handed.bucket_id},
        tuple(_stored(file, dag_id, handed.source) for file in handed.files),
        tuple(_stored(file, dag_id, handed.edge) for file in handed.files),
    )


def _stored(file: Any, dag_id: str, task_id: str) -> File:
    """A file in DeFlow's storage that a task left; one without a task was uploaded by a person."""
    name = f"{dag_id}/{task_id}/{file.name}" if task_id else f"uploads/{file.name}"
    return File(http.redact(settings.storage_url()), name, file.size, file.sha256)


def own_dataset(dataset: Any, ocean_node_url: str) -> File | None:
    """A dataset that the drawing names, without what may be secret in it; uploads are handed over."""
    if isinstance(dataset, sources.DidDataset):
        return File("did:op", dataset.did)
    if not isinstance(dataset, sources.FileDataset):
        return None
    file: Any = dataset.file
    match file["type"]:
        case "url" | "ftp":
            parts = urlsplit(http.redact(file["url"]))
            return File(f"{parts.scheme}://{parts.netloc}", parts.path or "/")
        case "s3":
            return File(f"s3://{file['s3Access']['bucket']}", file["s3Access"]["objectKey"])
        case "nodePersistentStorage":
            return File(http.redact(ocean_node_url), f"{file['bucketId']}/{file['fileName']}")
        case kind:
            return File(kind, file.get("hash") or file.get("transactionId") or "")


def _told(lineage: Lineage | None) -> OperatorLineage[Any, Any] | None:
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    from openlineage.client.facet_v2 import RunFacet, external_query_run

    if lineage is None:
        # Of None the provider would warn.
        return OperatorLineage()
    known = {name: value for name, value in lineage.values.items() if value is not None}
    facets = {lineage.facet: RunFacet().with_additional_properties(**known)}
    if job_id := known.get("jobId"):
        # What OpenLineage calls a job elsewhere, whatever it computes.
        facets["externalQuery"] = external_query_run.ExternalQueryRunFacet(job_id, known["oceanNode"])
    return OperatorLineage(
        inputs=[_input(file) for file in lineage.inputs],
        outputs=[_output(file) for file in lineage.outputs],
        run_facets=facets,
    )


def _input(file: File) -> InputDataset:
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset as statistics

    size = statistics.InputStatisticsInputDatasetFacet(size=file.size)
    facets: dict[str, InputDatasetFacet] = {} if file.size is None else {"inputStatistics": size}
    return InputDataset(file.namespace, file.name, facets=_version(file), inputFacets=facets)


def _output(file: File) -> OutputDataset:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    size = statistics.OutputStatisticsOutputDatasetFacet(size=file.size)
    return OutputDataset(
        file.namespace, file.name, facets=_version(file), outputFacets={"outputStatistics": size}
    )


def _version(file: File) -> dict[str, DatasetFacet]:
    from openlineage.client.facet_v2 import dataset_version_dataset

    if not file.sha256:
        return {}
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=file.sha256)}
