# SPDX-License-Identifier: Apache-2.0
"""What a run is going to pay, reserved as a whole before the first payment of it.

So a run that would exceed its budget fails while nothing is paid yet. Each payment takes the place of its
part of the plan; what no task needs any more is released by upkeep, when its task is final.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors, order_books

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_deflow.job_budgets import Limits
    from airflow_provider_deflow.ledger.entry import Run
    from airflow_provider_deflow.ledger.reservations import Reservations, Token


@dataclass(frozen=True, slots=True)
class Planned:
    """One payment of a run: `key` by `job_key` or `order_key`, and the first task that makes it."""

    key: str
    task_id: str
    amount: int
    token: Token


@dataclass(frozen=True)
class Plan:
    """Of one run, by the task that comes first; `about` is kept with each part, `ask` is asked once."""

    reservations: Reservations
    limits: Limits
    run: Run
    about: Mapping[str, Any]
    ask: Callable[[], Sequence[Planned]]

    def make(self) -> None:
        """Reserve all of it, or raise `BudgetExceeded`; nothing when that was done before."""
        if any(not order_books.is_order(one) for one in self.reservations.of_run(self.run)):
            return
        parts = {one.key: one for one in self.ask() if one.amount}
        if not parts:
            return
        tokens = {one.token.name: one.token for one in parts.values()}
        if len(tokens) > 1:
            raise errors.BudgetExceeded(
                f"run {self.run.run_id} of {self.run.dag_id} would pay with {' and '.join(sorted(tokens))}, "
                "and its budget counts one token. Nothing was paid. Name one as the budget's `fee_token`."
            )
        (token,) = tokens.values()
        self.reservations.reserve(
            {key: one.amount for key, one in parts.items()},
            token,
            self.limits.budgets(self.run, token),
            {key: {**self.about, "task_id": one.task_id} for key, one in parts.items()},
            state="planned",
        )


def job_key(run: Run, task_id: str) -> str:
    return f"plan {run.id} {task_id}"


def order_key(run: Run, order: str) -> str:
    """`order` as `order_books.order_of` names it: whichever of the run's nodes places it, it is one."""
    return f"plan {run.id} {order}"
