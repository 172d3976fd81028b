# SPDX-License-Identifier: Apache-2.0
"""Datatokens: whoever pays one to an asset's service has ordered it.

An order is a transaction to the datatoken itself. It names who may use the service (the consumer), its
position among the asset's services, and the fee that the Ocean Node that serves it asks and has signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError, TransactionNotFound
from web3.types import TxReceipt

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.events import Event, events_in, events_of
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sends
from airflow_provider_deflow.errors import NoDatatoken

_NOBODY = "0x0000000000000000000000000000000000000000"
# What an order costs, in the datatoken's base units.
ONE = 10**18


class QuotedFee(Protocol):
    """A fee as it was quoted, in hexadecimal; `ocean.payments` has it."""

    @property
    def address(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def data(self) -> str: ...
    @property
    def v(self) -> int: ...
    @property
    def r(self) -> str: ...
    @property
    def s(self) -> str: ...
    @property
    def valid_until(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ProviderFee:
    """What an Ocean Node asks for serving, signed by it. `valid_until` is 0 for ever."""

    address: str
    token: str
    amount: int
    data: bytes
    v: int
    r: bytes
    s: bytes
    valid_until: int

    @classmethod
    def from_reply(cls, reply: dict[str, Any]) -> ProviderFee:
        """As an Ocean Node writes it."""
        return cls(
            address=reply["providerFeeAddress"],
            token=reply["providerFeeToken"],
            amount=int(reply["providerFeeAmount"]),
            data=HexBytes(reply["providerData"]),
            v=int(reply["v"]),
            r=HexBytes(reply["r"]),
            s=HexBytes(reply["s"]),
            valid_until=int(reply["validUntil"]),
        )

    @classmethod
    def from_quote(cls, fee: QuotedFee) -> ProviderFee:
        data, r, s = HexBytes(fee.data), HexBytes(fee.r), HexBytes(fee.s)
        return cls(fee.address, fee.token, fee.amount, data, fee.v, r, s, fee.valid_until)

    def as_argument(self) -> tuple[Any, ...]:
        return (self.address, self.token, self.amount, self.v, self.r, self.s, self.valid_until, self.data)


class Datatoken:
    """One datatoken's contract."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._web3 = web3
        self._contract = contract(web3, "ERC20Template", address)
        self.address: str = self._contract.address

    def name(self) -> str:
        return str(self._contract.functions.name().call())

    def symbol(self) -> str:
        return str(self._contract.functions.symbol().call())

    def data_nft(self) -> str:
        """Whose datatoken it is; raises `NoDatatoken` when there is no such contract behind the address."""
        try:
            return str(self._contract.functions.getERC721Address().call())
        except (ContractLogicError, BadFunctionCallOutput) as error:
            raise NoDatatoken(
                f"{self.address} is no datatoken — it knows no data NFT; order at the datatoken itself",
                reverted=isinstance(error, ContractLogicError),
            ) from error

    def balance(self, account: str) -> int:
        return int(self._contract.functions.balanceOf(Web3.to_checksum_address(account)).call())

    def mint(self, sender: Sends, account: str, amount: int = ONE, *, purpose: str = "") -> str:
        return sender.send(self._contract.functions.mint(account, amount), purpose=purpose)

    def dispense(self, sender: Sends, network: Network, amount: int = ONE, *, purpose: str = "") -> str:
        """Take datatokens that the publisher gives away."""
        dispenser = contract(self._web3, "Dispenser", network.address("Dispenser"))
        return sender.send(
            dispenser.functions.dispense(self.address, amount, sender.address), purpose=purpose
        )

    def start_order(
        self, sender: Sends, consumer: str, service_index: int, fee: ProviderFee, *, purpose: str = ""
    ) -> str:
        """Pay one datatoken (and the fee, if it is more than nothing) so that `consumer` is served."""
        market_fee = (_NOBODY, _NOBODY, 0)
        return sender.send(
            self._contract.functions.startOrder(consumer, service_index, fee.as_argument(), market_fee),
            purpose=purpose,
        )

    def reuse_order(self, sender: Sends, order: str, fee: ProviderFee, *, purpose: str = "") -> str:
        """Pay the fee of an order again; the order's age stays what it is."""
        return sender.send(
            self._contract.functions.reuseOrder(HexBytes(order), fee.as_argument()), purpose=purpose
        )

    def last_order(self, payer: str, consumer: str, service_index: int, first_block: int) -> str | None:
        """The transaction by which `payer` ordered the service for `consumer` last, however long ago.

        Only one that was sent to the datatoken itself: at others an Ocean Node stumbles.
        """
        for_whom = [Web3.to_hex(HexBytes(consumer).rjust(32, b"\0"))]
        last_block = self._web3.eth.block_number
        said = events_of(self._web3, self.address, first_block, last_block, "OrderStarted", indexed=for_whom)
        ours = [
            event.transaction_hash
            for event in said
            if event.args["payer"].lower() == payer.lower() and event.args["serviceIndex"] == service_index
        ]
        return next(filter(self._was_sent_here, reversed(ours)), None)

    def _was_sent_here(self, transaction_hash: str) -> bool:
        receipt = _receipt(self._web3, transaction_hash)
        return receipt is not None and str(receipt.get("to")).lower() == self.address.lower()

    def active_dispensers(self) -> list[str]:
        """Contracts that give it away now."""
        found = []
        for address in self._contract.functions.getDispensers().call():
            dispenser = contract(self._web3, "Dispenser", address)
            if dispenser.functions.status(self.address).call()[0]:
                found.append(str(address))
        return found

    def fixed_rates(self) -> list[tuple[str, str, str, int]]:
        """Where it is sold now: contract, exchange id, token it takes, price for one in 10⁻¹⁸ of that."""
        found: list[tuple[str, str, str, int]] = []
        for address, exchange_id in self._contract.functions.getFixedRates().call():
            exchange = contract(self._web3, "FixedRateExchange", address)
            values = exchange.functions.getExchange(exchange_id).call()
            if values[6]:
                found.append((str(address), Web3.to_hex(exchange_id), str(values[3]), int(values[5])))
        return found


@dataclass(frozen=True, slots=True)
class Order:
    """What a transaction ordered. `to` is whom it was sent to: the datatoken, unless something is odd."""

    to: str
    # Of the order itself; a reuse says again when the first one was.
    block: int
    # Of the transaction that was asked for.
    fees_block: int
    started: tuple[Event, ...]
    provider_fees: tuple[Event, ...]


def read_order(web3: Web3, transaction_hash: str) -> Order | None:
    """None when no such transaction is in a block. A reuse is followed to the order it reuses."""
    receipt = _receipt(web3, transaction_hash)
    if receipt is None:
        return None
    fees, fees_block = events_in(web3, receipt, "ProviderFee"), receipt["blockNumber"]
    to = receipt.get("to") or _NOBODY
    reused = events_in(web3, receipt, "OrderReused")
    if reused:
        receipt = _receipt(web3, Web3.to_hex(reused[0].args["orderTxId"]))
        if receipt is None:
            return None
    started = events_in(web3, receipt, "OrderStarted")
    return Order(str(to), receipt["blockNumber"], fees_block, tuple(started), tuple(fees))


def _receipt(web3: Web3, transaction_hash: str) -> TxReceipt | None:
    try:
        return web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
    except TransactionNotFound:
        return None
