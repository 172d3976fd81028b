# SPDX-License-Identifier: Apache-2.0
"""Publishing an asset: a run of the Dag `deflow_publish`, which Airflow starts as the user.

What can be said of a wrong description is said at once, with its place in what was sent; the rest, such as a
file that is not there or an account without money, is said by the run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow import errors, publication
from airflow_provider_deflow.api import access, asked_assets, publication_values, run_view, values
from airflow_provider_deflow.api.access import User
from airflow_provider_deflow.api.airflow_rest import AirflowAsUser, dag_path, run_path, xcom_path
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.api.run_values import TransactionView
from airflow_provider_deflow.api.runs import RunId
from airflow_provider_deflow.chain.networks import transaction_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.api.airflow_rest import AirflowRest

router = APIRouter(tags=["assets"])

# Of the Dag, as of a graph's: its id without `deflow_`.
SLUG = publication.DAG_ID.removeprefix("deflow_")
# Whose turn it is, and what to do: the same asked again goes on with what was made.
_CORRECT = "Correct what the message names, and publish again: what was made already is found."
HINTS = {
    "drawing": _CORRECT,
    "settings": _CORRECT,
    "algorithm": _CORRECT,
    "ocean_node": "The Ocean Node refused or failed: publish again, or choose another Ocean Node.",
    "chain": "The chain did not take it: look at the message, then publish again.",
    "deflow": run_view.HINTS["deflow"],
}
_NO_DAG = (
    f"Airflow does not know the Dag {publication.DAG_ID} yet: ask again in a moment. If that stays so, look "
    "for an import error on its page of Dags; the DeFlow Dag bundle brings it, and so does `load_dags()`."
)


@router.post(
    "/assets",
    status_code=202,
    dependencies=[access.SeesDags],
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

    You may start runs of `deflow_publish` and read both connections in Airflow. URLs and headers of files
    are encrypted with Airflow's Fernet key before they leave this request.
    """
    conf = await run_in_threadpool(_conf, user, asset)
    dag = await airflow.find(dag_path(publication.DAG_ID))
    if dag is None or dag["is_stale"]:
        raise Refusal(409, "not_ready", _NO_DAG, headers={"retry-after": "5"})
    if dag["is_paused"]:
        raise Refusal(
            409, "paused", f"{publication.DAG_ID} is paused: ask who may edit it to unpause it in Airflow."
        )
    body = {"logical_date": None, "conf": conf}
    run = await airflow.send("POST", f"{dag_path(publication.DAG_ID)}/dagRuns", body)
    return publication_values.StartedPublication(dag_id=publication.DAG_ID, run_id=run["dag_run_id"])


@router.get("/assets/publications/{run_id}", dependencies=[access.SeesDags], responses=documented(404))
async def read_publication(
    run_id: RunId, airflow: AirflowAsUser, user: User
) -> publication_values.PublicationView:
    """What became of a publication."""
    await run_in_threadpool(access.require, user, "GET", SLUG, access.RUN)
    run = await airflow.get(run_path(publication.DAG_ID, run_id))
    made = await _left(airflow, run_id, "return_value")
    why = {} if made else await _left(airflow, run_id, publication.WHY)
    chain_id = made.get("chain_id", 0)
    return publication_values.PublicationView(
        state=run["state"],
        did=made.get("did"),
        data_nft=made.get("data_nft"),
        datatoken=made.get("datatoken"),
        transactions=[
            TransactionView(what=what, hash=made[what], url=transaction_url(chain_id, made[what]))
            for what in ("mint", "describe")
            if made.get(what)
        ],
        message=why.get("message"),
        hint=HINTS.get(str(why.get("fault"))),
    )


def _conf(user: User, asset: publication_values.NewAsset) -> dict[str, Any]:
    """Of the run. Raises `Refusal` when the user may not, or with all that is wrong."""
    access.require(user, "POST", SLUG, access.RUN)
    named = {"ocean_node": asset.ocean_node, "wallet": asset.wallet}
    if asset.files_connection:
        named["files_connection"] = asset.files_connection
    access.require_use(user, named)
    found = [*asked_assets.problems_of_connections(asset), *asked_assets.problems_of_description(asset)]
    if found:
        message = "; ".join(f"{one.where}: {one.message}" for one in found)
        raise Refusal(422, "invalid", message, found)
    try:
        return publication.conf_of(
            asset.ocean_node,
            asset.wallet,
            asked_assets.description_of(asset),
            asked_assets.files_of(asset),
            asset.files_connection or "",
        )
    except errors.SettingsError as error:
        raise Refusal(503, "settings", str(error)) from None


async def _left(airflow: AirflowRest, run_id: str, key: str) -> Mapping[str, Any]:
    """What the task has left under that name; nothing yet is an empty mapping."""
    found = await airflow.find(xcom_path(publication.DAG_ID, run_id, publication.TASK_ID, key))
    value = found["value"] if found else {}
    value = json.loads(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else {}
