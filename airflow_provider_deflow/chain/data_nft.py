# SPDX-License-Identifier: Apache-2.0
"""Data NFTs: one contract per asset, which holds who owns it and what it is.

The description (the DDO) is not stored but said, in an event, for indexers to read: in the clear or
encrypted for an Ocean Node. What the bytes mean is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Any

from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import TxReceipt

from airflow_provider_deflow.chain import order_history
from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.events import Event, events_in, events_of
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.tokens import decimals
from airflow_provider_deflow.chain.transactions import Sends, gas_of
from airflow_provider_deflow.chain.units import to_base_units
from airflow_provider_deflow.errors import SettingsError, TransactionFailed

_NOBODY = "0x0000000000000000000000000000000000000000"
# Of a datatoken, and of a price.
_DECIMALS = 18


class MetadataState(IntEnum):
    """What the owner lets be done with the asset."""

    ACTIVE = 0
    END_OF_LIFE = 1
    DEPRECATED = 2
    REVOKED = 3
    ORDERING_DISABLED = 4
    UNLISTED = 5


def in_words(state: MetadataState) -> str:
    return state.name.lower().replace("_", " ")


class MetadataFlags(IntFlag):
    """What was done with the DDO's bytes; written as one byte."""

    PLAIN = 0
    COMPRESSED = 1
    ENCRYPTED = 2


@dataclass(frozen=True, slots=True)
class FixedRate:
    """What one datatoken is sold for: `price` whole tokens of `token`."""

    token: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class NewAsset:
    """What a data NFT with one datatoken is made from."""

    name: str
    symbol: str
    # 1 sends the datatoken of an order to the publisher, 2 (Enterprise) burns it.
    template: int = 1
    # Base units of the datatoken that can ever be minted.
    cap: int = 10**24
    # Whether everybody may take datatokens for nothing, one at a time.
    dispenser: bool = False
    # Where everybody may buy datatokens, minted when they are bought; not beside a dispenser.
    fixed_rate: FixedRate | None = None
    transferable: bool = True
    token_uri: str = ""


@dataclass(frozen=True, slots=True)
class CreatedAsset:
    data_nft: str
    datatoken: str
    transaction_hash: str


def create(sender: Sends, network: Network, asset: NewAsset, *, purpose: str = "") -> CreatedAsset:
    """Deploy the contracts of one asset, owned by the sender, who may also mint its datatokens."""
    factory = contract(sender.web3, "ERC721Factory", network.address("ERC721Factory"))
    owner = sender.address
    data_nft = (asset.name, asset.symbol, 1, asset.token_uri, asset.transferable, owner)
    datatoken: tuple[Any, ...] = (
        asset.template,
        [asset.name, asset.symbol],
        [owner, owner, _NOBODY, network.address("Ocean")],
        [asset.cap, 0],
        [],
    )
    if asset.dispenser and asset.fixed_rate:
        raise SettingsError(
            f"asset {asset.name!r} is both given away and sold — choose a dispenser or a fixed rate"
        )
    if asset.fixed_rate:
        sold = _fixed_rate(sender.web3, network, owner, asset.fixed_rate)
        call = factory.functions.createNftWithErc20WithFixedRate(data_nft, datatoken, sold)
    elif asset.dispenser:
        one = 10**18
        dispenser = (network.address("Dispenser"), one, one, True, _NOBODY)
        call = factory.functions.createNftWithErc20WithDispenser(data_nft, datatoken, dispenser)
    else:
        call = factory.functions.createNftWithErc20(data_nft, datatoken)
    return _created(sender.web3, sender.confirm(sender.send(call, purpose=purpose)))


def _fixed_rate(web3: Web3, network: Network, owner: str, rate: FixedRate) -> tuple[Any, ...]:
    token = Web3.to_checksum_address(rate.token)
    # The contract's price is in 10⁻¹⁸ of a whole token, whatever decimals that has.
    price = to_base_units(rate.price, _DECIMALS)
    nobody_else_earns, may_mint = 0, 1
    return (
        network.address("FixedPrice"),
        [token, owner, owner, _NOBODY],
        [decimals(web3, token), _DECIMALS, price, nobody_else_earns, may_mint],
    )


def find_created(
    web3: Web3, network: Network, creator: str, token_uri: str, first_block: int
) -> CreatedAsset | None:
    """The asset with this token URI that `creator` had Ocean's factory make since `first_block`."""
    factory = network.address("ERC721Factory")
    by = [None, None, Web3.to_hex(HexBytes(creator).rjust(32, b"\0"))]
    said = events_of(web3, factory, first_block, web3.eth.block_number, "NFTCreated", indexed=by)
    found = next((event for event in said if event.args["tokenURI"] == token_uri), None)
    if found is None:
        return None
    return _created(web3, web3.eth.get_transaction_receipt(HexBytes(found.transaction_hash)))


def last_said(web3: Web3, address: str, first_block: int) -> Event | None:
    """How the data NFT at `address` was described or its state changed last, since `first_block`."""
    names = ("MetadataCreated", "MetadataUpdated", "MetadataState")
    said = events_of(web3, address, first_block, web3.eth.block_number, *names)
    return said[-1] if said else None


def hash_of(receipt: TxReceipt) -> str:
    return Web3.to_hex(receipt["transactionHash"])


def _created(web3: Web3, receipt: TxReceipt) -> CreatedAsset:
    transaction_hash = hash_of(receipt)
    made = {event.name: event.args for event in events_in(web3, receipt, "NFTCreated", "TokenCreated")}
    try:
        return CreatedAsset(
            data_nft=str(made["NFTCreated"]["newTokenAddress"]),
            datatoken=str(made["TokenCreated"]["newTokenAddress"]),
            transaction_hash=transaction_hash,
        )
    except KeyError as error:
        raise TransactionFailed(
            f"transaction {transaction_hash} made no asset — the factory did not say {error}",
            words="no NFTCreated and TokenCreated",
        ) from error


class DataNft:
    """One asset's contract."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, "ERC721Template", address)
        self.address: str = self._contract.address

    def set_metadata(
        self,
        sender: Sends,
        data: bytes,
        digest: bytes,
        *,
        flags: MetadataFlags,
        decryptor_url: str,
        state: MetadataState = MetadataState.ACTIVE,
        purpose: str = "",
    ) -> str:
        """Publish the DDO's bytes, of whose clear text `digest` is the sha256; the transaction's hash."""
        call = self._contract.functions.setMetaData(
            state, decryptor_url, "", bytes([flags]), data, digest, []
        )
        return sender.send(call, purpose=purpose)

    def set_state(self, sender: Sends, state: MetadataState, *, purpose: str = "") -> str:
        return sender.send(self._contract.functions.setMetaDataState(state), purpose=purpose)

    def gas_of_state(self, account: str, state: MetadataState) -> int:
        """What `set_state` by `account` may use; nothing is sent."""
        return gas_of(self._contract.functions.setMetaDataState(state), account)

    def state(self) -> int:
        return int(self._contract.functions.getMetaData().call()[2])

    def name(self) -> str:
        return str(self._contract.functions.name().call())

    def symbol(self) -> str:
        return str(self._contract.functions.symbol().call())

    def token_uri(self) -> str:
        return str(self._contract.functions.tokenURI(self._contract.functions.getId().call()).call())

    def has_datatoken(self, address: str) -> bool:
        return bool(self._contract.functions.isDeployed(Web3.to_checksum_address(address)).call())


def is_known(web3: Web3, network: Network, address: str) -> bool:
    """Whether Ocean's factory made this data NFT: anybody can deploy a contract that says it is one."""
    factory = contract(web3, "ERC721Factory", network.address("ERC721Factory"))
    checksummed = Web3.to_checksum_address(address)
    return bool(factory.functions.erc721List(checksummed).call() == checksummed)


def gas_spent(web3: Web3, address: str) -> int:
    """What all transactions cost in which the data NFT said something: it was made, described, changed."""
    said = web3.eth.get_logs({"address": Web3.to_checksum_address(address), "fromBlock": 0})
    receipts = (order_history.receipt_of(web3, one) for one in {log["transactionHash"].hex() for log in said})
    return sum(order_history.gas_of(one) for one in receipts if one)


def read_metadata(web3: Web3, address: str, transaction_hash: str) -> Event | None:
    """How a transaction described the data NFT at `address`; None if it did not, or is in no block."""
    try:
        receipt = web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
    except (TransactionNotFound, ValueError):
        return None
    said = events_in(web3, receipt, "MetadataCreated", "MetadataUpdated")
    return next((event for event in said if event.address.lower() == address.lower()), None)
