# SPDX-License-Identifier: Apache-2.0
"""What a unit of gas is paid with (EIP-1559), in wei: as the market asks, up to a cap."""

from __future__ import annotations

from dataclasses import dataclass

from web3 import Web3

from airflow_provider_deflow.chain.units import to_tokens
from airflow_provider_deflow.errors import GasTooDear, WrongChain

_GWEI_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Price:
    """At most `max_fee` for a unit of gas, `tip` of it for whoever makes the block."""

    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class Fees:
    """How much a wallet pays for gas; without `max_fee` what the market asks."""

    max_fee: int | None = None

    def now(self, web3: Web3) -> Price:
        """Enough for some blocks to come. Raises `GasTooDear` when the cap is less than the next one asks."""
        base, tip = _market(web3)
        if self.max_fee is None:
            return Price(2 * base + tip, tip)
        if self.max_fee <= base:
            raise GasTooDear(
                f"gas costs {_gwei(base)} gwei now and this wallet pays at most {_gwei(self.max_fee)} gwei — "
                "try again later, or raise max_fee_gwei of its connection"
            )
        most = min(2 * base + tip, self.max_fee)
        return Price(most, min(tip, most))

    def bumped(self, before: Price, web3: Web3) -> Price | None:
        """What may replace a transaction that is stuck; None when that is more than the cap.

        Nodes take a replacement that pays at least a tenth more; an eighth is more than all of them ask.
        """
        base, tip = _market(web3)
        price = Price(
            max(_an_eighth_more(before.max_fee), 2 * base + tip), max(_an_eighth_more(before.tip), tip)
        )
        if self.max_fee is None or price.max_fee <= self.max_fee:
            return price
        least = _an_eighth_more(before.max_fee)
        if least > self.max_fee:
            return None
        return Price(self.max_fee, min(max(_an_eighth_more(before.tip), tip), self.max_fee))


def _market(web3: Web3) -> tuple[int, int]:
    """The newest block's base fee and the usual tip."""
    block = web3.eth.get_block("latest")
    if "baseFeePerGas" not in block:
        raise WrongChain("this chain has no base fee (EIP-1559) — no wallet of ours can pay its gas")
    return int(block["baseFeePerGas"]), int(web3.eth.max_priority_fee)


def _an_eighth_more(amount: int) -> int:
    return -(-amount * 9 // 8) + 1


def _gwei(wei: int) -> str:
    return f"{to_tokens(wei, _GWEI_DECIMALS).normalize():f}"
