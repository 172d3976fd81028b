# SPDX-License-Identifier: Apache-2.0
"""The chain of `deflow up`: Ocean's contracts, deployed once, and accounts that have something to pay with.

Its accounts are those of the mnemonic that every local development chain uses: public, and worth nothing.
The contracts belong to the last one, which deploys them before it does anything else, so that they have the
same addresses on every chain that begins anew. Such a chain gets an id of its own: what MongoDB, an Ocean
Node's index and a browser's wallet remember of another one, nonces and orders above all, is not taken for it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_deflow.errors import ChainUnreachable
from airflow_provider_deflow.stack import anvil, kept_anvil
from airflow_provider_deflow.stack.home import Home, write_private
from airflow_provider_deflow.stack.ports import LOOPBACK

# Accounts 0, 1 and 9 of "test test test test test test test test test test test junk".
CONSUMER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
CONSUMER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PUBLISHER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
PUBLISHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
OWNER_KEY = "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"
OWNER = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
# What consumer and publisher get of the fee token, once; in base units.
GIVEN_FEE_TOKENS = 100_000 * 10**18
# What an Ocean Node, or a key of one's own, gets for gas when it has less than the other, in base units.
_GAS_MONEY = 100 * 10**18
_LOW_GAS_MONEY = 10**18
# Below that a key of one's own gets as many fee tokens as the others had once.
_LOW_FEE_TOKENS = 1_000 * 10**18
# As ERC-20 has them: `balanceOf(address)` and `transfer(address,uint256)`.
_BALANCE_OF = "0x70a08231"
_TRANSFER = "0xa9059cbb"


@dataclass(frozen=True, slots=True)
class DevelopmentChain:
    """Where it is; its contracts are there once it was ready."""

    rpc_url: str
    address_file: Path
    chain_id: int

    @classmethod
    def of(cls, home: Home, port: int) -> DevelopmentChain:
        """The one that the home keeps, else a new one."""
        folder = home.root / "chain"
        folder.mkdir(exist_ok=True, mode=0o700)
        return cls(f"http://{LOOPBACK}:{port}", folder / "address.json", _chain_id(folder))

    @property
    def fee_token(self) -> str:
        """The token that the local Ocean Node is paid with."""
        return str(self._addresses()["Ocean"])

    @property
    def in_connection(self) -> dict[str, Any]:
        """How an `ocean_wallet` connection names it, in its extra."""
        return {
            "rpc_url": self.rpc_url,
            "chain_id": self.chain_id,
            "address_file": str(self.address_file),
        }

    def is_ready(self, ocean_nodes: tuple[Path, ...] = (), wallet: str | None = None) -> bool:
        """Whether it answers; on the way there it gets what is missing: contracts, and money for accounts.

        `ocean_nodes` are the folders of local Ocean Nodes, whose keys are made now if they have none yet;
        they get gas money. `wallet`, an account of one's own, gets fee tokens too.
        """
        try:
            if not self._has_contracts():
                self._deploy()
            for folder in ocean_nodes:
                self._give_gas(_address_of(folder))
            if wallet:
                self._give_gas(wallet)
                self._give_fee_tokens(wallet)
        except ChainUnreachable:
            return False
        return True

    def _has_contracts(self) -> bool:
        """As the address file names them: the chain may have begun anew since."""
        addresses = tuple(_texts(self._addresses()))
        questions = [("eth_getCode", address, "latest") for address in addresses]
        # Asked even when there is nothing to ask for: it has to answer.
        _, *codes = anvil.ask_all(self.rpc_url, ("eth_chainId",), *questions)
        return bool(codes) and all(code != "0x" for code in codes)

    def _deploy(self) -> None:
        """The address file comes last: without it, all this is done again."""
        from airflow_provider_deflow.chain.contracts import contract
        from airflow_provider_deflow.chain.deployment import deploy
        from airflow_provider_deflow.chain.rpc import connect
        from airflow_provider_deflow.chain.transactions import Sender

        web3 = connect(self.rpc_url, chain_id=self.chain_id)
        networks = deploy(web3, OWNER_KEY)
        token = contract(web3, "OceanToken", networks["development"]["Ocean"])
        owner = Sender(web3, OWNER_KEY)
        for wallet in (CONSUMER, PUBLISHER):
            owner.confirm(owner.send(token.functions.transfer(wallet, GIVEN_FEE_TOKENS)))
        write_private(self.address_file, networks)

    def _give_gas(self, address: str) -> None:
        if int(anvil.ask(self.rpc_url, "eth_getBalance", address, "latest"), 16) < _LOW_GAS_MONEY:
            # It signs for its own accounts.
            gift = {"from": OWNER, "to": address, "value": hex(_GAS_MONEY)}
            anvil.ask(self.rpc_url, "eth_sendTransaction", gift)

    def _give_fee_tokens(self, address: str) -> None:
        account = address.removeprefix("0x").lower().rjust(64, "0")
        asked = {"to": self.fee_token, "data": _BALANCE_OF + account}
        if int(anvil.ask(self.rpc_url, "eth_call", asked, "latest"), 16) < _LOW_FEE_TOKENS:
            data = f"{_TRANSFER}{account}{GIVEN_FEE_TOKENS:064x}"
            gift = {"from": OWNER, "to": self.fee_token, "data": data}
            anvil.ask(self.rpc_url, "eth_sendTransaction", gift)

    def _addresses(self) -> dict[str, Any]:
        """Contract → address, and for templates number → address; nothing before the first deployment."""
        try:
            addresses = dict(json.loads(self.address_file.read_text())["development"])
        except FileNotFoundError:
            return {}
        return addresses if addresses["chainId"] == self.chain_id else {}


def _chain_id(folder: Path) -> int:
    kept = folder / "chain_id"
    if not (kept_anvil.is_kept(folder) and kept.exists()):
        # Ocean's own development setups use 8996; six digits more, and no two are the same.
        write_private(kept, f"8996{secrets.randbelow(10**6):06}")
    return int(kept.read_text())


def _texts(addresses: Mapping[str, Any]) -> Iterator[str]:
    for value in addresses.values():
        if isinstance(value, Mapping):
            yield from _texts(value)
        elif isinstance(value, str):
            yield value


def _address_of(ocean_node: Path) -> str:
    from airflow_provider_deflow.local_ocean_node.identity import load_identity

    ocean_node.mkdir(exist_ok=True, mode=0o700)
    return load_identity(ocean_node).address
