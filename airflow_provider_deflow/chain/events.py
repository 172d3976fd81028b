# SPDX-License-Identifier: Apache-2.0
"""What Ocean's contracts said in a range of blocks, by event name.

Whoever watches a chain asks for all contracts at once, since each asset has contracts of its own. Anybody
can deploy a contract that says the same: what counts is for the reader to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.exceptions import DecodingError
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.types import FilterParams, LogReceipt, TxReceipt

from airflow_provider_deflow.chain import escrow
from airflow_provider_deflow.chain.contracts import artifact
from airflow_provider_deflow.chain.rpc import ENDPOINT_ERRORS

# Every endpoint takes as many at once; with fewer, an error has another cause.
_LEAST_BLOCKS = 1000

# Which contract's ABI describes the event. Datatokens of all templates say OrderStarted alike.
_CONTRACTS = {
    "MetadataCreated": "ERC721Template",
    "MetadataUpdated": "ERC721Template",
    "MetadataState": "ERC721Template",
    "NFTCreated": "ERC721Factory",
    "TokenCreated": "ERC721Factory",
    "OrderStarted": "ERC20Template",
    "OrderReused": "ERC20Template",
    "ProviderFee": "ERC20Template",
    "Transfer": "ERC20Template",
    "ExchangeCreated": "FixedRateExchange",
    "Swapped": "FixedRateExchange",
    "DispenserCreated": "Dispenser",
    "DispenserActivated": "Dispenser",
    "DispenserDeactivated": "Dispenser",
    "NewAccessList": "AccessListFactory",
    "AddressAdded": "AccessList",
    "AddressRemoved": "AccessList",
    "Auth": "Escrow",
    "Lock": "Escrow",
    "Claimed": "Escrow",
    "Canceled": "Escrow",
    "Deposit": "Escrow",
    "Withdraw": "Escrow",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One log, decoded; `address` is the contract that said it, EIP-55."""

    name: str
    address: str
    args: Mapping[str, Any]
    block: int
    transaction_hash: str
    log_index: int


def events_between(web3: Web3, first: int, last: int, names: Iterable[str]) -> list[Event]:
    """All of these names in the blocks `first` to `last`, both included, in the order of the chain."""
    forms = _forms(names)
    logs = web3.eth.get_logs({"fromBlock": first, "toBlock": last, "topics": [list(forms)]})
    return _decoded(web3, logs, forms)


def events_of(
    web3: Web3,
    contract: str | None,
    first: int,
    last: int,
    *names: str,
    indexed: Sequence[str | list[str] | None] = (),
) -> list[Event]:
    """Those of one contract in the blocks `first` to `last`, both included; `indexed` are fields they have.

    Of all contracts for None. Asked in one go; an endpoint that finds that too much is asked for halves.
    """
    forms = _forms(names)
    asked: FilterParams = {"topics": [list(forms), *indexed]}
    if contract is not None:
        asked["address"] = Web3.to_checksum_address(contract)
    return _decoded(web3, _logs(web3, asked, first, last), forms)


def _logs(web3: Web3, asked: FilterParams, first: int, last: int) -> list[LogReceipt]:
    try:
        return list(web3.eth.get_logs({**asked, "fromBlock": first, "toBlock": last}))
    except ENDPOINT_ERRORS:
        if last - first < _LEAST_BLOCKS:
            raise
        middle = (first + last) // 2
        return [*_logs(web3, asked, first, middle), *_logs(web3, asked, middle + 1, last)]


def events_in(web3: Web3, receipt: TxReceipt, *names: str) -> list[Event]:
    """Those of one transaction."""
    return _decoded(web3, receipt["logs"], _forms(names))


def _decoded(web3: Web3, logs: Iterable[LogReceipt], forms: Mapping[str, Any]) -> list[Event]:
    found = []
    for log in logs:
        form = forms.get(Web3.to_hex(log["topics"][0])) if log["topics"] else None
        if form is None:
            continue
        name = form["name"]
        try:
            data = web3.eth.contract(abi=[form]).events[name]().process_log(log)
        except (Web3Exception, DecodingError, ValueError):
            # A contract of no concern to Ocean may use an event's name with other indexed fields, and
            # anybody may write what is no UTF-8 where text should be.
            continue
        found.append(
            Event(
                name,
                Web3.to_checksum_address(log["address"]),
                data["args"],
                log["blockNumber"],
                Web3.to_hex(log["transactionHash"]),
                log["logIndex"],
            )
        )
    return found


def _forms(names: Iterable[str]) -> dict[str, Any]:
    """First topic → ABI entry. An event may have several forms: escrows of both kinds are in use."""
    return {topic: entry for name in names for topic, entry in _forms_of(name)}


@cache
def _forms_of(name: str) -> list[tuple[str, Any]]:
    if _CONTRACTS[name] == "Escrow":
        abis = [escrow.abi(later=False), escrow.abi(later=True)]
    else:
        abis = [artifact(_CONTRACTS[name])["abi"]]
    entries = [entry for abi in abis for entry in abi if entry["type"] == "event" and entry["name"] == name]
    return [(_topic(entry), entry) for entry in entries]


def _topic(entry: Any) -> str:
    kinds = ",".join(field["type"] for field in entry["inputs"])
    return Web3.to_hex(Web3.keccak(text=f"{entry['name']}({kinds})"))
