# SPDX-License-Identifier: Apache-2.0
"""Buttons on a task's page: the job's record, the Ocean Node that runs it, an asset's document.

Airflow asks for a link once, in the worker when the task ends, and keeps the URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class OceanJobLink(BaseOperatorLink):
    """The job's public record on its Ocean Node."""

    name = "Ocean job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Empty until the job is known."""
        url, job_id = getattr(operator, "ocean_node_url", ""), getattr(operator, "job_id", "")
        return f"{url}/api/services/compute?jobId={job_id}" if url and job_id else ""


class OceanNodeLink(BaseOperatorLink):
    """The Ocean Node's own page."""

    name = "Ocean Node"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Empty until the task has looked up its connection."""
        return str(getattr(operator, "ocean_node_url", ""))


class OceanAssetLink(BaseOperatorLink):
    """The DDO of a published asset, as its Ocean Node indexed it."""

    name = "Ocean asset"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Empty until the asset is published."""
        url, did = getattr(operator, "ocean_node_url", ""), getattr(operator, "published_did", "")
        return f"{url}/api/aquarius/assets/ddo/{did}" if url and did else ""
