# SPDX-License-Identifier: Apache-2.0
"""What gas is paid with: a replacement is always dear enough to be taken, and never above the cap."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from airflow_provider_deflow.chain.fees import Fees, Price
from airflow_provider_deflow.errors import GasTooDear
from tests import services

pytestmark = pytest.mark.chain

GWEI = 10**9


@pytest.fixture(scope="module")
def base(chain: services.Chain) -> int:
    return int(chain.web3.eth.get_block("latest")["baseFeePerGas"])


@given(
    max_fee=some.integers(1, 10**13), tip=some.integers(0, 10**12), cap=some.none() | some.integers(1, 10**13)
)
def test_a_replacement_pays_an_eighth_more_or_is_none(
    chain: services.Chain, max_fee: int, tip: int, cap: int | None
):
    bumped = Fees(cap).bumped(Price(max_fee, min(tip, max_fee)), chain.web3)

    if bumped is None:
        assert max_fee * Fraction(9, 8) + 2 > (cap or 10 * Fees().now(chain.web3).max_fee)
        return
    assert bumped.max_fee >= max_fee * Fraction(9, 8)
    assert bumped.tip >= min(tip, max_fee) * Fraction(9, 8)
    assert bumped.tip <= bumped.max_fee
    assert cap is None or bumped.max_fee <= cap


def test_the_market_is_paid_up_to_the_cap(chain: services.Chain, base: int):
    free, capped = Fees().now(chain.web3), Fees(base + 1).now(chain.web3)

    assert free == Price(2 * base + free.tip, free.tip)
    assert capped.max_fee == base + 1
    assert capped.tip <= capped.max_fee
    with pytest.raises(GasTooDear, match="pays at most"):
        Fees(base).now(chain.web3)
