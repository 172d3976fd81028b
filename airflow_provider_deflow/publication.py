# SPDX-License-Identifier: Apache-2.0
"""`deflow_publish`: what the page and the API are asked to publish, as a run of a Dag.

So Airflow authorises, retries, logs and resumes it. The run's conf is what is published; URLs and headers of
files are sealed in it, and only the task opens them. An asset is known by what was asked for: the same asked
again is the same asset, and costs nothing.

Whoever may trigger a Dag could name any connection in a conf. Only the API makes the seal of one, after it
has looked whether the asker may use the connections it names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import DAG, Param
from airflow.sdk.log import mask_secret

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import sealing
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ocean.asset_description import AssetDescription
from airflow_provider_deflow.operators.asset_files import AssetFile, Shown
from airflow_provider_deflow.operators.faults import told_to_airflow
from airflow_provider_deflow.operators.publish import PublishDDOOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

DAG_ID = "deflow_publish"
TASK_ID = "publish"
# What the task leaves when a try fails.
WHY = "why"
DESCRIPTION = "Publishes a dataset or an algorithm, as it was asked for in the DeFlow page or over its API."
RETRIES = 3
# A secret of a few letters would be cut out of every word.
_LEAST_MASKED = 5

FileObject = dict[str, Any]
Upload = dict[str, str]


def conf_of(
    ocean_node: str,
    wallet: str,
    asset: Mapping[str, Any],
    files: Sequence[Upload | FileObject],
    files_connection: str = "",
) -> dict[str, Any]:
    """The conf of a run, for who may use its connections.

    An upload is `{"upload": sha256, "name": …}`; every other file is sealed.
    """
    kept = [dict(file) if "upload" in file else {"sealed": sealing.seal(file)} for file in files]
    conf = {
        "ocean_node": ocean_node,
        "wallet": wallet,
        "asset": dict(asset),
        "files": kept,
        "files_connection": files_connection,
    }
    return {**conf, "seal": sealing.seal(_hash(conf))}


def publish_dag() -> DAG:
    """The Dag, ready as soon as it is there; it runs only when it is asked to."""
    with DAG(
        DAG_ID,
        description=DESCRIPTION,
        schedule=None,
        start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
        catchup=False,
        is_paused_upon_creation=False,
        params={
            "ocean_node": Param("", type="string", description="Connection of the Ocean Node."),
            "wallet": Param("", type="string", description="Connection of the account that pays."),
            "asset": Param({}, type="object", description="An AssetDescription, without files."),
            "files": Param([], type="array", description="Uploads, and what is sealed by the API."),
            "files_connection": Param("", type="string", description="Where uploads can be had for good."),
            "seal": Param("", type="string", description="Made by the API, which has looked at your rights."),
        },
        tags=["deflow"],
    ) as dag:
        PublishAsAsked(task_id=TASK_ID)
    return dag


class PublishAsAsked(PublishDDOOperator):
    """Publishes what the run's conf asks for.

    Returns `did`, `data_nft`, `datatoken`, `chain_id`, and the transactions `mint` and `describe`, each null
    when none is known. A try that fails leaves `why` as XCom: `message` and whose `fault` it is.
    """

    def __init__(self, **kwargs: Any) -> None:
        unknown_yet = AssetDescription.model_construct()
        settings = {"retries": RETRIES, "retry_delay": timedelta(seconds=30), **kwargs}
        super().__init__(description=unknown_yet, **settings)

    def execute(self, context: Context) -> dict[str, Any]:
        """Publish it."""
        with told_to_airflow(), _why_told(context):
            self._take(context["params"])
            published = self._publish(context)
        return {
            "did": published.did,
            "data_nft": published.data_nft,
            "datatoken": published.datatoken,
            "chain_id": OceanWalletHook(self.wallet_conn_id).network().chain_id,
            "mint": published.mint_transaction or None,
            "describe": published.metadata_transaction or None,
        }

    def _take(self, asked: Mapping[str, Any]) -> None:
        _require_seal(asked)
        self.files_conn_id = str(asked["files_connection"])
        shown = Shown(content_store(), int(self.url_lifetime.total_seconds()), self.files_conn_id)
        objects = [file if "upload" in file else _opened(file) for file in asked["files"]]
        self.description = AssetDescription.of(asked["asset"])
        self.key = f"page/{_hash([asked['asset'], objects])}"
        self.files = [_asset_file(file, shown) for file in objects]
        self.ocean_node_conn_id, self.wallet_conn_id = str(asked["ocean_node"]), str(asked["wallet"])


@contextmanager
def _why_told(context: Context) -> Iterator[None]:
    try:
        yield
    except errors.DeflowError as error:
        why = {"message": str(error), "fault": error.fault}
        context["ti"].xcom_push(key=WHY, value=why)
        raise


def _require_seal(asked: Mapping[str, Any]) -> None:
    """What the API has let through, unchanged; the same conf once more is the same asset."""
    conf = {name: value for name, value in asked.items() if name != "seal"}
    if not asked["seal"] or sealing.unseal(str(asked["seal"])) != _hash(conf):
        raise errors.SettingsError(
            f"this run of {DAG_ID} was not asked for in the DeFlow page or over its API, or was changed "
            "since, so nobody looked whether its connections may be used. Publish it there, or write a "
            "`PublishDDOOperator` into a Dag of your own"
        )


def _opened(file: Mapping[str, Any]) -> FileObject:
    opened: FileObject = sealing.unseal(str(file.get("sealed") or ""))
    for secret in (opened.get("url"), *(opened.get("headers") or {}).values()):
        if isinstance(secret, str) and len(secret) >= _LEAST_MASKED:
            mask_secret(secret)
    return opened


def _asset_file(file: Mapping[str, Any], shown: Shown) -> AssetFile:
    if "upload" not in file:
        return AssetFile("", dict(file))
    if not shown.store.has(file["upload"]):
        raise errors.MissingOutput(
            f"the file {file['name']!r} is not, or no longer, in DeFlow's storage — upload it again"
        )
    return shown.files([(file["name"], file["upload"])])[0]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
