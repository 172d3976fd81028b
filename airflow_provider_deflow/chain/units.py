# SPDX-License-Identifier: Apache-2.0
"""Tokens ↔ base units, the only place where one becomes the other.

An `int` counts base units, a `Decimal` whole tokens. Nothing is rounded: an amount that a token cannot
hold is an error.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

from airflow_provider_deflow.errors import SettingsError

# 2²⁵⁶ has 78 digits.
_EXACT = Context(prec=100)


def to_base_units(tokens: Decimal, decimals: int) -> int:
    """As many base units as `tokens` are worth of a token with so many decimals."""
    with localcontext(_EXACT):
        scaled = tokens.scaleb(decimals)
        if scaled != scaled.to_integral_value():
            raise SettingsError(
                f"{tokens} tokens cannot be — this token has {decimals} decimals; round it first"
            )
        return int(scaled)


def to_tokens(base_units: int, decimals: int) -> Decimal:
    with localcontext(_EXACT):
        return Decimal(base_units).scaleb(-decimals)
