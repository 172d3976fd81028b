# SPDX-License-Identifier: Apache-2.0
"""Graphs as people draw them: list, look, save, copy, delete, check, bring in and take out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, last_runs, values, versions, views
from airflow_provider_deflow.api.access import GraphSlug, User
from airflow_provider_deflow.api.airflow_rest import AirflowAsUser
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.api.stores import Graphs
from airflow_provider_deflow.graphs import importers
from airflow_provider_deflow.graphs.problem import Problem
from airflow_provider_deflow.graphs.problems import find_problems

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.store import GraphStore, Listed

router = APIRouter(tags=["graphs"])

Search = Annotated[str, Query(max_length=200, description="Part of slug, name, description, owner or a tag.")]
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


@router.get("/graphs", dependencies=[access.SeesDags], responses=documented())
async def list_graphs(
    store: Graphs,
    user: User,
    airflow: AirflowAsUser,
    search: Search = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> values.GraphList:
    """The graphs that you may read, by slug, each with its last and its next run."""
    found = await run_in_threadpool(_readable, store, user, search.strip().casefold())
    page = found[offset : offset + limit]
    published = [each.slug for each in page if each.published is not None]
    last, following = await last_runs.of_graphs(airflow, published)
    editable = await run_in_threadpool(access.allowed, user, "PUT", [each.slug for each in page])
    return values.GraphList(
        graphs=[
            views.line_of(each, each.slug in editable, last.get(each.slug), following.get(each.slug))
            for each in page
        ],
        total=len(found),
        may_create=await run_in_threadpool(access.may, user, "POST"),
    )


@router.post(
    "/graphs",
    status_code=201,
    dependencies=[access.CreatesDags],
    responses={**documented(), 409: {"model": values.Fault, "description": "There is a graph of that slug"}},
)
def create_graph(new: values.NewGraph, store: Graphs, user: User, response: Response) -> values.GraphView:
    """Save a new graph, problems or not."""
    return _create(new.document, store, user, response)


@router.get("/graphs/{slug}", dependencies=[access.ReadsGraph], responses=documented(404))
def read_graph(slug: GraphSlug, store: Graphs, user: User, response: Response) -> values.GraphView:
    """The draft as saved last, with all its problems."""
    return _shown(views.view_of(store.draft(slug), user), response)


@router.put(
    "/graphs/{slug}/draft",
    dependencies=[access.EditsGraph],
    responses={**documented(404, 428), **versions.CONFLICT},
)
def save_draft(
    slug: GraphSlug,
    draft: values.Draft,
    store: Graphs,
    user: User,
    response: Response,
    if_match: versions.IfMatch = None,
) -> values.GraphView:
    """Save the draft, problems or not."""
    seen = versions.version_in(if_match)
    document = {**draft.document}
    if document.setdefault("slug", slug) != slug:
        raise _other_slug(slug)
    try:
        stored = store.save(document, based_on=seen, author=user.get_name(), message=draft.message)
    except errors.GraphChanged as error:
        raise versions.conflict(error, store, slug, user) from None
    return _shown(views.view_of(stored, user), response)


@router.delete(
    "/graphs/{slug}", status_code=204, dependencies=[access.DeletesGraph], responses=documented(404)
)
def delete_graph(slug: GraphSlug, store: Graphs, user: User) -> None:
    """Take the graph out of the list and out of Airflow; its revisions stay."""
    store.delete(slug, user.get_name())


@router.post(
    "/graphs/{slug}/duplicate",
    status_code=201,
    dependencies=[access.ReadsGraph, access.CreatesDags],
    responses={
        **documented(404),
        409: {"model": values.Fault, "description": "There is a graph of that slug"},
    },
)
def duplicate_graph(
    slug: GraphSlug, copy: values.Duplicate, store: Graphs, user: User, response: Response
) -> values.GraphView:
    """Save the draft again under another slug."""
    document = {**store.draft(slug).document, "slug": copy.slug}
    if copy.name is not None:
        document["name"] = copy.name
    return _create(document, store, user, response)


@router.post("/validate", dependencies=[access.SeesDags], responses=documented())
def validate(drawn: values.Validate) -> values.Problems:
    """All problems of a drawing; nothing is saved."""
    return values.Problems(problems=views.problems_of(find_problems(drawn.document)))


@router.post("/import", dependencies=[access.CreatesDags], responses=documented())
def import_graph(other: values.Import, user: User) -> values.Imported:
    """Read another program's drawing as a graph document; nothing is saved."""
    access.require(user, "POST", other.slug)
    if other.format == "document":
        document = {**other.document, "slug": other.slug}
        return values.Imported(
            document=document, problems=views.problems_of(find_problems(document)), remarks=[]
        )
    read = importers.import_document(other.document, other.format, other.slug)
    return values.Imported(
        document=read.document,
        problems=views.problems_of(read.problems),
        remarks=views.problems_of(read.remarks),
    )


@router.get(
    "/graphs/{slug}/export",
    dependencies=[access.ReadsGraph],
    responses={
        **documented(404),
        200: {"description": "The document", "content": {"application/json": {"example": values.DOCUMENT}}},
    },
)
def export_graph(
    slug: GraphSlug,
    store: Graphs,
    to: Annotated[Literal["deflow", "react-flow", "document"], Query()] = "document",
) -> dict[str, Any]:
    """The draft as a graph document, or as another program's; an imported one gives its original back."""
    document = store.draft(slug).document
    if to == "document":
        return document
    return importers.export_document(document, to).document


def _readable(store: GraphStore, user: User, wanted: str) -> list[Listed]:
    matching = [each for each in store.list() if wanted in _text(each).casefold()]
    readable = access.allowed(user, "GET", [each.slug for each in matching])
    return [each for each in matching if each.slug in readable]


def _create(document: dict[str, Any], store: Graphs, user: User, response: Response) -> values.GraphView:
    slug = document.get("slug")
    if isinstance(slug, str):
        access.require(user, "POST", slug)
    try:
        stored = store.save(document, based_on=None, author=user.get_name())
    except errors.GraphChanged as error:
        raise Refusal(409, "exists", f"There is a graph {slug!r} already: choose another slug.") from error
    response.headers["location"] = f"graphs/{stored.slug}"
    return _shown(views.view_of(stored, user), response)


def _shown(view: values.GraphView, response: Response) -> values.GraphView:
    response.headers["etag"] = f'"{view.version}"'
    return view


def _other_slug(slug: str) -> Refusal:
    message = f"must stay {slug!r}, which names the Dag: to have it under another, duplicate the graph"
    return Refusal(422, "invalid_graph", f"slug {message}", [Problem("bad_slug", "slug", message)])


def _text(listed: Any) -> str:
    return "\n".join(
        [listed.slug, listed.name, listed.description, listed.owner, listed.author, *listed.tags]
    )
