# SPDX-License-Identifier: Apache-2.0
"""Escrow events and access lists in the form in which the node's routes give them out.

Addresses are in lower case here, unlike everywhere else, and amounts are text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.local_ocean_node.chains import Chain

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.events import Event

ESCROW_EVENTS = ("Auth", "Lock", "Claimed", "Canceled", "Deposit", "Withdraw")
# In the order of the real node's records.
_ESCROW_FIELDS = {
    "Auth": ("payer", "payee", "maxLockedAmount", "maxLockSeconds", "maxLockCounts"),
    "Lock": ("payer", "payee", "jobId", "amount", "expiry", "token"),
    "Claimed": ("payee", "jobId", "token", "payer", "amount", "proof"),
    "Canceled": ("payee", "jobId", "token", "payer", "amount"),
    "Deposit": ("payer", "token", "amount"),
    "Withdraw": ("payer", "token", "amount"),
}
_ADDRESSES = ("payer", "payee", "token")


def escrow_record(chain_id: int, event: Event) -> dict[str, Any]:
    fields = {name: _written(name, event.args[name]) for name in _ESCROW_FIELDS[event.name]}
    return {
        "id": f"{event.transaction_hash}-{event.log_index}",
        "eventType": event.name,
        "chainId": chain_id,
        "contract": event.address.lower(),
        "block": event.block,
        "txHash": event.transaction_hash,
        **fields,
    }


def access_list_after(chain: Chain, event: Event, known: dict[str, Any] | None) -> dict[str, Any] | None:
    """The list as it is after the event. Asks the chain for a new one's name, so it runs in a thread."""
    if event.name == "NewAccessList":
        return {**_new_access_list(chain, event), "users": known["users"] if known else []} | _deployed(event)
    record = known or {
        "chainId": chain.chain_id,
        "contractAddress": event.address.lower(),
        "transferable": False,
        "users": [],
    }
    if event.name == "AddressAdded":
        user = {
            "wallet": str(event.args["wallet"]).lower(),
            "tokenId": int(event.args["tokenId"]),
            "block": event.block,
            "txId": event.transaction_hash,
        }
        others = [one for one in record["users"] if one["tokenId"] != user["tokenId"]]
        return {**record, "users": [*others, user]}
    if known is None:
        return None
    left = [one for one in record["users"] if one["tokenId"] != int(event.args["tokenId"])]
    return {**record, "users": left}


def _new_access_list(chain: Chain, event: Event) -> dict[str, Any]:
    from airflow_provider_deflow.chain.contracts import contract

    address = str(event.args["contractAddress"])
    functions = contract(chain.web3, "AccessList", address).functions
    return {
        "chainId": chain.chain_id,
        "contractAddress": address.lower(),
        "name": functions.name().call(),
        "symbol": functions.symbol().call(),
        "transferable": functions.transferable().call(),
    }


def _deployed(event: Event) -> dict[str, Any]:
    return {"deploymentBlock": event.block, "deploymentTxId": event.transaction_hash}


def _written(name: str, value: Any) -> str:
    if name in _ADDRESSES:
        return str(value).lower()
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
