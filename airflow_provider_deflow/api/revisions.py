# SPDX-License-Identifier: Apache-2.0
"""Published states of a graph: publish, history, differences, restore.

Who publishes lends the graph the connections it names, so the right to read each of them is asked for here.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, values, versions, views
from airflow_provider_deflow.api.access import GraphSlug, User
from airflow_provider_deflow.api.faults import documented
from airflow_provider_deflow.api.stores import Graphs
from airflow_provider_deflow.graphs import difference, problems

router = APIRouter(tags=["revisions"])

Number = Annotated[int, Path(ge=1, le=2**53, description="A revision's number.", examples=[2])]
State = Annotated[
    str,
    Query(
        pattern="^(draft|[1-9][0-9]{0,14})$", description="A revision's number, or draft.", examples=["draft"]
    ),
]


@router.post(
    "/graphs/{slug}/publish",
    dependencies=[access.EditsGraph],
    responses={**documented(404, 428), **versions.CONFLICT},
)
def publish(
    slug: GraphSlug, said: values.Message, store: Graphs, user: User, if_match: versions.IfMatch = None
) -> values.PublishedRevision:
    """Make the draft the next revision, which Airflow runs; an unchanged one gives the revision there is."""
    seen = versions.version_in(if_match)
    draft = store.draft(slug)
    # What is checked here is what is published: the content of a version never changes.
    if draft.version != seen:
        raise versions.other_version(draft, seen, user)
    graph, found = problems.read(draft.document)
    if graph is None or found:
        raise errors.InvalidGraph(slug, found)
    access.require_connections(user, graph)
    try:
        revision = store.publish(slug, based_on=seen, author=user.get_name(), message=said.message)
    except errors.GraphChanged as error:
        raise versions.conflict(error, store, slug, user) from None
    return values.PublishedRevision(revision=revision.number, dag_id=access.dag_id_of(slug))


@router.get("/graphs/{slug}/revisions", dependencies=[access.ReadsGraph], responses=documented(404))
def list_revisions(slug: GraphSlug, store: Graphs) -> values.RevisionList:
    """All revisions that ever were, newest first."""
    found = store.history(slug)
    if not found:
        store.draft(slug)  # says so when there is no such graph
    return values.RevisionList(
        revisions=[
            values.RevisionListed(
                revision=each.number,
                author=each.author,
                message=each.message,
                published_at=each.published_at,
            )
            for each in found
        ]
    )


@router.get("/graphs/{slug}/revisions/{number}", dependencies=[access.ReadsGraph], responses=documented(404))
def read_revision(slug: GraphSlug, number: Number, store: Graphs) -> values.RevisionView:
    """A revision with its document, also of a deleted graph."""
    found = store.revision(slug, number)
    return values.RevisionView(
        revision=found.number,
        author=found.author,
        message=found.message,
        published_at=found.published_at,
        document=found.document,
    )


@router.post(
    "/graphs/{slug}/revisions/{number}/restore",
    dependencies=[access.EditsGraph],
    responses={**documented(404, 428), **versions.CONFLICT},
)
def restore_revision(
    slug: GraphSlug,
    number: Number,
    store: Graphs,
    user: User,
    response: Response,
    if_match: versions.IfMatch = None,
) -> values.GraphView:
    """Make the draft as that revision was; publish it to run it."""
    seen = versions.version_in(if_match)
    document = store.revision(slug, number).document
    try:
        stored = store.save(
            document, based_on=seen, author=user.get_name(), message=f"As revision {number} was"
        )
    except errors.GraphChanged as error:
        raise versions.conflict(error, store, slug, user) from None
    response.headers["etag"] = f'"{stored.version}"'
    return views.view_of(stored, user)


@router.get("/graphs/{slug}/diff", dependencies=[access.ReadsGraph], responses=documented(404))
def compare(
    slug: GraphSlug, store: Graphs, from_: Annotated[State, Query(alias="from")], to: State = "draft"
) -> values.Difference:
    """What differs between two states of the graph."""
    return values.Difference.model_validate(
        difference.between(_document(slug, from_, store), _document(slug, to, store))
    )


def _document(slug: str, state: str, store: Graphs) -> dict[str, object]:
    return store.draft(slug).document if state == "draft" else store.revision(slug, int(state)).document
