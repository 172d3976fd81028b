# SPDX-License-Identifier: Apache-2.0
"""Whether a transaction ordered a service, and whether this node's fee was paid with it.

All of it asks the chain, so it runs in threads; problems are told in a real node's words.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.errors import NoDatatoken
from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.refusal import Thrown

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.datatoken import Order

# A transaction that is not in a block yet is asked for a second time.
_RETRY_SECONDS = 1.0


def order_problem(
    chain: Chain, transaction: str, user: str, ddo: dict[str, Any], service: dict[str, Any], index: int | None
) -> str | None:
    """Why the transaction is no valid order of the service for `user`; None when it is one."""
    from airflow_provider_deflow.chain.data_nft import DataNft

    order = _order(chain, transaction)
    if order is None:
        return f"Tx receipt cannot be processed, because tx id {transaction} was not mined."
    data_nft = _data_nft_of(chain, order.to)
    if not _is_of(order.to, service.get("datatokenAddress")) or not _is_of(data_nft, ddo.get("nftAddress")):
        started = None
    else:
        started = next(
            (
                event
                for event in order.started
                if _is_of(user, event.args["consumer"]) or _is_of(user, event.args["payer"])
            ),
            None,
        )
    if started is None:
        return (
            "Tx id used not valid, one of the NFT addresses, Datatoken address or the User address "
            "contract address does not match."
        )
    if index is None:
        raise Thrown("Cannot convert null to a BigInt", "TypeError")
    if started.args["serviceIndex"] != index:
        return "Invalid service index."
    if not DataNft(chain.web3, str(ddo["nftAddress"])).has_datatoken(order.to):
        return "Datatoken was not deployed by this DataNFT."
    age = int(time.time()) - chain.web3.eth.get_block(order.block)["timestamp"]
    timeout = service.get("timeout") or 0
    return "The order has expired." if timeout != 0 and age > timeout else None


def fee_is_paid(chain: Chain, transaction: str, node_address: str, service: dict[str, Any]) -> bool:
    """Whether the transaction names this node's fee for the service, in time."""
    order = _order(chain, transaction)
    if order is None:
        raise Thrown("Cannot read properties of undefined (reading 'getBlock')", "TypeError")
    for event in order.provider_fees:
        try:
            data = json.loads(event.args["providerData"])
        except ValueError:
            continue
        if (
            isinstance(data, dict)
            and _is_of(event.args["providerFeeAddress"], node_address)
            and data.get("id") == service.get("id")
            and _is_of(data.get("dt"), service.get("datatokenAddress"))
        ):
            mined = chain.web3.eth.get_block(order.fees_block)["timestamp"]
            valid_until = event.args["validUntil"]
            # A point in time is compared with an age, so in effect no fee ever expires.
            return bool(valid_until == 0 or time.time() - mined <= valid_until)
    return False


def _order(chain: Chain, transaction: str) -> Order | None:
    from airflow_provider_deflow.chain.datatoken import read_order

    for attempt in range(2):
        try:
            order = read_order(chain.web3, transaction)
        except ValueError:
            # No transaction has such an id.
            return None
        if order is not None:
            return order
        if attempt == 0:
            time.sleep(_RETRY_SECONDS)
    return None


def _data_nft_of(chain: Chain, datatoken: str) -> str:
    """Of whatever the transaction was sent to, which need not be a datatoken."""
    from airflow_provider_deflow.chain.datatoken import Datatoken

    try:
        return Datatoken(chain.web3, datatoken).data_nft()
    except NoDatatoken as error:
        if not error.reverted:
            raise Thrown(
                'could not decode result data (value="0x", info={ "method": "getERC721Address", '
                '"signature": "getERC721Address()" }, code=BAD_DATA, version=6.16.0)'
            ) from error
        raise Thrown(
            "execution reverted (no data present; likely require(false) occurred "
            f'(action="call", data="0x", reason="require(false)", transaction={{ "data": "0xbbbb3a3c", '
            f'"to": "{datatoken}" }}, invocation=null, revert=null, code=CALL_EXCEPTION))'
        ) from error


def _is_of(one: Any, other: Any) -> bool:
    return str(one).lower() == str(other).lower()
