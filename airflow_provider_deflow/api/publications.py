# SPDX-License-Identifier: Apache-2.0
"""Publishing an asset: a run of the Dag `deflow_publish`, which Airflow starts as the user."""

from __future__ import annotations

from fastapi import APIRouter

from airflow_provider_deflow.api import access, publication_values, values
from airflow_provider_deflow.api.access import User
from airflow_provider_deflow.api.airflow_rest import AirflowAsUser
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.api.runs import RunId

router = APIRouter(tags=["assets"])


@router.post(
    "/assets",
    status_code=202,
    dependencies=[access.CreatesDags],
    responses={
        **documented(),
        409: {
            "model": values.Fault,
            "description": "`not_ready`: Airflow has not read the Dag yet. `paused`: somebody paused it",
        },
    },
)
async def publish_asset(
    asset: publication_values.NewAsset, airflow: AirflowAsUser, user: User
) -> publication_values.StartedPublication:
    """Publish a dataset or an algorithm, with the money and in the name of the wallet.

    You may read both connections in Airflow and start runs of `deflow_publish`. URLs and headers of files
    are encrypted with Airflow's Fernet key before they leave this request.
    """
    raise Refusal(501, "not_there", "Not there yet.")


@router.get("/assets/publications/{run_id}", dependencies=[access.SeesDags], responses=documented(404))
async def read_publication(run_id: RunId, airflow: AirflowAsUser) -> publication_values.PublicationView:
    """What became of a publication."""
    raise Refusal(501, "not_there", "Not there yet.")
