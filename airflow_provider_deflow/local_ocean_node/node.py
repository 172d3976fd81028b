# SPDX-License-Identifier: Apache-2.0
"""The parts of one local Ocean Node, put together from its settings."""

from __future__ import annotations

import fcntl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node import version4
from airflow_provider_deflow.local_ocean_node.asset_files import AssetFiles
from airflow_provider_deflow.local_ocean_node.auth import Auth
from airflow_provider_deflow.local_ocean_node.buckets import Buckets
from airflow_provider_deflow.local_ocean_node.chains import Chains
from airflow_provider_deflow.local_ocean_node.container_factory import ContainerFactory
from airflow_provider_deflow.local_ocean_node.engine import Engine
from airflow_provider_deflow.local_ocean_node.environments import Environments
from airflow_provider_deflow.local_ocean_node.faults import Faults
from airflow_provider_deflow.local_ocean_node.file_objects import FileObjects
from airflow_provider_deflow.local_ocean_node.identity import Identity, load_identity
from airflow_provider_deflow.local_ocean_node.index import Index
from airflow_provider_deflow.local_ocean_node.indexer import Indexer
from airflow_provider_deflow.local_ocean_node.isolation import Isolation
from airflow_provider_deflow.local_ocean_node.payments import Payments
from airflow_provider_deflow.local_ocean_node.remote_storage import RemoteStorage
from airflow_provider_deflow.local_ocean_node.results import JobFolder
from airflow_provider_deflow.local_ocean_node.settings import Machine, NodeSettings
from airflow_provider_deflow.local_ocean_node.store import Store
from airflow_provider_deflow.local_ocean_node.version4 import Auth4


@dataclass(frozen=True, slots=True)
class LocalOceanNode:
    """What the commands work with; made in the thread and loop that it lives in."""

    settings: NodeSettings
    # Held while the node lives: it ends what it finds in its folder.
    lock: TextIO
    identity: Identity
    machine: Machine
    store: Store
    auth3: Auth
    auth4: Auth4
    environments: Environments
    buckets: Buckets | None
    chains: Chains
    payments: Payments
    # What was published, ordered and paid on the chains; None when none is indexed.
    index: Index | None
    indexer: Indexer | None
    assets: AssetFiles
    file_objects: FileObjects
    remote_storage: RemoteStorage
    engine: Engine
    faults: Faults
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def assemble(cls, settings: NodeSettings, isolation: Isolation) -> LocalOceanNode:
        folder = settings.folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"the local Ocean Node cannot write {folder} — {error.strerror}; choose another --folder"
            ) from error
        lock = _lock(folder)
        identity = load_identity(folder)
        machine = Machine.here(folder)
        store = Store(folder / "node.sqlite")
        buckets = Buckets(store, folder / "persistent_storage") if settings.persistent_storage else None
        chains = Chains(settings.chains)
        chain_ids = [chain.chain_id for chain in chains]
        environments = Environments(settings.environments, machine, identity, chain_ids)
        index = Index(folder / "index.sqlite") if any(one.settings.index for one in chains) else None
        assets = AssetFiles(identity, index)
        file_objects = FileObjects(buckets, settings.unsafe_urls, settings.allowed_targets, assets)
        remote_storage = RemoteStorage(identity, file_objects)
        containers = ContainerFactory(folder / "containers", isolation, buckets, assets)
        faults = Faults(settings.faults)
        storage, cluster_hash = folder / "c2d_storage", identity.cluster_hash

        def folder_of(job_id: str) -> JobFolder:
            return JobFolder(storage, cluster_hash, job_id)

        return cls(
            settings=settings,
            lock=lock,
            identity=identity,
            machine=machine,
            store=store,
            auth3=Auth(store, identity),
            auth4=Auth4(store, identity),
            environments=environments,
            buckets=buckets,
            chains=chains,
            payments=Payments(settings, identity, chains),
            index=index,
            assets=assets,
            indexer=Indexer(chains, identity, index, settings.index_seconds) if index else None,
            file_objects=file_objects,
            remote_storage=remote_storage,
            engine=Engine(
                settings, store, environments, file_objects, remote_storage, containers, folder_of, faults
            ),
            faults=faults,
        )

    @property
    def version(self) -> str:
        return self.faults.version or self.settings.version

    @property
    def is_version_4(self) -> bool:
        return self.version == version4.VERSION

    def describe_environments(self, chain_id: int | None = None) -> list[dict[str, Any]]:
        described = self.environments.reply(self.store.unfinished_jobs(), chain_id)
        if not self.is_version_4:
            return described
        settings = {one.id: one.settings for one in self.environments}
        return [version4.environment(one, settings[one["id"]]) for one in described]

    @property
    def auth(self) -> Auth:
        return self.auth4 if self.is_version_4 else self.auth3

    def close(self) -> None:
        self.chains.close()
        self.store.close()
        if self.index:
            self.index.close()
        self.lock.close()

    @property
    def storage(self) -> Path:
        return self.settings.folder / "c2d_storage"

    def job_folder(self, job_id: str) -> JobFolder:
        return JobFolder(self.storage, self.identity.cluster_hash, job_id)


def _lock(folder: Path) -> TextIO:
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SettingsError(
            f"the local Ocean Node cannot use {folder} — another one is running there; "
            "choose another --folder"
        ) from error
    return file
