# SPDX-License-Identifier: Apache-2.0
"""Tokens and base units: exact both ways, or an error."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow.chain.units import to_base_units, to_tokens
from airflow_provider_deflow.errors import SettingsError

MOST = 2**256 - 1


@given(st.integers(0, MOST), st.integers(0, 36))
def test_base_units_come_back_as_they_were(amount: int, decimals: int):
    assert to_base_units(to_tokens(amount, decimals), decimals) == amount


@pytest.mark.parametrize(
    ("tokens", "decimals", "amount"),
    [("1", 18, 10**18), ("0.1", 6, 100_000), ("1.5", 1, 15), ("0.000000000000000001", 18, 1), ("0", 0, 0)],
)
def test_tokens_are_worth(tokens: str, decimals: int, amount: int):
    assert to_base_units(Decimal(tokens), decimals) == amount
    assert to_tokens(amount, decimals) == Decimal(tokens)


@pytest.mark.parametrize(("tokens", "decimals"), [("0.1", 0), ("0.0000001", 6), ("1e-19", 18)])
def test_nothing_is_rounded(tokens: str, decimals: int):
    with pytest.raises(SettingsError, match=f"has {decimals} decimals"):
        to_base_units(Decimal(tokens), decimals)
