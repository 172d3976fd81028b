# SPDX-License-Identifier: Apache-2.0
"""Follows the node's chains block by block and keeps what Ocean's contracts say.

A chain that does not answer is asked again at the next turn, from the block where it broke off; nothing is
lost and nothing counts twice. Anybody can have a contract say anything: whatever is wrong with one event,
the next one is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.errors import ChainUnreachable, DeflowError
from airflow_provider_deflow.local_ocean_node.asset_reading import (
    ACTIVE,
    DEPRECATED,
    REVOKED,
    AssetReading,
    Unindexable,
    gone,
)
from airflow_provider_deflow.local_ocean_node.chains import Chain, Chains
from airflow_provider_deflow.local_ocean_node.ddos import did_of
from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.index import Index
from airflow_provider_deflow.local_ocean_node.indexed_events import access_list_after, escrow_record

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.events import Event

_BLOCKS_AT_ONCE = 1000
# How often an endpoint's own error is waited out, before it is taken for a stranger's doing.
_MOST_REFUSALS = 5
_METADATA = ("MetadataCreated", "MetadataUpdated")
_PRICES = ("DispenserCreated", "DispenserActivated", "DispenserDeactivated")
_ACCESS_LISTS = ("NewAccessList", "AddressAdded", "AddressRemoved")
_ESCROW = ("Auth", "Lock", "Claimed", "Canceled", "Deposit", "Withdraw")
_NAMES = (*_METADATA, "MetadataState", "OrderStarted", *_PRICES, *_ACCESS_LISTS, *_ESCROW)

log = logging.getLogger(__name__)


class Indexer:
    """One loop per chain that is to be indexed."""

    def __init__(self, chains: Chains, identity: Identity, index: Index, interval_seconds: float) -> None:
        self._chains = [chain for chain in chains if chain.settings.index]
        self._identity = identity
        self._index = index
        self._interval = interval_seconds
        # By chain, since events were last read without one.
        self._refusals: Counter[int] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._follow(chain) for chain in self._chains))

    async def _follow(self, chain: Chain) -> None:
        while True:
            try:
                await self._catch_up(chain)
            except DeflowError as error:
                log.warning("chain %s is not read: %s", chain.chain_id, error)
            except Exception:
                log.exception("chain %s is not read", chain.chain_id)
            await asyncio.sleep(self._interval)

    async def _catch_up(self, chain: Chain) -> None:
        from airflow_provider_deflow.chain.events import events_between

        genesis, head = await chain.ask(_ends, chain)
        known = self._index.block(chain.chain_id, genesis)
        first = int(chain.network.addresses.get("startBlock", 0)) if known is None else known + 1
        while first <= head:
            last = min(first + _BLOCKS_AT_ONCE - 1, head)
            events = await chain.ask(events_between, chain.web3, first, last, _NAMES)
            for block, said in groupby(events, key=lambda event: event.block):
                for event in said:
                    await self._take_or_pass(chain, event)
                self._index.save_block(chain.chain_id, genesis, block)
            self._index.save_block(chain.chain_id, genesis, last)
            self._refusals[chain.chain_id] = 0
            first = last + 1

    async def _take_or_pass(self, chain: Chain, event: Event) -> None:
        from airflow_provider_deflow.chain.rpc import ENDPOINT_ERRORS

        try:
            await self._take(chain, event)
        except ChainUnreachable:
            raise
        except Exception as error:
            if isinstance(error, ENDPOINT_ERRORS) and self._refusals[chain.chain_id] < _MOST_REFUSALS:
                self._refusals[chain.chain_id] += 1
                raise ChainUnreachable(
                    f"{event.name} of {event.address} could not be looked into — {error}; "
                    "the endpoint is asked again"
                ) from error
            log.warning("%s of %s is passed over: %r", event.name, event.address, error)

    async def _take(self, chain: Chain, event: Event) -> None:
        if event.name in _METADATA:
            await self._describe(chain, event)
        elif event.name == "MetadataState":
            self._change_state(chain, event)
        elif event.name == "OrderStarted":
            await self._count_order(chain, event)
        elif event.name in _PRICES:
            await self._price(chain, str(event.args["datatokenAddress"]))
        elif event.name in _ACCESS_LISTS:
            known = self._index.access_list(
                chain.chain_id, str(event.args.get("contractAddress", event.address))
            )
            record = await chain.ask(access_list_after, chain, event, known)
            if record:
                self._index.save_access_list(record)
        elif event.address == chain.network.address("Escrow"):
            self._index.save_escrow_event(escrow_record(chain.chain_id, event), event.log_index)

    async def _describe(self, chain: Chain, event: Event) -> None:
        from airflow_provider_deflow.chain.rpc import ENDPOINT_ERRORS

        did = did_of(event.address, chain.chain_id)
        reading = AssetReading(chain, self._identity)
        try:
            document = await chain.ask(reading.document, event, self._index.ddo(did))
        except Unindexable as problem:
            self._index.save_state(
                chain.chain_id,
                did,
                event.address,
                tx=event.transaction_hash,
                valid=problem.valid,
                error=problem.reason,
            )
            return
        except (ChainUnreachable, *ENDPOINT_ERRORS):
            raise
        except Exception as error:
            # Whatever a stranger wrote into a DDO must not stop the reading of the chain.
            log.warning("asset %s is not indexed", did, exc_info=True)
            self._index.save_state(
                chain.chain_id, did, event.address, tx=event.transaction_hash, valid=False, error=str(error)
            )
            return
        if document:
            self._save(document)

    def _change_state(self, chain: Chain, event: Event) -> None:
        document = self._index.ddo(did_of(event.address, chain.chain_id))
        if document is None:
            return
        state, nft = int(event.args["state"]), document["indexedMetadata"]["nft"]
        if nft["state"] == ACTIVE and state in (DEPRECATED, REVOKED):
            document = gone(document, state)
        else:
            # All else that was known of the NFT is dropped, as by a real node.
            document["indexedMetadata"]["nft"] = {"state": state}
        self._save(document)

    async def _count_order(self, chain: Chain, event: Event) -> None:
        document = await self._asset_of(chain, event.address)
        if document is None or not self._index.note_order(chain.chain_id, event.transaction_hash):
            return
        for entry in document["indexedMetadata"].get("stats") or []:
            if entry["datatokenAddress"].lower() == event.address.lower():
                entry["orders"] += 1
                break
        self._save(document)

    async def _price(self, chain: Chain, datatoken: str) -> None:
        document = await self._asset_of(chain, datatoken)
        if document is None:
            return
        from airflow_provider_deflow.chain.datatoken import Datatoken

        reading = AssetReading(chain, self._identity)
        prices = await chain.ask(reading.prices, Datatoken(chain.web3, datatoken))
        for entry in document["indexedMetadata"].get("stats") or []:
            if entry["datatokenAddress"].lower() == datatoken.lower():
                entry["prices"] = prices
        self._save(document)

    async def _asset_of(self, chain: Chain, datatoken: str) -> dict[str, Any] | None:
        from airflow_provider_deflow.chain.datatoken import Datatoken

        data_nft = await chain.ask(Datatoken(chain.web3, datatoken).data_nft)
        return self._index.ddo(did_of(data_nft, chain.chain_id))

    def _save(self, document: dict[str, Any]) -> None:
        self._index.save_ddo(document)
        self._index.save_state(document["chainId"], document["id"], document["nftAddress"])


def _ends(chain: Chain) -> tuple[str, int]:
    eth = chain.web3.eth
    return eth.get_block(0)["hash"].hex(), eth.block_number
