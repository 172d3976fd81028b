# SPDX-License-Identifier: Apache-2.0
"""What a run of a graph would cost, asked of its Ocean Nodes and chain; nothing is paid by asking."""

from __future__ import annotations

from fastapi import APIRouter

from airflow_provider_deflow.api import access, quote_values
from airflow_provider_deflow.api.access import GraphSlug, User
from airflow_provider_deflow.api.faults import Refusal, documented

router = APIRouter(tags=["runs"])


@router.post("/graphs/{slug}/quote", dependencies=[access.StartsRuns], responses=documented(404, 502, 504))
async def quote_graph(slug: GraphSlug, asked: quote_values.AskQuote, user: User) -> quote_values.QuoteView:
    """What each paid node would lock, with its orders, against the budget.

    You may run the graph and read its connections in Airflow. A drawing with problems is refused.
    """
    raise Refusal(501, "not_there", "Not there yet.")
