# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs quote`: what a run of a graph would lock and order, asked before anything is paid.

Ocean Nodes and wallets are Airflow's connections, as for a run. Gas is an estimate: what a first start of
a wallet needs (approve, deposit, authorise), and an order, at the fee of this moment.
"""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from airflow_provider_deflow.cli.context import CliContext
    from airflow_provider_deflow.graphs.graph import Graph
    from airflow_provider_deflow.ledger.reservations import Token
    from airflow_provider_deflow.operators.quoting import QuotedNode, QuotedOrder

_HOW = {
    "had": "the wallet has its datatoken",
    "dispensed": "its datatoken is given away",
    "bought": "its datatoken is sold",
}
_COIN_DECIMALS = 18


def quote_of(graph: Graph) -> dict[str, Any]:
    """What each node locks and what has to be ordered, and gas; each token's total against the budget."""
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        jobs, orders = _asked(graph)
    except AirflowNotFoundException as error:
        raise errors.SettingsError(f"{error}: a quote needs the graph's Airflow connections.") from error
    totals: defaultdict[Token, int] = defaultdict(int)
    for job in jobs.values():
        totals[job.amount.token] += job.locked
    for order, _ in orders.values():
        totals[order.token] += order.amount
    tokens = [token for token, total in totals.items() if total]
    if len({one.amount.token for one in jobs.values()}) > 1:
        names = ", ".join(sorted(one.name for one in tokens))
        raise errors.SettingsError(f"the nodes are paid with {names}: name one as the budget's `fee_token`.")
    nodes = {node_id: _node(one) for node_id, one in jobs.items()}
    ordered = [_order(one, node_ids) for one, node_ids in orders.values()]
    whole = tokens[0].whole(totals[tokens[0]]) if tokens else Decimal(0)
    per_run = graph.budget.per_run
    gas = (Decimal(one["gas_coins"]) for one in (*nodes.values(), *ordered))
    return {
        "graph": graph.slug,
        "nodes": nodes,
        "orders": ordered,
        "free": sorted(node.id for node in graph.nodes if node.id not in jobs),
        "total": {"base_units": str(totals[tokens[0]] if tokens else 0), "tokens": f"{whole:f}"},
        "totals": [_total(one, totals[one]) for one in tokens],
        "budget_per_run": per_run,
        "within_budget": _is_within(per_run, whole, tokens),
        "gas_coins": f"{sum(gas, Decimal(0)):f}",
    }


def _is_within(per_run: str | None, whole: Decimal, tokens: list[Token]) -> bool:
    """A budget counts one token; without one nothing is bought."""
    return not tokens or (len(tokens) == 1 and per_run is not None and whole <= Decimal(per_run))


def _asked(graph: Graph) -> tuple[dict[str, QuotedNode], dict[str, tuple[QuotedOrder, list[str]]]]:
    """What each paid node locks, and each order with the nodes that it is for."""
    from airflow_provider_deflow.graphs.graph import is_paid
    from airflow_provider_deflow.hooks import settings
    from airflow_provider_deflow.job_request import rendered
    from airflow_provider_deflow.operators.quoting import Quotes

    policy, quotes = settings.environment_policy(), Quotes(graph.budget.fee_token, lambda _: None)
    # What only a run knows stays as it is drawn.
    values = {"params": {name: one.default for name, one in graph.params.items()}}
    jobs: dict[str, QuotedNode] = {}
    orders: dict[str, tuple[QuotedOrder, list[str]]] = {}
    for node in graph.nodes:
        data = rendered(node.data, values)
        if is_paid(data):
            jobs[node.id] = quotes.of(data, graph.defaults, policy)
        for order in quotes.orders_of(data, graph.defaults):
            orders.setdefault(order.what, (order, []))[1].append(node.id)
    return jobs, orders


def as_text(quote: dict[str, Any]) -> str:
    """A line for each paid node and each order, then the total of each token."""
    lines = []
    for node_id, node in quote["nodes"].items():
        lines.append(
            f"{node_id}: {node['tokens']} tokens for {node['minutes']} min, "
            f"about {node['gas_coins']} coins of gas\n  environment {node['environment']}\n"
            f"  on {node['ocean_node']}, paid with {node['fee_token']} on chain {node['chain_id']}"
        )
    for order in quote["orders"]:
        where = f"on {order['ocean_node']}, paid with {order['token']} on chain {order['chain_id']}"
        lines.append(
            f"{order['did']}: {_HOW[order['how']]}, {order['tokens']} tokens, "
            f"about {order['gas_coins']} coins of gas\n  ordered for {', '.join(order['nodes'])} {where}"
        )
    if quote["free"]:
        lines.append(f"free: {', '.join(quote['free'])}")
    budget = quote["budget_per_run"]
    within = "" if budget is None else f" of a budget of {budget}"
    verdict = "" if quote["within_budget"] else ": too much, the run would fail before its first payment"
    if len(quote["totals"]) > 1:
        verdict = ": a budget counts one token, the run would fail before its first payment"
        lines += [f"total: {one['tokens']} of token {one['token']}{verdict}" for one in quote["totals"]]
    else:
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
    quote, token = one.amount.quote, one.amount.token
    return {
        "ocean_node": one.ocean_node,
        "environment": one.offer.environment.id,
        "minutes": one.minutes,
        "chain_id": token.chain_id,
        "fee_token": token.address,
        "base_units": str(quote.amount),
        "tokens": f"{token.whole(quote.amount):f}",
        "lock_seconds": quote.min_lock_seconds,
        "gas_coins": _coins(one.gas_wei()),
    }


def _order(one: QuotedOrder, node_ids: list[str]) -> dict[str, Any]:
    return {
        "did": one.did,
        "nodes": node_ids,
        "ocean_node": one.ocean_node,
        "datatoken": one.datatoken,
        "how": one.how,
        **_total(one.token, one.amount),
        "gas_coins": _coins(one.gas_wei()),
    }


def _total(token: Token, base_units: int) -> dict[str, Any]:
    return {
        "chain_id": token.chain_id,
        "token": token.address,
        "base_units": str(base_units),
        "tokens": f"{token.whole(base_units):f}",
    }


def _coins(wei: int) -> str:
    from airflow_provider_deflow.chain.units import to_tokens

    return f"{to_tokens(wei, _COIN_DECIMALS).normalize():f}"
