# SPDX-License-Identifier: Apache-2.0
"""`deflow ledger …`: what paid jobs reserved, locked, cost and got back, and its proof on the chain."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_deflow import errors
from airflow_provider_deflow.cli.context import CliContext, home_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_deflow.reconciliation import Account, Reconciled

_COIN_DECIMALS = 18
# Enough of a DID to tell it; --json has all of it.
_DID_LETTERS = 16


@click.group()
@home_option
@click.pass_context
def ledger(ctx: click.Context, home: Path) -> None:
    """Show what paid jobs cost, and hold it against the chain.

    \b
    Example:
      deflow ledger show manual__2026-01-31T06:00:00+00:00
      deflow ledger reconcile
    """
    ctx.obj = CliContext(home)


@ledger.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print amounts in base units as JSON.")
@click.pass_obj
def show(context: CliContext, run: str, as_json: bool) -> None:
    """Show what each node of RUN reserved, locked, cost and got back, what it ordered, and its gas.

    RUN is Airflow's run id. PAID is what datatokens were bought for.

    \b
    Example:
      deflow ledger show manual__2026-01-31T06:00:00+00:00
    """
    from airflow_provider_deflow.reconciliation import accounts

    with context.reservations() as reservations:
        found = accounts(reservations.of_run_called(run))
    if not found:
        raise errors.RunNotFound(f"no job of a run {run!r} was paid: `deflow runs list` shows the runs.")
    click.echo(json.dumps([_document(one) for one in found], indent=2) if as_json else _table(found))


@ledger.command()
@click.argument("run", default="")
@click.option("--json", "as_json", is_flag=True, help="Print what was compared and what differs as JSON.")
@click.pass_context
def reconcile(ctx: click.Context, run: str, as_json: bool) -> None:
    """Prove the ledger by the chain's events, for RUN or for all runs; exit code 1 when they differ.

    Each wallet is read by the Airflow connection that paid. Nothing is sent.

    \b
    Example:
      deflow ledger reconcile
    """
    from airflow_provider_deflow.hooks.paying import looking_wallet
    from airflow_provider_deflow.reconciliation import Reconciled
    from airflow_provider_deflow.reconciliation import reconcile as reconcile_with

    context: CliContext = ctx.obj
    context.use_connections()
    by_wallet: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    with context.reservations() as reservations:
        for one in reservations.of_run_called(run):
            by_wallet[one["wallet_conn_id"], one["payer"]].append(one)
        everything = Reconciled()
        for (conn_id, payer), records in by_wallet.items():
            wallet = looking_wallet(conn_id)
            if wallet.address != payer:
                everything.differences.append(f"{payer} paid, and connection {conn_id!r} is {wallet.address}")
                continue
            # What another run paid is known, though it is not what was asked for.
            others = reservations.of_payer(wallet.chain_id, payer) if run else ()
            result = reconcile_with(wallet, records, others)
            everything.locks += result.locks
            everything.orders += result.orders
            everything.differences += result.differences
    click.echo(json.dumps(asdict(everything), indent=2) if as_json else _told(everything))
    ctx.exit(1 if everything.differences else 0)


def _told(found: Reconciled) -> str:
    return "\n".join([*found.differences, found.summary])


def _document(one: Account) -> dict[str, Any]:
    numbers = {name: str(value) if isinstance(value, int) else value for name, value in asdict(one).items()}
    return {**numbers, "decimals": one.decimals, "held": str(one.held)}


def _table(found: list[Account]) -> str:
    header = ("NODE", "FOR", "STATE", "RESERVED", "LOCKED", "CLAIMED", "REFUNDED", "HELD", "PAID")
    rows = [(*header, "GAS (COINS)")]
    for one in found:
        amounts = (one.reserved, one.locked, one.claimed, one.refunded, one.held, one.paid)
        what = f"order {one.did[:_DID_LETTERS]}" if one.kind == "order" else "job"
        tokens = [_whole(amount, one.decimals) for amount in amounts]
        rows.append((one.task_id, what, one.state, *tokens, _whole(one.gas, _COIN_DECIMALS)))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([*lines, *_totals(found)])


def _totals(found: list[Account]) -> Iterator[str]:
    """What the run cost, token by token, and its gas."""
    for token, decimals in dict.fromkeys((one.token, one.decimals) for one in found):
        theirs = [one for one in found if one.token == token]
        cost = sum(one.claimed + one.paid for one in theirs)
        held = sum(one.held for one in theirs)
        still = f", {_whole(held, decimals)} still held" if held else ""
        yield f"cost: {_whole(cost, decimals)} of token {token}{still}"
    yield f"gas: {_whole(sum(one.gas for one in found), _COIN_DECIMALS)} coins"


def _whole(base_units: int, decimals: int) -> str:
    from airflow_provider_deflow.chain.units import to_tokens

    return f"{to_tokens(base_units, decimals).normalize():f}"
