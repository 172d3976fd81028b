# SPDX-License-Identifier: Apache-2.0
"""One Ocean asset as a task: described in a Dag, made once, brought up to date by each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset as AirflowAsset
from airflow.sdk import AssetAlias, BaseOperator, XComArg

from airflow_provider_deflow import links
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ocean.asset_description import AssetDescription, require_did
from airflow_provider_deflow.operators.asset_files import Shown, files_of, with_files
from airflow_provider_deflow.operators.faults import RetryAsTold, told_to_airflow
from airflow_provider_deflow.operators.publishing import StoredMemory, publisher_of
from airflow_provider_deflow.operators.recording import recorded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.publishing.publisher import Published

_LAST_EVENT = "last_event"


class PublishDDOOperator(BaseOperator):
    """Publishes a dataset or an algorithm, or a new version of one.

    :param description: an `AssetDescription`, or the mapping it is made from; without `services` it has one
        for compute
    :param files: for the services that name none: file objects, the URL of a path in Airflow's object
        storage, or what an `OceanComputeOperator` returned (`train.output`)
    :param patterns: which of a task's outputs
    :param key: what the asset is known by to its account: the same key is the same DID, in whichever Dag.
        By default the ids of Dag and task, and a mapped task's index
    :param did: bring this asset of the account up to date instead
    :param trusted_algorithms: DIDs of algorithms that each compute service lets in, beside those of the
        description: as they are when the asset is published
    :param files_conn_id: the connection of a GitHub repository that outputs and paths are put into, from
        where they can be fetched for good. Without it they stay where they are, or in DeFlow's storage
    :param url_lifetime: how long a storage's signed URL lasts; it is renewed by a run after half of it. S3
        signs for seven days at most
    :param checks_files: whether a file that the Ocean Node does not find keeps an asset from being made

    Returns `did`, `data_nft`, `datatoken` and `transactions`, each an XCom of its own too, so that DIDs may
    come from upstream: `trusted_algorithms=[algorithm.output["did"]]`. A new version is an event of the
    Airflow asset `ocean://<did>`, on which Dags can be scheduled. Repeating it costs nothing where nothing
    changed. Nothing else is templated: file objects may hold secrets, and Airflow shows rendered fields.
    """

    template_fields = ("did", "trusted_algorithms")

    operator_extra_links = (links.OceanAssetLink(), links.OceanNodeLink())
    ui_color = "#fef3c7"

    def __init__(
        self,
        *,
        description: AssetDescription | Mapping[str, Any],
        files: Any = None,
        patterns: Sequence[str] = ("*",),
        key: str | None = None,
        did: str | XComArg | None = None,
        trusted_algorithms: Sequence[str | XComArg] | XComArg = (),
        ocean_node_conn_id: str = OceanNodeHook.default_conn_name,
        wallet_conn_id: str = OceanWalletHook.default_conn_name,
        files_conn_id: str = "",
        url_lifetime: timedelta = timedelta(days=7),
        checks_files: bool = True,
        **kwargs: Any,
    ) -> None:
        # What downstream takes by `output["did"]` has to be there by that name.
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.retry_policy = self.retry_policy or RetryAsTold()
        if not isinstance(description, AssetDescription):
            description = AssetDescription.of({"services": [{}], **description})
        self.description = description
        self.files = files
        self.patterns = tuple(patterns)
        self.key = key
        self.did = did
        self.trusted_algorithms = trusted_algorithms
        self.updates = did is not None
        self.ocean_node_conn_id = ocean_node_conn_id
        self.wallet_conn_id = wallet_conn_id
        self.files_conn_id = files_conn_id
        self.url_lifetime = url_lifetime
        self.checks_files = checks_files
        self.ocean_node_url = ""
        self.published_did = ""
        # Which asset it will be is known when it is published.
        self.asset_alias = AssetAlias(f"deflow:{self.dag_id}.{self.task_id}")
        self.outlets = [*self.outlets, self.asset_alias]
        # No template field, and yet what comes from upstream.
        XComArg.apply_upstream_relationship(self, files)

    def execute(self, context: Context) -> dict[str, Any]:
        """Publish; return what the asset is known by."""
        with told_to_airflow():
            published = self._publish(context)
        transactions = [published.mint_transaction, published.metadata_transaction]
        return {
            "did": published.did,
            "data_nft": published.data_nft,
            "datatoken": published.datatoken,
            "transactions": [one for one in transactions if one],
        }

    def _publish(self, context: Context) -> Published:
        with recorded("asset", self, context) as ledger:
            return self._published(context, ledger)

    def _published(self, context: Context, ledger: Recorder) -> Published:
        store = content_store()
        given = self.files.resolve(context) if isinstance(self.files, XComArg) else self.files
        lifetime = int(self.url_lifetime.total_seconds())
        files = files_of(given, self.patterns, Shown(store, lifetime, self.files_conn_id))
        description = with_files(self.description, files).letting_in(self._trusted())
        key = self.key or self._own_key(context)
        # Never a new asset, where the one that is meant did not come from upstream.
        did = require_did(self.did) if self.updates else None
        memory = StoredMemory(store, self.wallet_conn_id, did or key)
        publisher = publisher_of(
            self.ocean_node_conn_id,
            self.wallet_conn_id,
            memory,
            self.log.info,
            checks_files=self.checks_files,
            ledger=ledger,
        )
        self.ocean_node_url = publisher.ocean_node.url
        with publisher.ocean_node:
            published = publisher.update(did, description) if did else publisher.publish(description, key)
        self.published_did = published.did
        self._tell_of(published, memory, context)
        named = [(file.name, file.sha256) for file in files if file.sha256]
        owner, url = publisher.wallet.address, self.ocean_node_url
        ledger.record(
            facts.published(asdict(published), self.description.role, url, owner, named),
            facts.ended("succeeded"),
        )
        return published

    def _trusted(self) -> list[str]:
        """The DIDs as they are rendered; a single one may stand alone."""
        given: Any = self.trusted_algorithms
        return [given] if isinstance(given, str) else list(given or ())

    def _own_key(self, context: Context) -> str:
        ti = context["ti"]
        mapped = "" if ti.map_index in (None, -1) else f"/{ti.map_index}"
        return f"{ti.dag_id}/{self.task_id}{mapped}"

    def _tell_of(self, published: Published, memory: StoredMemory, context: Context) -> None:
        """An event for each new version; again for the same run, whose first one may not have arrived."""
        now = [published.metadata_transaction, context["ti"].dag_id, context["ti"].run_id]
        last = memory.get(_LAST_EVENT) or ["", "", ""]
        if last[0] == now[0] and last != now:
            return
        memory.set(_LAST_EVENT, now)
        said = {"data_nft": published.data_nft, "transaction": published.metadata_transaction}
        asset = AirflowAsset(f"ocean://{published.did}")
        context["outlet_events"][self.asset_alias].add(asset, extra={"did": published.did, **said})
