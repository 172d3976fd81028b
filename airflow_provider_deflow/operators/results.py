# SPDX-License-Identifier: Apache-2.0
"""The last task of a graph: the outputs of its sinks as one downloadable archive with a manifest."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.faults import told_to_airflow
from airflow_provider_deflow.operators.recording import recorded
from airflow_provider_deflow.operators.work import returned_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from airflow.sdk import Context

    from airflow_provider_deflow.ocean.outputs import ContentStore

MANIFEST_NAME = "manifest.json"


class CollectResultsOperator(BaseOperator):
    """Gathers the outputs of the `OceanComputeOperator`s directly upstream.

    :param graph: what the manifest says about the drawing: its slug, revision and sha256

    The archive holds `manifest.json` and `<task id>/<file>`. The manifest names, for every compute
    task of the run, its job, Ocean Node, times, and the hashes of its code, inputs and outputs.
    """

    ui_color = "#dcfce7"

    def __init__(self, *, graph: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.graph = dict(graph or {})

    def execute(self, context: Context) -> dict[str, Any]:
        """Keep the archive in DeFlow's storage; return its hash and the manifest's."""
        with told_to_airflow(), recorded("results", self, context) as ledger:
            store = content_store()
            records = self._records(context, store)
            sinks = sorted(self.upstream_task_ids & records.keys())
            if not sinks:
                raise errors.MissingOutput(
                    f"{self.task_id!r} has nothing to collect: no OceanComputeOperator is directly upstream "
                    "(mapped ones are not collected yet)."
                )
            ti = context["ti"]
            manifest = {
                "graph": self.graph,
                "run": {"dag_id": ti.dag_id, "run_id": ti.run_id},
                "nodes": [records[task_id] for task_id in sorted(records)],
                "results": sinks,
            }
            document = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False).encode()
            with tempfile.TemporaryFile(prefix="deflow-result-") as archive:
                files = _write(archive, document, [records[task_id] for task_id in sinks], store)
                archive.seek(0)
                sha256, size = store.put(archive)
            manifest_sha256, _ = store.put(io.BytesIO(document))
            ledger.record(facts.results(sha256, manifest_sha256, files, size), facts.ended("succeeded"))
        self.log.info("The result of this run: %d file(s), %d bytes, sha256 %s", files, size, sha256)
        self.log.info("It is kept at %s", store.path(sha256))
        return {"archive": sha256, "bytes": size, "files": files, "manifest": manifest_sha256}

    def _records(self, context: Context, store: ContentStore) -> dict[str, dict[str, Any]]:
        """What each compute task of the run recorded about itself, by task id; none may be missing."""
        records = {}
        for task in self.dag.tasks:
            if isinstance(task, OceanComputeOperator):
                with store.open(returned_by(context, task.task_id)["record"]) as record:
                    records[task.task_id] = json.load(record)
        return records


def _write(archive: IO[bytes], manifest: bytes, sinks: list[dict[str, Any]], store: ContentStore) -> int:
    """Write the tar, equal for equal contents; the number of output files in it."""
    count = 0
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST_NAME, io.BytesIO(manifest), len(manifest))
        for record in sinks:
            for file in record["outputs"]:
                with store.open(file["sha256"]) as content:
                    _add(tar, f"{record['node']}/{file['name']}", content, file["size"])
                count += 1
    return count


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    tar.addfile(member, content)
