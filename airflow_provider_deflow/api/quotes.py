# SPDX-License-Identifier: Apache-2.0
"""What a run of a graph would cost, asked of its Ocean Nodes and chain; nothing is paid by asking.

An Ocean Node takes few requests a minute and may not answer at all: a node of the graph that cannot be
quoted is a problem of it, in the Ocean Node's own words, and the others are quoted all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow.api import access, quote_values, quote_view, stores
from airflow_provider_deflow.api.access import GraphSlug, User
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.graphs.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(tags=["runs"])

# A person waits; an Ocean Node that makes us wait longer is no use to a run either.
QUOTE_SECONDS = 45.0


@router.post("/graphs/{slug}/quote", dependencies=[access.StartsRuns], responses=documented(404, 502, 504))
async def quote_graph(slug: GraphSlug, asked: quote_values.AskQuote, user: User) -> quote_values.QuoteView:
    """What each paid node would lock, what has to be ordered, and all of it against the budget.

    You may run the graph and read its connections in Airflow. A drawing with problems is refused.
    """
    graph = await run_in_threadpool(_graph, slug, asked.document, user)
    with anyio.move_on_after(QUOTE_SECONDS):
        # Left alone when the time is over: it ends by its own limits.
        return await to_thread.run_sync(quote_view.of_graph, graph, abandon_on_cancel=True)
    raise Refusal(
        504,
        "ocean_node_unreachable",
        f"The Ocean Nodes and chains of {slug!r} have not said within {QUOTE_SECONDS:g} s what they ask: try "
        "again in a minute, or name another Ocean Node.",
    )


def _graph(slug: str, document: Mapping[str, Any] | None, user: User) -> Graph:
    """Raises `InvalidGraph` with all problems, and `Refusal` when the user may not use its connections."""
    drawn = stores.graph_store().draft(slug).document if document is None else document
    graph = Graph.from_document({**drawn, "slug": slug})
    access.require_connections(user, graph, "asks what a graph costs")
    return graph
