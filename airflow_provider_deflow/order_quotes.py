# SPDX-License-Identifier: Apache-2.0
"""What is known of the assets of a job before one is ordered: by an Ocean Node, and by the chain.

The Ocean Node says which orders are valid, and what a new one has to name; the chain, what that costs.

It says so only beside the price of a paid job. So it is asked with an environment that has prices, also for
a job that is free. What it says is compared with the asset before anybody signs for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.payments import Payment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.chain.datatoken import ProviderFee
    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.ocean.assets import UsedAsset
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import JobRequest
    from airflow_provider_deflow.ocean.payments import AssetQuote


@dataclass(frozen=True, slots=True)
class Asking:
    """With what an Ocean Node is asked for fees: an environment that has prices on our chain."""

    environment: str
    payment: Payment
    # The Ocean Node itself: whom an order for a job is made for.
    consumer: str


@dataclass(frozen=True, slots=True)
class Price:
    """How a datatoken would be come by now, and for how many base units of `token`."""

    how: Literal["had", "dispensed", "bought"]
    amount: int = 0
    token: str = ""


def price(
    wallet: PayingWallet, network: Network, datatoken_address: str, fee_token: str | None, kept: int
) -> Price:
    """What one more datatoken costs the wallet when `kept` of those that it has are for other orders."""
    from airflow_provider_deflow.chain import obtaining
    from airflow_provider_deflow.chain.datatoken import ONE, Datatoken

    datatoken = Datatoken(wallet.web3, datatoken_address)
    if datatoken.balance(wallet.address) >= (kept + 1) * ONE:
        return Price("had")
    if obtaining.gives_away(datatoken, wallet.web3, network, wallet.address):
        return Price("dispensed")
    # Whether that is too much, a budget says.
    offer = obtaining.best_offer(datatoken, wallet.sends, obtaining.Buying(Decimal("Infinity"), fee_token))
    return Price("bought", offer.amount, offer.token)


def last_order(wallet: PayingWallet, network: Network, asset: UsedAsset, consumer: str) -> str | None:
    """The wallet's last order of the asset's service for that Ocean Node, valid or not."""
    from airflow_provider_deflow.chain.datatoken import Datatoken

    datatoken = Datatoken(wallet.web3, asset.datatoken)
    first_block = int(network.addresses.get("startBlock", 0))
    return datatoken.last_order(wallet.address, consumer, asset.service_index, first_block)


def require_ours(wallet: PayingWallet, network: Network, asset: UsedAsset) -> None:
    """That the asset is on our chain, and the datatoken really its own, whatever the Ocean Node says."""
    from airflow_provider_deflow.chain.data_nft import DataNft, is_known

    if asset.chain_id != wallet.chain_id:
        raise errors.AssetNotUsable(
            f"{asset.did} is on chain {asset.chain_id}, and wallet {wallet.conn_id!r} pays on chain "
            f"{wallet.chain_id} — choose a wallet of that chain"
        )
    web3 = wallet.web3
    if not is_known(web3, network, asset.data_nft) or not DataNft(web3, asset.data_nft).has_datatoken(
        asset.datatoken
    ):
        raise errors.AssetNotUsable(
            f"{asset.did} is not ordered — on chain {asset.chain_id} {asset.datatoken} is no datatoken "
            f"of its data NFT {asset.data_nft}. The Ocean Node, or the chain it looks at, is another one."
        )


def asking_for(ocean_node: OceanNode, request: JobRequest, chain_id: int) -> Asking:
    """How an Ocean Node is asked about the request's assets. Raises `AssetNotUsable` when it cannot be."""
    if request.terms is not None:
        return Asking(request.environment, request.terms.payment, request.terms.payee)
    environments = ocean_node.environments()
    # The job's own first: one that is free may have prices too.
    for one in sorted(environments, key=lambda each: each.id != request.environment):
        for fees in one.fees:
            if fees.chain_id == chain_id:
                return Asking(one.id, Payment(fees.chain_id, fees.fee_token), one.consumer_address)
    raise errors.AssetNotUsable(
        f"{request.assets[0].did} cannot be ordered at {ocean_node.url} — it has no environment with "
        f"prices on chain {chain_id}, and only for such a one it says what an order needs. "
        "Choose another Ocean Node."
    )


def with_orders(request: JobRequest, orders: Mapping[str, str | None]) -> JobRequest:
    """The request with what was ordered, by DID."""

    def ordered(element: Mapping[str, Any]) -> Mapping[str, Any]:
        order = orders.get(str(element.get("documentId")))
        return {**element, "transferTxId": order} if order else element

    return replace(
        request, algorithm=ordered(request.algorithm), datasets=tuple(map(ordered, request.datasets))
    )


def of_assets(
    ocean_node: OceanNode, request: JobRequest, asking: Asking, last: Mapping[str, str | None]
) -> dict[str, AssetQuote]:
    """What the Ocean Node says of each asset and of its last order, by DID."""
    asked = replace(with_orders(request, last), environment=asking.environment)
    if request.terms is None:
        # Of another environment than the job's the resources may be too many.
        asked = replace(asked, resources={})
    quote = ocean_node.quote(asked, asking.payment)
    found = {one.did: one for one in (quote.algorithm, *quote.datasets) if one.did}
    missing = [asset.did for asset in request.assets if asset.did not in found]
    if missing:
        raise errors.QuoteRefused(f"{ocean_node.url} says nothing of {', '.join(missing)} — ask its owner")
    return found


def fee(asset: UsedAsset, quote: AssetQuote, consumer: str) -> ProviderFee:
    """As the Ocean Node signed it for the order. Raises `QuoteRefused` for what it may not ask."""
    from airflow_provider_deflow.chain import datatoken

    asked = quote.provider_fee
    if asked is None:
        raise errors.QuoteRefused(f"{asset.did} is not ordered — the Ocean Node cannot serve its files")
    for is_wrong, why in (
        (quote.datatoken.lower() != asset.datatoken.lower(), f"it names datatoken {quote.datatoken}"),
        (quote.service_id != asset.service_id, f"it names service {quote.service_id}"),
        (quote.consumer_address.lower() != consumer.lower(), f"it is for {quote.consumer_address}"),
        (
            asked.amount != 0,
            f"it asks a fee of {asked.amount} base units of {asked.token}, which is not paid yet",
        ),
    ):
        if is_wrong:
            raise errors.QuoteRefused(
                f"the order of {asset.did} is not placed — {why}. Choose another Ocean Node."
            )
    return datatoken.ProviderFee.from_quote(asked)
