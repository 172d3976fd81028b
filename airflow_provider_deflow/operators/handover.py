# SPDX-License-Identifier: Apache-2.0
"""One edge of a graph as a task: bring the producer's outputs to where the consumer's job takes them."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_deflow import handover, jobs
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.graphs import problems
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ocean import outputs as ocean_outputs
from airflow_provider_deflow.operators import lineage, measuring
from airflow_provider_deflow.operators.faults import RetryAsTold, told_to_airflow
from airflow_provider_deflow.operators.occasions import selection_of
from airflow_provider_deflow.operators.publishing import publish_for
from airflow_provider_deflow.operators.recording import recorded, requests_to
from airflow_provider_deflow.operators.work import returned_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_deflow.graphs.selection import Part
    from airflow_provider_deflow.ocean.outputs import ContentStore


class HandoverOperator(lineage.TellsLineage, BaseOperator):
    """Hands the outputs of one `OceanComputeOperator` to the next.

    :param edge: source and target task ids, the way (`handover`) and which `files`: a mapping or the value

    It stands between the two: `clean >> HandoverOperator(task_id="clean__train", edge={"source": "clean",
    "target": "train"}) >> train`.
    """

    ui_color = "#e0e7ff"

    def __init__(self, *, edge: graphs.GraphEdge | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.retry_policy = self.retry_policy or RetryAsTold()
        self.edge = problems.checked(graphs.GraphEdge, edge, self.task_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Hand the files over; return the reference of what was handed over, and its size."""
        with told_to_airflow(), recorded("edge", self, context) as ledger:
            part = self._part_of_target(context)
            began = time.monotonic()
            store = content_store()
            outputs = store.outputs(returned_by(context, self.edge.source)["outputs"])
            files = ocean_outputs.matching(outputs.files, self.edge.data.files)
            jobs.check_declared(outputs, self.edge.data.files, self.edge.source)
            consumer: Any = self.dag.get_task(self.edge.target)
            mode = handover.mode_of(self.edge.data.handover, consumer.node)
            signer = OceanWalletHook(consumer.wallet_conn_id).signer()
            ocean_node = OceanNodeHook(consumer.ocean_node_conn_id).client(signer, requests_to(ledger))
            if part == "reused":
                # It has its outputs already, and asks only what they would be made of.
                handed = handover.named_only(self.task_id, self.edge.source, files, mode)
            else:
                handed = handover.hand_over(
                    self.task_id,
                    self.edge.source,
                    files,
                    mode,
                    ocean_node,
                    signer.address,
                    store,
                    self.log.info,
                    publish_for(
                        consumer.node,
                        signer.address,
                        consumer.ocean_node_conn_id,
                        consumer.wallet_conn_id,
                        store,
                        self.log.info,
                        ledger,
                    ),
                )
            size = sum(file.size for file in handed.files)
            self.log.info("Handed over %d file(s), %d bytes, by %s", len(handed.files), size, handed.mode)
            self.lineage = lineage.of_edge(context["ti"].dag_id, handed, ocean_node.url)
            document = handed.to_document()
            kept = store.put(io.BytesIO(json.dumps(document).encode()))[0]
            seconds = time.monotonic() - began
            measuring.handed_over(context["ti"].dag_id, self.task_id, ocean_node.url, size, seconds)
            account = {"owner": signer.address, "wallet_conn_id": consumer.wallet_conn_id}
            brought = facts.handover(document, kept, self.edge.target, ocean_node.url, seconds, account)
            ledger.record(brought, facts.ended("succeeded"))
        return {
            "handover": kept,
            "mode": handed.mode,
            "files": len(handed.files),
            "bytes": size,
        }

    def _part_of_target(self, context: Context) -> Part:
        """What the run asks of the consumer. Raises Airflow's skip when it is left out."""
        selected = selection_of(self, context)
        part = "runs" if selected is None else selected.part_of(self.edge.target)
        if part == "skipped":
            raise AirflowSkipException(
                f"This run was asked for {selected}: {self.edge.target!r} is left out."
            )
        return part

    @staticmethod
    def handed(context: Context, store: ContentStore, task_id: str) -> handover.Handed:
        """What the handover task `task_id` of the same run brought."""
        with store.open(returned_by(context, task_id)["handover"]) as document:
            return handover.Handed.from_document(json.load(document))
