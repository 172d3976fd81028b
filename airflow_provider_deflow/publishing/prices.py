# SPDX-License-Identifier: Apache-2.0
"""How an asset's datatokens are given out: decided when its contracts are made, and checked from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow.chain import data_nft
from airflow_provider_deflow.chain.datatoken import Datatoken
from airflow_provider_deflow.chain.units import to_base_units
from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.ocean.asset_description import AssetDescription, FixedRate, Free

if TYPE_CHECKING:
    from web3 import Web3

    from airflow_provider_deflow.chain.networks import Network

# The exchange counts whole tokens in 10⁻¹⁸, whatever decimals the token has.
_RATE_DECIMALS = 18


def new_asset(network: Network, description: AssetDescription) -> data_nft.NewAsset:
    """The contracts that an asset needs."""
    price = description.price
    return data_nft.NewAsset(
        name=description.name,
        symbol=description.symbol,
        dispenser=isinstance(price, Free),
        fixed_rate=data_nft.FixedRate(_token(network, price), price.price)
        if isinstance(price, FixedRate)
        else None,
    )


def require(web3: Web3, network: Network, datatoken: str, price: Free | FixedRate | None) -> None:
    """That the datatoken is given out as described: a price is not changed by publishing anew."""
    contract = Datatoken(web3, datatoken)
    if isinstance(price, Free) and not contract.active_dispensers():
        raise SettingsError(f"datatoken {datatoken} is not given away — {_HINT}")
    if isinstance(price, FixedRate):
        wanted = (_token(network, price), to_base_units(price.price, _RATE_DECIMALS))
        if wanted not in [(token, rate) for _, _, token, rate in contract.fixed_rates()]:
            raise SettingsError(f"datatoken {datatoken} is not sold for {price.price} — {_HINT}")


_HINT = "an asset keeps the price it was made with; publish it under another key, or describe that price"


def _token(network: Network, price: FixedRate) -> str:
    return price.token or network.address("Ocean")
