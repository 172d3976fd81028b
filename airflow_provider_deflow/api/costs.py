# SPDX-License-Identifier: Apache-2.0
"""What each node of a run cost, and by which transactions, as the ledger's reservations have it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.api.run_values import TransactionView
from airflow_provider_deflow.chain.networks import transaction_url
from airflow_provider_deflow.ledger.reservations import taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Record = Mapping[str, Any]


def by_task(reservations: Iterable[Record]) -> dict[str, str]:
    """`0.25 0x1234…abcd` for what was paid, `at most 3 …` while the job may still cost less."""
    of_token: dict[tuple[str, str], list[Record]] = {}
    for record in reservations:
        # A plan is no payment yet; of what was released nothing was paid.
        if record["state"] not in ("planned", "released"):
            of_token.setdefault((record["task_id"], record["token"]), []).append(record)
    costs: dict[str, list[str]] = {}
    for (task_id, token), records in of_token.items():
        costs.setdefault(task_id, []).append(_in_words(token, records))
    return {task_id: ", ".join(parts) for task_id, parts in costs.items()}


def transactions_by_task(reservations: Iterable[Record]) -> dict[str, list[TransactionView]]:
    """All that were sent for a task's jobs and orders, also for what came back: gas was paid for each."""
    found: dict[str, list[TransactionView]] = {}
    for record in reservations:
        for one in (*(record.get("earlier") or ()), record):
            for sent in one.get("transactions") or ():
                url = transaction_url(int(record["chain_id"]), sent["hash"])
                view = TransactionView(what=sent["what"], hash=sent["hash"], url=url)
                found.setdefault(record["task_id"], []).append(view)
    return found


def _in_words(token: str, records: list[Record]) -> str:
    units = sum(taken(dict(record)) for record in records)
    amount = Decimal(units).scaleb(-int(records[0]["decimals"]))
    is_settled = all(record["state"] == "settled" for record in records)
    whole = f"{amount.normalize():f}" if amount else "0"
    return f"{'' if is_settled else 'at most '}{whole} {token[:6]}…{token[-4:]}"
