# SPDX-License-Identifier: Apache-2.0
"""Who publishes in a task: the account and Ocean Node of its connections, and what outlives its runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import handover
from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ocean import ddo
from airflow_provider_deflow.ocean.asset_description import AssetDescription
from airflow_provider_deflow.operators.asset_files import Shown, with_files
from airflow_provider_deflow.operators.recording import requests_to

if TYPE_CHECKING:
    from web3.types import TxReceipt

    from airflow_provider_deflow.chain.transactions import Sends
    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.ocean.outputs import ContentStore
    from airflow_provider_deflow.publishing.publisher import Publisher

# As long as S3 signs for.
LONGEST_URL_SECONDS = 7 * 24 * 3600


class StoredMemory:
    """What is known of an asset, kept in DeFlow's storage: it outlives runs. All of it can be found anew."""

    def __init__(self, store: ContentStore, wallet_conn_id: str, key: str) -> None:
        named = json.dumps([wallet_conn_id, key])
        self._store, self._name = store, f"published/{hashlib.sha256(named.encode()).hexdigest()}"

    def get(self, key: str, default: Any = None) -> Any:
        return (self._store.note(self._name) or {}).get(key, default)

    def set(self, key: str, value: Any) -> None:
        self._store.write_note(self._name, {**(self._store.note(self._name) or {}), key: value})


# Told of each transaction that is in a block: what it was for, and its receipt.
Tell = Callable[[str, Mapping[str, Any]], None]
_FOR = {"setMetaData": "describe", "setMetaDataState": "change the state"}


class TellingWallet:
    """A wallet whose transactions somebody is told of once they are in a block."""

    def __init__(self, wallet: Sends, tell: Tell) -> None:
        self.web3 = wallet.web3
        self._wallet = wallet
        self._tell = tell
        self._named: dict[str, str] = {}

    @property
    def address(self) -> str:
        """The wallet's own."""
        return self._wallet.address

    def send(self, call: Any, *, purpose: str = "") -> str:
        """As the wallet itself."""
        sent = self._wallet.send(call, purpose=purpose)
        # All else that publishing sends makes contracts.
        self._named[sent] = _FOR.get(str(call.fn_name), "make data NFT and datatoken")
        return sent

    def sent_for(self, purpose: str) -> str | None:
        """As the wallet itself."""
        return self._wallet.sent_for(purpose)

    def confirm(self, transaction_hash: str) -> TxReceipt:
        """As the wallet itself."""
        receipt = self._wallet.confirm(transaction_hash)
        self._tell(self._named.get(transaction_hash, "send"), receipt)
        return receipt


def publisher_of(
    ocean_node_conn_id: str,
    wallet_conn_id: str,
    memory: StoredMemory,
    say: Callable[[str], None],
    *,
    checks_files: bool = True,
    ledger: Recorder,
) -> Publisher:
    """Its requests and transactions go into `ledger`.

    Raises `SettingsError` when the wallet is not used on that Ocean Node, or pays on no chain.
    """
    from airflow_provider_deflow.publishing.publisher import Publisher

    hook, node = OceanWalletHook(wallet_conn_id), OceanNodeHook(ocean_node_conn_id)
    url = node.settings().url
    if not hook.trusts(url):
        raise SettingsError(
            f"connection {wallet_conn_id!r} (ocean_wallet) is not used on {url} — "
            "add it to the wallet's ocean_nodes, or use another wallet"
        )
    return Publisher(
        ocean_node=node.client(hook.signer(), requests_to(ledger)),
        wallet=TellingWallet(
            hook.wallet(), lambda what, receipt: ledger.record(facts.transaction(what, receipt))
        ),
        network=hook.network(),
        memory=memory,
        say=say,
        checks_files=checks_files,
    )


def publish_for(
    consumer: graphs.ComputeData,
    owner: str,
    ocean_node_conn_id: str,
    wallet_conn_id: str,
    store: ContentStore,
    say: Callable[[str], None],
    ledger: Recorder,
) -> handover.Publish:
    """Makes a dataset of files that only `owner` may use, and only with the consumer's algorithm.

    What it is called says nothing of the graph: everybody can read that.
    """

    def publish(files: Sequence[handover.HandedFile]) -> handover.PublishedFiles:
        named = [(handover.flat_name(file), file.sha256) for file in files]
        content = json.dumps([named, owner, _algorithm_of(consumer)])
        key = f"handover/{hashlib.sha256(content.encode()).hexdigest()}"
        shown = Shown(store, LONGEST_URL_SECONDS, settings.asset_files_conn_id()).files(named)
        description = with_files(_only_for(consumer, owner), shown, shows_names=False)
        memory = StoredMemory(store, wallet_conn_id, key)
        publisher = publisher_of(ocean_node_conn_id, wallet_conn_id, memory, say, ledger=ledger)
        with publisher.ocean_node:
            # Upkeep may have retired it since these files were handed over last.
            made = publisher.publish(description, key, back_in_use=True)
        return handover.PublishedFiles(
            made.did,
            made.data_nft,
            tuple(ddo.service_id(made.did, position) for position in range(len(named))),
            tuple(handover.name_in(str(file.file_object["url"])) for file in shown),
        )

    return publish


def _only_for(consumer: graphs.ComputeData, owner: str) -> AssetDescription:
    did = _algorithm_of(consumer)
    # To trust nobody by name is, to an Ocean Node, to trust no raw algorithm either.
    policy = (
        {"trusted_algorithms": [did]} if did else {"allow_raw_algorithm": True, "trusted_publishers": ["*"]}
    )
    return AssetDescription.of(
        {
            "name": "Handover",
            "description": "Outputs of one job, for another one of the same account",
            "author": owner,
            "license": "For its author only",
            "services": [{"type": "compute", "compute": policy, "timeout_seconds": 0}],
            "credentials": {"allow": [owner]},
        }
    )


def _algorithm_of(consumer: graphs.ComputeData) -> str:
    return consumer.algorithm.did if isinstance(consumer.algorithm, graphs.DidAlgorithm) else ""
