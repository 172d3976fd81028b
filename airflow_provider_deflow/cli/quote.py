# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs quote`: what a run of a graph would lock, asked of its Ocean Nodes before anything is paid.

Ocean Nodes and wallets are Airflow's connections, as for a run. Gas is an estimate: what a first start of
a wallet needs (approve, deposit, authorise), at the fee of this moment.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from airflow_provider_deflow.cli.context import CliContext
    from airflow_provider_deflow.graphs.graph import Graph
    from airflow_provider_deflow.operators.quoting import QuotedNode

# Measured on the contracts of `ocean-contracts`, rounded up: approve, deposit, authorise.
GAS_OF_A_START = 50_000 + 140_000 + 150_000
_COIN_DECIMALS = 18


def quote_of(graph: Graph) -> dict[str, Any]:
    """Per paid node environment, minutes, token, amount and gas; the total against the budget."""
    from airflow.sdk.exceptions import AirflowNotFoundException

    from airflow_provider_deflow.graphs.graph import is_paid
    from airflow_provider_deflow.hooks import settings
    from airflow_provider_deflow.operators.quoting import Quotes

    policy, quotes = settings.environment_policy(), Quotes(graph.budget.fee_token, lambda _: None)
    try:
        quoted = {
            node.id: quotes.of(node.data, graph.defaults, policy)
            for node in graph.nodes
            if is_paid(node.data)
        }
    except AirflowNotFoundException as error:
        raise errors.SettingsError(f"{error}: a quote needs the graph's Airflow connections.") from error
    nodes = {node_id: _node(one) for node_id, one in quoted.items()}
    total = sum(one.locked for one in quoted.values())
    tokens = {one.amount.token for one in quoted.values()}
    if len(tokens) > 1:
        names = ", ".join(sorted(one.name for one in tokens))
        raise errors.SettingsError(f"the nodes are paid with {names}: name one as the budget's `fee_token`.")
    whole = next(iter(tokens)).whole(total) if tokens else Decimal(0)
    per_run = graph.budget.per_run
    return {
        "graph": graph.slug,
        "nodes": nodes,
        "free": sorted(node.id for node in graph.nodes if node.id not in quoted),
        "total": {"base_units": str(total), "tokens": f"{whole:f}"},
        "budget_per_run": per_run,
        "within_budget": per_run is None or whole <= Decimal(per_run),
        "gas_coins": f"{sum((Decimal(one['gas_coins']) for one in nodes.values()), Decimal(0)):f}",
    }


def as_text(quote: dict[str, Any]) -> str:
    """A line for each paid node, then the total."""
    lines = []
    for node_id, node in quote["nodes"].items():
        lines.append(
            f"{node_id}: {node['tokens']} tokens for {node['minutes']} min, "
            f"about {node['gas_coins']} coins of gas\n  environment {node['environment']}\n"
            f"  on {node['ocean_node']}, paid with {node['fee_token']} on chain {node['chain_id']}"
        )
    if quote["free"]:
        lines.append(f"free: {', '.join(quote['free'])}")
    budget = quote["budget_per_run"]
    within = "" if budget is None else f" of a budget of {budget}"
    verdict = "" if quote["within_budget"] else ": too much, the run would fail before its first payment"
    lines.append(f"total: {quote['total']['tokens']} tokens{within}{verdict}")
    lines.append("What a job does not use of its minutes comes back.")
    return "\n".join(lines)


def show(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Print the quote of a graph by slug or file; exit code 1 when it exceeds the budget."""
    context: CliContext = ctx.obj
    graph = context.graph(name)
    context.use_connections()
    found = quote_of(graph)
    click.echo(json.dumps(found, indent=2) if as_json else as_text(found))
    ctx.exit(0 if found["within_budget"] else 1)


def _node(one: QuotedNode) -> dict[str, Any]:
    from airflow_provider_deflow.chain.units import to_tokens

    quote, token = one.amount.quote, one.amount.token
    gas = GAS_OF_A_START * int(one.wallet.web3.eth.gas_price)
    return {
        "ocean_node": one.ocean_node,
        "environment": one.offer.environment.id,
        "minutes": one.minutes,
        "chain_id": token.chain_id,
        "fee_token": token.address,
        "base_units": str(quote.amount),
        "tokens": f"{token.whole(quote.amount):f}",
        "lock_seconds": quote.min_lock_seconds,
        "gas_coins": f"{to_tokens(gas, _COIN_DECIMALS).normalize():f}",
    }
