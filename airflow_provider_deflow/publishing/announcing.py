# SPDX-License-Identifier: Apache-2.0
"""What an asset is, said on the chain in words that one Ocean Node can read, until that node has read them.

Whether something has to be said at all is decided by the mark (see `ocean.ddo`): the latest of what the chain
has is waited for first, so that nothing is said twice by whoever comes after a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.chain import data_nft as data_nfts
from airflow_provider_deflow.chain.data_nft import CreatedAsset, DataNft, MetadataFlags, MetadataState
from airflow_provider_deflow.errors import IndexingFailed, RequestRejected, SettingsError, UnexpectedReply
from airflow_provider_deflow.ocean import asset_routes, ddo
from airflow_provider_deflow.publishing import indexing

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.events import Event
    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.transactions import Sends
    from airflow_provider_deflow.ocean.asset_description import AssetDescription
    from airflow_provider_deflow.ocean.client import OceanNode

# For validation before there are contracts: only its form counts.
_STAND_IN = CreatedAsset(
    "0x000000000000000000000000000000000000dEaD", "0x000000000000000000000000000000000000dEaD", ""
)


@dataclass(frozen=True, slots=True)
class Announcer:
    """Describes data NFTs of one account to one Ocean Node. `mark_key` only the account's holder can make."""

    ocean_node: OceanNode
    wallet: Sends
    network: Network
    mark_key: bytes
    say: Callable[[str], None]
    indexed_within_seconds: float

    def rehearse(self, description: AssetDescription) -> None:
        """All of it that costs nothing, before there are contracts."""
        ciphers = ["0x04"] * len(description.services)
        self._validated(self._document(description, _STAND_IN, ciphers, "", None))
        # Refused by a node without an index, which could not tell of the asset.
        indexing.reason(self.ocean_node, ddo.did_of(_STAND_IN.data_nft, self.network.chain_id))

    def bring_up_to_date(
        self, description: AssetDescription, contracts: CreatedAsset, back_in_use: bool = False
    ) -> str:
        """Have the asset be as described; the transaction that says so, of now or of before."""
        did = ddo.did_of(contracts.data_nft, self.network.chain_id)
        indexed = indexing.document(self.ocean_node, did)
        last = self.last_said(contracts, indexed)
        state = MetadataState(DataNft(self.wallet.web3, contracts.data_nft).state())
        returns = back_in_use and state == MetadataState.END_OF_LIFE
        if not returns:
            self._require_in_use(did, state, last)
        indexed = self._settled(did, indexed, last)
        mark = ddo.mark_of(description, self.ocean_node.url, self.mark_key)
        if last and indexed and not returns and ddo.mark_in(indexed) == mark:
            self.say(f"{did} is as described already")
            return indexing.transaction_of(indexed) or last.transaction_hash
        state = MetadataState.ACTIVE if returns else state
        return self._announce(description, contracts, mark, indexed, last, state)

    def last_said(self, contracts: CreatedAsset, indexed: Mapping[str, Any] | None) -> Event | None:
        """The last event of the data NFT that concerns an index."""
        web3, since = self.wallet.web3, indexing.block_of(indexed)
        if since is None and contracts.transaction_hash:
            since = web3.eth.get_transaction_receipt(contracts.transaction_hash)["blockNumber"]  # type: ignore[arg-type]
        if since is None:
            since = int(self.network.addresses.get("startBlock", 0))
        return data_nfts.last_said(web3, contracts.data_nft, since)

    def wait(
        self, did: str, is_shown: Callable[[Mapping[str, Any]], bool], old_reason: str = ""
    ) -> dict[str, Any]:
        """The indexed DDO, once `is_shown`."""
        return indexing.wait(
            self.ocean_node,
            did,
            is_shown,
            old_reason=old_reason,
            at_most_seconds=self.indexed_within_seconds,
            say=self.say,
        )

    def _require_in_use(self, did: str, state: MetadataState, last: Event | None) -> None:
        if last is not None and state not in (MetadataState.ACTIVE, MetadataState.UNLISTED):
            raise SettingsError(
                f"{did} is not published — its owner took it out of use ({data_nfts.in_words(state)}); "
                "set its state back first"
            )

    def _settled(self, did: str, indexed: dict[str, Any] | None, last: Event | None) -> dict[str, Any] | None:
        """The indexed DDO, when the Ocean Node knows all that was said before."""
        if last is None or (indexed is None and last.name == "MetadataState"):
            return indexed
        if indexed is not None and _shows(indexed, last):
            return indexed
        try:
            return self.wait(did, lambda now: _shows(now, last))
        except IndexingFailed as error:
            if indexed is None:
                # It takes no update of what it never took.
                raise
            self.say(f"what was said last is passed over: {error}")
            return indexed

    def _announce(
        self,
        description: AssetDescription,
        contracts: CreatedAsset,
        mark: str,
        indexed: Mapping[str, Any] | None,
        last: Event | None,
        state: MetadataState,
    ) -> str:
        ciphers = [
            self.ocean_node.encrypt(ddo.file_secret(service, contracts.data_nft, contracts.datatoken))
            for service in description.services
        ]
        document = self._document(description, contracts, ciphers, mark, indexed)
        text = self._validated(document)
        cipher = self.ocean_node.encrypt(text)
        did, after = document["id"], last.transaction_hash if last else "nothing"
        old_reason = indexing.reason(self.ocean_node, did)
        contract = DataNft(self.wallet.web3, contracts.data_nft)
        sent = contract.set_metadata(
            self.wallet,
            bytes.fromhex(cipher[2:]),
            hashlib.sha256(text).digest(),
            flags=MetadataFlags.ENCRYPTED,
            decryptor_url=self.ocean_node.url,
            state=state,
            purpose=f"describe {did} {mark} after {after}",
        )
        # Another than was sent, where the fee had to be raised.
        transaction = data_nfts.hash_of(self.wallet.confirm(sent))
        self.say(f"described {did} in transaction {transaction}")
        found = self.wait(did, lambda now: indexing.transaction_of(now) == transaction, old_reason)
        if others := ddo.differences(document, found):
            raise UnexpectedReply(
                f"{self.ocean_node.url} indexed {did} with other {', '.join(others)} than was published — "
                "its index, or this node, cannot be relied on",
                url=self.ocean_node.url,
            )
        return transaction

    def _validated(self, document: Mapping[str, Any]) -> bytes:
        """The document's bytes, which the Ocean Node calls valid."""
        text = ddo.compact(document).encode()
        try:
            valid = self.ocean_node.ask(asset_routes.validate(document))
        except RequestRejected as error:
            raise RequestRejected(
                f"the DDO of {document['metadata']['name']!r}, version {document['version']}: {error}",
                url=error.url,
                route=error.route,
                status=error.status,
                words=error.words,
            ) from None
        if valid.sha256 != f"0x{hashlib.sha256(text).hexdigest()}":
            raise UnexpectedReply(
                f"{self.ocean_node.url} hashes the DDO to {valid.sha256}, which is not its sha256 — "
                "it would not index it",
                url=self.ocean_node.url,
            )
        return text

    def _document(
        self,
        description: AssetDescription,
        contracts: CreatedAsset,
        ciphers: Sequence[str],
        mark: str,
        before: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        created = ((before or {}).get("metadata") or {}).get("created")
        return ddo.document_of(
            description,
            data_nft=contracts.data_nft,
            datatoken=contracts.datatoken,
            chain_id=self.network.chain_id,
            ocean_node_url=self.ocean_node.url,
            ciphers=ciphers,
            mark=mark,
            created=str(created or now),
            updated=now,
        )


def _shows(indexed: Mapping[str, Any], last: Event) -> bool:
    if last.name == "MetadataState":
        return indexing.state_of(indexed) == int(last.args["state"])
    return indexing.transaction_of(indexed) == last.transaction_hash
