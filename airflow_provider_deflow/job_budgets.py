# SPDX-License-Identifier: Apache-2.0
"""What a graph's budget allows a run and a day to pay, in the words of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from airflow_provider_deflow.ledger import reservations as ledger

if TYPE_CHECKING:
    from airflow_provider_deflow.ledger.entry import Run


@dataclass(frozen=True, slots=True)
class Limits:
    """A graph's budget, in whole tokens."""

    per_run: Decimal
    per_day: Decimal | None = None

    def budgets(self, run: Run, token: ledger.Token) -> list[ledger.Budget]:
        """What an amount of `token` has to fit into now."""
        found = [ledger.of_run(run, base_units(self.per_run, token))]
        if self.per_day is not None:
            found.append(ledger.of_day(run.dag_id, datetime.now(UTC), base_units(self.per_day, token)))
        return found


def base_units(tokens: Decimal, token: ledger.Token) -> int:
    from airflow_provider_deflow.chain.units import to_base_units

    return to_base_units(tokens, token.decimals)
