# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every question goes to Airflow's auth manager, about the Dag of the graph.

A mounted application inherits nothing of Airflow's, so each route asks by itself. What is imported here from
Airflow's API server is not its public interface, and is imported nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models import Connection
from airflow.models.dag import DagModel
from fastapi import Depends, Path

from airflow_provider_deflow.api.faults import Refusal
from airflow_provider_deflow.graphs import values as words
from airflow_provider_deflow.graphs.problem import Problem

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod

    from airflow_provider_deflow.graphs.graph import Graph

__all__ = ["GraphSlug", "User", "to_dags", "to_graph"]

User = GetUserDep
GraphSlug = Annotated[words.Slug, Path(description="The graph's name in addresses.", examples=["two-steps"])]

_DOES = {"GET": "read", "POST": "create", "PUT": "change", "DELETE": "delete"}
RUN = DagAccessEntity.RUN
TASK_LOGS = DagAccessEntity.TASK_LOGS


def dag_id_of(slug: str) -> str:
    """The Dag that a graph becomes."""
    return f"deflow_{slug}"


def to_graph(method: ResourceMethod, entity: DagAccessEntity | None = None) -> Callable[..., None]:
    """A dependency: the user may do so with the graph of the route's slug."""

    def inner(slug: GraphSlug, user: GetUserDep) -> None:
        require(user, method, slug, entity)

    return inner


def to_dags(method: ResourceMethod) -> Callable[..., None]:
    """A dependency: the user may do so with Dags, whichever."""

    def inner(user: GetUserDep) -> None:
        require(user, method)

    return inner


def require(
    user: User, method: ResourceMethod, slug: str | None = None, entity: DagAccessEntity | None = None
) -> None:
    """Raises `Refusal` when the user may not."""
    if not may(user, method, slug, entity):
        what = (
            f"runs and logs of {dag_id_of(slug)}" if slug and entity else dag_id_of(slug) if slug else "Dags"
        )
        raise Refusal(
            403,
            "forbidden",
            f"{user.get_name()} may not {_DOES[method]} {what} in Airflow: ask who manages its roles.",
        )


def may(
    user: User, method: ResourceMethod, slug: str | None = None, entity: DagAccessEntity | None = None
) -> bool:
    """Whether the user may do so with the Dag of a graph, published or not; without a slug, with Dags."""
    dag_id = dag_id_of(slug) if slug else None
    team = DagModel.get_team_name(dag_id) if dag_id else None
    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=entity, details=DagDetails(id=dag_id, team_name=team), user=user
    )


def allowed(user: User, method: ResourceMethod, slugs: Iterable[str]) -> set[str]:
    """Those of the graphs with which the user may do so."""
    by_id = {dag_id_of(slug): slug for slug in slugs}
    teams = DagModel.get_dag_id_to_team_name_mapping(list(by_id))
    by_team: dict[str | None, set[str]] = {}
    for dag_id in by_id:
        by_team.setdefault(teams.get(dag_id), set()).add(dag_id)
    manager = get_auth_manager()
    return {
        by_id[dag_id]
        for team, dag_ids in by_team.items()
        for dag_id in manager.filter_authorized_dag_ids(
            dag_ids=dag_ids, user=user, method=method, team_name=team
        )
    }


def may_use(user: User, conn_id: str) -> bool:
    """Whether the user may read a connection, and so let a graph use it."""
    details = ConnectionDetails(conn_id=conn_id, team_name=Connection.get_team_name(conn_id))
    return get_auth_manager().is_authorized_connection(method="GET", details=details, user=user)


def require_connections(user: User, graph: Graph, does: str = "publishes a graph") -> None:
    """Raises `Refusal` when the user may not use each connection that the graph names, with all of them."""
    named = [
        (node.id, kind, getattr(node.data, kind) or getattr(graph.defaults, kind))
        for node in graph.nodes
        for kind in ("ocean_node", "wallet")
    ]
    _require_use(user, named, does, "Name others, or ask somebody who may read them to do it.")


def require_use(user: User, conn_ids: Mapping[str, str]) -> None:
    """Raises `Refusal` when the user may not use each of the connections, given by the body's fields."""
    named = [(field, field, conn_id) for field, conn_id in conn_ids.items()]
    _require_use(user, named, "publishes an asset", "Name others, or ask somebody who may read them.")


def _require_use(user: User, named: Iterable[tuple[str, str, str]], does: str, hint: str) -> None:
    """`named` are places, what for, and connections."""
    found: list[Problem] = []
    allowed_ones: dict[str, bool] = {}
    for where, kind, conn_id in named:
        if conn_id not in allowed_ones:
            allowed_ones[conn_id] = may_use(user, conn_id)
        if not allowed_ones[conn_id]:
            message = (
                f"uses connection {conn_id!r} as {kind}, which {user.get_name()} may not read in Airflow"
            )
            found.append(Problem("connection", where, message))
    if found:
        refused = ", ".join(sorted(conn_id for conn_id, is_allowed in allowed_ones.items() if not is_allowed))
        raise Refusal(
            403,
            "connection_forbidden",
            f"{user.get_name()} may not use {refused}: who {does} lends it these connections. {hint}",
            found,
        )


ReadsGraph = Depends(to_graph("GET"))
EditsGraph = Depends(to_graph("PUT"))
DeletesGraph = Depends(to_graph("DELETE"))
ReadsRuns = Depends(to_graph("GET", RUN))
StartsRuns = Depends(to_graph("POST", RUN))
ChangesRuns = Depends(to_graph("PUT", RUN))
ReadsLogs = Depends(to_graph("GET", TASK_LOGS))
SeesDags = Depends(to_dags("GET"))
CreatesDags = Depends(to_dags("POST"))
