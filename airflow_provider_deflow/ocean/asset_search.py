# SPDX-License-Identifier: Apache-2.0
"""All assets of one kind in a node's index, whichever data base it has.

A node takes a query in two forms. Elasticsearch's is taken by both data bases; of it Typesense, which has a
result set per DDO schema, gives ten documents each and no further page. So the first answer tells which it
is, and Typesense is asked for more in its own form. No word of a user is ever part of a query: what either
data base would make of `-`, `"` or `:` in it cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_deflow.ocean import fields
from airflow_provider_deflow.ocean.routes import Route

Kind = Literal["dataset", "algorithm"]
Document = dict[str, Any]

PAGE_SIZE = 250  # Typesense gives no more at once
MOST_PAGES = 8
_PATH = "/api/aquarius/assets/metadata/query"


@dataclass(frozen=True, slots=True)
class Page:
    """Documents, and whether others are left: None where only a page that is not full tells."""

    documents: list[Document]
    has_more: bool | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """`is_complete` is false when there were more than `MOST_PAGES`."""

    documents: list[Document]
    is_complete: bool


def indexed(ask: Callable[[Route[Page]], Page], kind: Kind | None = None) -> Indexed:
    """The documents of that kind, each once. Mostly one request."""
    first = ask(_page(_elasticsearch(kind, 0)))
    if first.has_more is None:
        query, page, number = _elasticsearch, first, 1
    elif first.has_more:
        query, page, number = _typesense, Page([], True), 0
    else:
        return Indexed(_once_each(first.documents), True)
    found = list(page.documents)
    while _goes_on(page) and number < MOST_PAGES:
        page = ask(_page(query(kind, number)))
        found += page.documents
        number += 1
    return Indexed(_once_each(found), not _goes_on(page))


def _goes_on(page: Page) -> bool:
    return len(page.documents) >= PAGE_SIZE if page.has_more is None else page.has_more


def _page(query: dict[str, Any]) -> Route[Page]:
    return Route("search of DDOs", "POST", _PATH, _read, body=query, is_repeatable=True)


def _elasticsearch(kind: Kind | None, number: int) -> dict[str, Any]:
    wanted = [{"term": {"metadata.type": kind}}] if kind else []
    return {"query": {"bool": {"filter": wanted}}, "from": number * PAGE_SIZE, "size": PAGE_SIZE}


def _typesense(kind: Kind | None, number: int) -> dict[str, Any]:
    wanted = f"metadata.type:={kind}" if kind else ""
    return {"q": "*", "filter_by": wanted, "per_page": PAGE_SIZE, "page": number + 1}


def _read(reply: Any) -> Page:
    found = [fields.as_object(one, "a search result") for one in fields.as_list(reply, "the results")]
    if not any("hits" in one for one in found):
        return Page([dict(one) for one in found], None)
    documents, has_more = [], False
    for results in found:
        hits = [fields.as_object(hit, "a hit") for hit in fields.as_list(results.get("hits"), "'hits'")]
        documents += [dict(fields.as_object(hit.get("document"), "'document'")) for hit in hits]
        before = (fields.integer(results, "page") - 1) * PAGE_SIZE
        has_more = has_more or (bool(hits) and fields.integer(results, "found") > before + len(hits))
    return Page(documents, has_more)


def _once_each(documents: list[Document]) -> list[Document]:
    return list({str(one.get("id")): one for one in documents}.values())
