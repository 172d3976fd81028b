# SPDX-License-Identifier: Apache-2.0
"""One account that publishes at one Ocean Node on one chain.

    describe → the node validates → mint data NFT and datatoken → the node encrypts files and document
    → announce on the chain → the node indexes → compare what it indexed with what was meant

An asset is known by a key of its publisher's choosing. On the chain stands an opaque form of it, as the data
NFT's token URI, so that whoever publishes under the same key again finds the contracts instead of making
others: by memory, by the wallet's purpose, or by the factory's events.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_deflow.chain import data_nft as data_nfts
from airflow_provider_deflow.chain.data_nft import CreatedAsset, DataNft, MetadataState
from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.ocean import ddo
from airflow_provider_deflow.publishing import indexing, prices, trust
from airflow_provider_deflow.publishing.announcing import Announcer

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.transactions import Sends
    from airflow_provider_deflow.ocean.asset_description import AssetDescription
    from airflow_provider_deflow.ocean.client import OceanNode

MEMORY_KEY = "deflow_asset"
INDEXED_WITHIN_SECONDS = 300.0
# Blocks that a chain may still take back.
_UNSETTLED_BLOCKS = 100


class Memory(Protocol):
    """What outlives an attempt: JSON values by name."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value last set, or `default`."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""


@dataclass(frozen=True, slots=True)
class Published:
    """An asset as it stands: the transactions that made it, "" when not known, and described it last."""

    did: str
    data_nft: str
    datatoken: str
    mint_transaction: str
    metadata_transaction: str


@dataclass(frozen=True)
class Publisher:
    """`ocean_node` signs as the account that `wallet` sends for; `say` is told of each step."""

    ocean_node: OceanNode
    wallet: Sends
    network: Network
    memory: Memory
    say: Callable[[str], None]
    indexed_within_seconds: float = INDEXED_WITHIN_SECONDS
    # Whether a file that the Ocean Node does not find keeps its asset from being made.
    checks_files: bool = True

    def publish(self, description: AssetDescription, key: str, *, back_in_use: bool = False) -> Published:
        """Have the asset `key` be as described; made if there is none, else found. Repeating costs nothing.

        An asset that its owner took out of use is not brought back by this: see `set_state`. With
        `back_in_use` one at the end of its life is, in the transaction that describes it.
        """
        description = self._ready(description)
        secret = self._opaque("DeFlow asset key", key)
        contracts = self._find(secret)
        if contracts is None:
            contracts = self._mint(description, secret)
        else:
            prices.require(self.wallet.web3, self.network, contracts.datatoken, description.price)
        return self._described(description, contracts, back_in_use)

    def update(self, did: str, description: AssetDescription) -> Published:
        """The same for an asset of this account that is known by its DID, whoever made it."""
        contracts = _contracts_of(self._indexed(did))
        prices.require(self.wallet.web3, self.network, contracts.datatoken, description.price)
        return self._described(self._ready(description), contracts)

    def end_of_life(self, did: str) -> str:
        """Take the asset out of use; the transaction, "" when it was so before."""
        return self.set_state(did, MetadataState.END_OF_LIFE)

    def set_state(self, did: str, state: MetadataState) -> str:
        """Say what may be done with the asset and wait until the Ocean Node knows; the transaction, or ""."""
        indexed, transaction = self._indexed(did), ""
        contract = DataNft(self.wallet.web3, str(indexed["nftAddress"]))
        if contract.state() != state:
            last = self._announcer.last_said(CreatedAsset(contract.address, "", ""), indexed)
            purpose = f"state {int(state)} of {did} after {last.transaction_hash if last else 'nothing'}"
            sent = contract.set_state(self.wallet, state, purpose=purpose)
            transaction = data_nfts.hash_of(self.wallet.confirm(sent))
            self.say(f"{did} is {data_nfts.in_words(state)} from transaction {transaction} on")
        self._announcer.wait(did, lambda now: indexing.state_of(now) == state)
        return transaction

    def _described(
        self, description: AssetDescription, contracts: CreatedAsset, back_in_use: bool = False
    ) -> Published:
        return Published(
            ddo.did_of(contracts.data_nft, self.network.chain_id),
            contracts.data_nft,
            contracts.datatoken,
            contracts.transaction_hash,
            self._announcer.bring_up_to_date(description, contracts, back_in_use),
        )

    def _find(self, secret: str) -> CreatedAsset | None:
        web3, remembered = self.wallet.web3, self._remembered(secret)
        if "data_nft" in remembered:
            known = CreatedAsset(remembered["data_nft"], remembered["datatoken"], remembered["mint"])
            if data_nfts.is_known(web3, self.network, known.data_nft):
                return known
            # A development chain that has begun anew since.
            remembered = {}
        first = remembered.get("since_block", self.network.addresses.get("startBlock", 0))
        found = data_nfts.find_created(
            web3, self.network, self.wallet.address, _token_uri(secret), int(first)
        )
        if found:
            self.say(f"found data NFT {found.data_nft} of transaction {found.transaction_hash}")
            self._remember(secret, found)
        return found

    def _mint(self, description: AssetDescription, secret: str) -> CreatedAsset:
        self._announcer.rehearse(description)
        self._check_files(description)
        asset = replace(prices.new_asset(self.network, description), token_uri=_token_uri(secret))
        since = max(0, self.wallet.web3.eth.block_number - _UNSETTLED_BLOCKS)
        self.memory.set(MEMORY_KEY, {"secret": secret, "since_block": since})
        made = data_nfts.create(self.wallet, self.network, asset, purpose=f"mint {secret}")
        self._remember(secret, made)
        self.say(f"made data NFT {made.data_nft} in transaction {made.transaction_hash}")
        return made

    def _check_files(self, description: AssetDescription) -> None:
        for service in description.services if self.checks_files else ():
            for number, file in enumerate(service.files):
                if not self.ocean_node.file_info(file).is_there:
                    raise SettingsError(
                        f"file {number} of {description.name!r} ({service.type} service) is not there for "
                        f"{self.ocean_node.url}, or is empty — correct the file object"
                    )

    def _ready(self, description: AssetDescription) -> AssetDescription:
        """With the checksums of now."""
        for position, service in enumerate(description.services):
            if not service.files:
                raise SettingsError(f"service {position} of {description.name!r} has no files — give it some")
        dids = sorted(description.trusted_dids())
        return description.with_trusted({did: trust.trusted_algorithm(self.ocean_node, did) for did in dids})

    def _indexed(self, did: str) -> dict[str, Any]:
        found = indexing.document(self.ocean_node, did)
        if found is None:
            raise SettingsError(
                f"{self.ocean_node.url} does not know {did} — publish it, or ask its own node"
            )
        return found

    @cached_property
    def _announcer(self) -> Announcer:
        key = bytes.fromhex(self._opaque("DeFlow mark key"))
        return Announcer(
            self.ocean_node, self.wallet, self.network, key, self.say, self.indexed_within_seconds
        )

    def _opaque(self, *parts: str) -> str:
        """64 hex digits that only the account's holder can make, the same each time."""
        signer = self.ocean_node.signer
        if signer is None or signer.address != self.wallet.address:
            raise SettingsError(
                f"{self.ocean_node.url} is not asked as {self.wallet.address}, who pays: give both one wallet"
            )
        text = json.dumps([*parts, str(self.network.chain_id), self.wallet.address])
        return hashlib.sha256(signer.sign_message(text.encode()).encode()).hexdigest()

    def _remembered(self, secret: str) -> Mapping[str, Any]:
        remembered: Mapping[str, Any] = self.memory.get(MEMORY_KEY) or {}
        return remembered if remembered.get("secret") == secret else {}

    def _remember(self, secret: str, made: CreatedAsset) -> None:
        known = {"data_nft": made.data_nft, "datatoken": made.datatoken, "mint": made.transaction_hash}
        self.memory.set(MEMORY_KEY, {"secret": secret, **known})


def _token_uri(secret: str) -> str:
    return f"deflow:{secret}"


def _contracts_of(indexed: Mapping[str, Any]) -> CreatedAsset:
    services = indexed.get("services") or []
    if not services:
        raise SettingsError(
            f"{indexed['id']} cannot be updated — its owner took it out of use, or it is empty"
        )
    return CreatedAsset(str(indexed["nftAddress"]), str(services[0]["datatokenAddress"]), "")
