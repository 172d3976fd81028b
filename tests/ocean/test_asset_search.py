# SPDX-License-Identifier: Apache-2.0
"""All assets of an index: of Elasticsearch, which gives pages, and of Typesense, which gives ten at first.

The local Ocean Node answers as one with Typesense does; here both are told by the shapes of their replies.
"""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_deflow.errors import UnexpectedReply
from airflow_provider_deflow.ocean.asset_search import MOST_PAGES, PAGE_SIZE, Page, indexed
from airflow_provider_deflow.ocean.routes import Route

Query = dict[str, Any]


class Elasticsearch:
    """Documents, and no word on how many there are."""

    def __init__(self, count: int) -> None:
        self.documents = [{"id": f"did:op:{number}"} for number in range(count)]
        self.asked: list[Query] = []

    def __call__(self, route: Route[Page]) -> Page:
        query = dict(route.body or {})
        self.asked.append(query)
        return route.read(self.reply(query))

    def reply(self, query: Query) -> Any:
        return self.documents[query["from"] : query["from"] + query["size"]]


class Typesense(Elasticsearch):
    """A result set for each of two schemas."""

    def reply(self, query: Query) -> Any:
        size, page = query.get("per_page", 10), query.get("page", 1)
        hits = [{"document": one} for one in self.documents[(page - 1) * size : page * size]]
        none = {"found": 0, "page": page, "hits": []}
        return [none, {"found": len(self.documents), "page": page, "hits": hits}]


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (7, 1), (PAGE_SIZE - 1, 1), (PAGE_SIZE, 2), (600, 3)]
)
def test_elasticsearch_is_asked_page_by_page(count: int, requests: int) -> None:
    node = Elasticsearch(count)
    found = indexed(node, "dataset")
    assert (len(found.documents), found.is_complete, len(node.asked)) == (count, True, requests)
    assert node.asked[0]["query"] == {"bool": {"filter": [{"term": {"metadata.type": "dataset"}}]}}


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (10, 1), (11, 2), (PAGE_SIZE + 1, 3)])
def test_typesense_is_asked_again_in_its_own_form(count: int, requests: int) -> None:
    node = Typesense(count)
    found = indexed(node, "algorithm")
    assert (len(found.documents), found.is_complete, len(node.asked)) == (count, True, requests)
    assert all(query["filter_by"] == "metadata.type:=algorithm" for query in node.asked[1:])


@pytest.mark.parametrize("kind", [Elasticsearch, Typesense])
def test_an_index_without_end_is_told_as_incomplete(kind: type[Elasticsearch]) -> None:
    node = kind(PAGE_SIZE * MOST_PAGES + 1)
    found = indexed(node)
    assert (len(found.documents), found.is_complete) == (PAGE_SIZE * MOST_PAGES, False)
    assert len(node.asked) <= MOST_PAGES + 1


@pytest.mark.parametrize("reply", [{}, ["x"], [{"hits": 3, "found": 1}], [{"hits": [{}], "found": 1}]])
def test_another_shape_is_no_empty_index(reply: Any) -> None:
    with pytest.raises(UnexpectedReply):
        indexed(lambda route: route.read(reply))
