# SPDX-License-Identifier: Apache-2.0
"""A graph's quote, put together: what its jobs would lock, what has to be ordered, and the budget."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, quote_values, run_view, stores, values
from airflow_provider_deflow.graphs.graph import is_paid
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.job_request import rendered
from airflow_provider_deflow.ledger import reservations as ledger
from airflow_provider_deflow.operators.quoting import QuotedNode, QuotedOrder, Quotes

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.graph import Graph, GraphNode


def of_graph(graph: Graph) -> quote_values.QuoteView:
    """Asked for now."""
    asked = _Asked(graph, Quotes(graph.budget.fee_token, lambda _: None))
    for node in graph.nodes:
        asked.ask(node)
    totals = {token: total for token, total in asked.totals().items() if total}
    budget = _budget(graph, next(iter(totals), None))
    return quote_values.QuoteView(
        nodes=[asked.node(node_id, one) for node_id, one in asked.jobs.items()],
        free=[node.id for node in graph.nodes if not is_paid(node.data)],
        orders=[asked.order(one, node_ids) for one, node_ids in asked.orders.values()],
        totals=[asked.amount(token, total) for token, total in totals.items()],
        budget=budget,
        exceeds=_exceeds(budget, totals),
        problems=asked.problems,
    )


@dataclass
class _Asked:
    """What was said so far."""

    graph: Graph
    quotes: Quotes
    jobs: dict[str, QuotedNode] = field(default_factory=dict)
    # By what they are known by, with the nodes that they are for.
    orders: dict[str, tuple[QuotedOrder, list[str]]] = field(default_factory=dict)
    problems: list[values.Problem] = field(default_factory=list)
    _silent: dict[str, errors.OceanNodeError] = field(default_factory=dict)
    _symbols: dict[ledger.Token, str] = field(default_factory=dict)

    def ask(self, node: GraphNode) -> None:
        """What it locks and orders; why that cannot be said is a problem of it."""
        graph = self.graph
        conn_id = node.data.ocean_node or graph.defaults.ocean_node
        # What only a run knows stays as it is drawn.
        data = rendered(node.data, {"params": {name: one.default for name, one in graph.params.items()}})
        try:
            if conn_id in self._silent:
                # Each node of the graph would wait for it again.
                raise self._silent[conn_id]
            if is_paid(data):
                one = self.quotes.of(data, graph.defaults, settings.environment_policy())
                self.jobs[node.id] = one
                self._symbol(one.amount.token, one)
            for order in self.quotes.orders_of(data, graph.defaults):
                self.orders.setdefault(order.what, (order, []))[1].append(node.id)
                self._symbol(order.token, order)
        except (errors.DeflowError, AirflowNotFoundException) as error:
            if isinstance(error, (errors.OceanNodeUnreachable, errors.OceanNodeBusy)):
                self._silent[conn_id] = error
            found = values.Problem(code=type(error).__name__, where=node.id, message=str(error))
            self.problems.append(found)

    def totals(self) -> dict[ledger.Token, int]:
        """In base units."""
        totals: dict[ledger.Token, int] = defaultdict(int)
        for job in self.jobs.values():
            totals[job.amount.token] += job.locked
        for order, _ in self.orders.values():
            totals[order.token] += order.amount
        return totals

    def node(self, node_id: str, one: QuotedNode) -> quote_values.QuotedNode:
        orders = [
            quote_values.QuotedOrder(
                did=order.did, token=order.token.address, amount=_whole(order.token, order.amount)
            )
            for order, node_ids in self.orders.values()
            if node_id in node_ids
        ]
        return quote_values.QuotedNode(
            **self._amount(one.amount.token, one.locked),
            id=node_id,
            ocean_node=run_view.host_of(one.ocean_node) or "",
            environment=one.offer.environment.id,
            minutes=one.minutes,
            orders=orders,
            gas_wei=str(one.gas_wei()),
        )

    def order(self, one: QuotedOrder, node_ids: list[str]) -> quote_values.PlacedOrder:
        return quote_values.PlacedOrder(
            **self._amount(one.token, one.amount),
            did=one.did,
            nodes=node_ids,
            how=one.how,
            gas_wei=str(one.gas_wei()),
        )

    def amount(self, token: ledger.Token, base_units: int) -> quote_values.TokenAmount:
        return quote_values.TokenAmount(**self._amount(token, base_units))

    def _amount(self, token: ledger.Token, base_units: int) -> dict[str, Any]:
        return {
            "chain_id": token.chain_id,
            "token": token.address,
            "symbol": self._symbols.get(token, ""),
            "amount": _whole(token, base_units),
        }

    def _symbol(self, token: ledger.Token, one: QuotedNode | QuotedOrder) -> None:
        from airflow_provider_deflow.chain import tokens

        if token not in self._symbols:
            self._symbols[token] = tokens.symbol(one.wallet.web3, token.address)


def _budget(graph: Graph, token: ledger.Token | None) -> quote_values.BudgetView | None:
    per_run, per_day, left = graph.budget.per_run, graph.budget.per_day, graph.budget.per_day
    if per_run is None and per_day is None:
        return None
    if per_day is not None and token is not None:
        day = ledger.of_day(access.dag_id_of(graph.slug), datetime.now(UTC), 0)
        taken = token.whole(stores.reservations().taken_of(day.id))
        left = f"{max(Decimal(per_day) - taken, Decimal(0)).normalize():f}"
    return quote_values.BudgetView(per_run=per_run, per_day=per_day, left_today=left)


def _exceeds(budget: quote_values.BudgetView | None, totals: dict[ledger.Token, int]) -> bool:
    """A budget counts one token; without one nothing is bought."""
    if not totals:
        return False
    if len(totals) > 1 or budget is None or budget.per_run is None:
        return True
    ((token, total),) = totals.items()
    limits = [limit for limit in (budget.per_run, budget.left_today) if limit is not None]
    return any(token.whole(total) > Decimal(limit) for limit in limits)


def _whole(token: ledger.Token, base_units: int) -> str:
    return f"{token.whole(base_units):f}"
