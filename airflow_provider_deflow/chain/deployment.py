# SPDX-License-Identifier: Apache-2.0
"""All of Ocean's contracts on a chain of one's own, in the order in which they need each other.

Its owner holds the fee token that is deployed with them, and every role. For laptops and tests; on a public
chain the contracts are there already.
"""

from __future__ import annotations

from typing import Any

from web3 import Web3
from web3.contract import Contract

from airflow_provider_deflow.chain.contracts import artifact, contract
from airflow_provider_deflow.chain.transactions import Sender

# What the owner gets of the fee token, in base units.
SUPPLY = 1_000_000 * 10**18
# The router wants a pool template that is not the zero address; pools are no longer made.
_NO_POOL_TEMPLATE = "0x000000000000000000000000000000000000dEaD"


def deploy(web3: Web3, owner_key: bytes | str) -> dict[str, Any]:
    """Deploy and wire everything; what an address file holds, under the name `development`."""
    start_block = web3.eth.block_number
    deployed = _Deployment(Sender(web3, owner_key))
    addresses = deployed.all_contracts()
    return {"development": {"chainId": web3.eth.chain_id, "startBlock": start_block, **addresses}}


class _Deployment:
    def __init__(self, owner: Sender) -> None:
        self._owner = owner

    def all_contracts(self) -> dict[str, Any]:
        owner = self._owner.address
        token = self._deploy("OceanToken", owner)
        self._call(token, "mint", owner, SUPPLY)
        community = self._deploy("OPFCommunityFeeCollector", owner, owner)
        enterprise = self._deploy("EnterpriseFeeCollector", owner, owner)
        router = self._deploy("FactoryRouter", owner, token.address, _NO_POOL_TEMPLATE, community.address, [])
        fixed_rate = self._deploy("FixedRateExchange", router.address)
        fixed_rate_enterprise = self._deploy(
            "FixedRateExchangeEnterprise", router.address, enterprise.address
        )
        dispenser = self._deploy("Dispenser", router.address)
        data_nft = self._deploy("ERC721Template")
        datatokens = [
            self._deploy(name)
            for name in ("ERC20Template", "ERC20TemplateEnterprise", "ERC20Template3", "ERC20Template4")
        ]
        factory = self._deploy("ERC721Factory", data_nft.address, datatokens[0].address, router.address)
        for template in datatokens[1:]:
            self._call(factory, "addTokenTemplate", template.address)
        self._call(router, "addFactory", factory.address)
        for exchange in (fixed_rate, fixed_rate_enterprise):
            self._call(router, "addFixedRateContract", exchange.address)
        self._call(router, "addDispenserContract", dispenser.address)
        self._call(router, "addApprovedToken", token.address)
        access_list = self._deploy("AccessList")
        return {
            "Ocean": token.address,
            "OPFCommunityFeeCollector": community.address,
            "EnterpriseFeeCollector": enterprise.address,
            "Router": router.address,
            "FixedPrice": fixed_rate.address,
            "FixedPriceEnterprise": fixed_rate_enterprise.address,
            "Dispenser": dispenser.address,
            "ERC721Template": {"1": data_nft.address},
            "ERC20Template": {str(n): one.address for n, one in enumerate(datatokens, start=1)},
            "ERC721Factory": factory.address,
            "Escrow": self._deploy("Escrow", router.address, community.address).address,
            "AccessListFactory": self._deploy("AccessListFactory", access_list.address).address,
            "BatchPayments": self._deploy("BatchPayments").address,
        }

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        compiled = artifact(name)
        factory = self._owner.web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        receipt = self._owner.confirm(self._owner.send(factory.constructor(*arguments)))
        return contract(self._owner.web3, name, str(receipt["contractAddress"]))

    def _call(self, target: Contract, function: str, *arguments: Any) -> None:
        self._owner.confirm(self._owner.send(target.functions[function](*arguments)))
