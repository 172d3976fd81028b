# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every route as every role, asked over HTTP of a real Airflow API server.

The table is the claim. A viewer reads and changes nothing; a user draws and runs, but lends no connection
to a graph; op and admin do all. Nobody is anybody without a login.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_deflow.api as api
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.ocean.outputs import ContentStore
from tests.api.people import ROLES, drawing
from tests.api.server import Server

pytestmark = pytest.mark.stack

OPEN = ("GET", "/files/{token}/{name}")
# What a role gets, in the order of `people.ROLES`: viewer, user, op, admin.
READ = (200, 200, 200, 200)
TABLE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("GET", "/graphs"): READ,
    ("POST", "/graphs"): (403, 201, 201, 201),
    ("GET", "/graphs/{slug}"): READ,
    ("PUT", "/graphs/{slug}/draft"): (403, 200, 200, 200),
    ("DELETE", "/graphs/{slug}"): (403, 204, 204, 204),
    ("POST", "/graphs/{slug}/duplicate"): (403, 201, 201, 201),
    ("GET", "/graphs/{slug}/export"): READ,
    ("POST", "/validate"): READ,
    ("POST", "/import"): (403, 200, 200, 200),
    # It names connections, which only op and admin may read.
    ("POST", "/graphs/{slug}/publish"): (403, 403, 200, 200),
    ("GET", "/graphs/{slug}/revisions"): READ,
    ("GET", "/graphs/{slug}/revisions/{number}"): READ,
    ("POST", "/graphs/{slug}/revisions/{number}/restore"): (403, 200, 200, 200),
    ("GET", "/graphs/{slug}/diff"): READ,
    ("GET", "/graphs/{slug}/runs"): READ,
    ("POST", "/graphs/{slug}/runs"): (403, 201, 201, 201),
    ("GET", "/graphs/{slug}/runs/{run_id}"): READ,
    ("POST", "/graphs/{slug}/runs/{run_id}/stop"): (403, 202, 202, 202),
    ("GET", "/graphs/{slug}/runs/{run_id}/tasks/{task_id}/log"): READ,
    ("GET", "/graphs/{slug}/runs/{run_id}/outputs/{sha256}/{name}"): READ,
    ("POST", "/uploads"): (403, 201, 201, 201),
    ("GET", "/ocean-nodes"): READ,
    # 504: they were let through to the Ocean Node, which is away.
    ("GET", "/ocean-nodes/{conn_id}/environments"): (403, 403, 504, 504),
    ("GET", "/wallets"): READ,
    # 504 here too.
    ("GET", "/assets"): (403, 403, 504, 504),
    ("GET", "/assets/{did}"): (403, 403, 504, 504),
    # It lends two connections, one of which pays.
    ("POST", "/assets"): (403, 403, 202, 202),
    ("GET", "/assets/publications/{run_id}"): READ,
    ("POST", "/graphs/{slug}/quote"): (403, 403, 200, 200),
    ("GET", "/templates"): READ,
}
NEW_ASSET = {
    "ocean_node": "ocean_node_default",
    "wallet": "ocean_wallet_on_sepolia",
    **{name: f"some {name}" for name in ("name", "description", "author", "license")},
    "kind": "dataset",
    "files": [{"url": "https://files.test/rain.csv"}],
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/assets"): NEW_ASSET,
    ("POST", "/graphs/{slug}/quote"): {},
    ("POST", "/validate"): {"document": drawing("any")},
    ("POST", "/graphs/{slug}/publish"): {"message": "by the table"},
    ("POST", "/graphs/{slug}/runs"): {"params": {}},
}


@dataclass(frozen=True, slots=True)
class Ran:
    """A graph that Airflow knows, a run of it, and a file which that left."""

    slug: str
    run_id: str
    sha256: str
    name: str
    # Of `deflow_publish`.
    publication: str


@pytest.fixture(scope="module")
def ran(api_server: Server, mongo_uri: str) -> Ran:
    admin = api_server.ask("admin")
    slug, name = "table-ran", "out.txt"
    admin.create(drawing(slug))
    admin.publish(slug, 1)
    api_server.read_dags()
    run_id = admin.fine(admin("POST", f"/graphs/{slug}/runs", {}))["run_id"]
    sha256, size = ContentStore(api_server.home.storage).put(io.BytesIO(b"what was computed"))
    run, place = Run(f"deflow_{slug}", run_id, slug, 1), Place("a")
    happened = [facts.began("node", 1, 1), facts.outputs("0x1-1", sha256, [(name, size, sha256)], "")]
    with LedgerStore.connected(mongo_uri) as ledger:
        ledger.write(Batch(run, tuple(Entry.of(run, place, fact) for fact in happened)))
    return Ran(slug, run_id, sha256, name, admin.fine(admin("POST", "/assets", NEW_ASSET))["run_id"])


def test_the_authorisation_table_has_every_route_but_the_signed_files() -> None:
    document = json.loads(Path(api.__file__).with_name("openapi.json").read_text())
    routes = {
        (method.upper(), path.removeprefix("/api/v1").replace(":path", ""))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert routes - {OPEN} == TABLE.keys()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", TABLE, ids=" ".join)
def test_authorisation_of(
    api_server: Server, ran: Ran, mongo_uri: str, route: tuple[str, str], role: str
) -> None:
    slug = a_graph_for(route, role, api_server, ran)
    before = all_that_is_stored(mongo_uri)

    answer = asked(api_server, ran, route, role, slug)

    expected = TABLE[route][ROLES.index(role)]
    assert answer.status_code == expected, answer.text
    if expected == 403:
        assert set(answer.json()) - {"problems"} == {"error", "message"}
        assert all_that_is_stored(mongo_uri) == before


@pytest.mark.parametrize("route", TABLE, ids=" ".join)
def test_authorisation_of_nobody(
    api_server: Server, ran: Ran, mongo_uri: str, route: tuple[str, str]
) -> None:
    before = all_that_is_stored(mongo_uri)
    answer = asked(api_server, ran, route, "", ran.slug)
    assert (answer.status_code, answer.json()["error"]) == (401, "not_authenticated")
    assert all_that_is_stored(mongo_uri) == before


def test_authorisation_of_a_signed_file_is_its_token(api_server: Server) -> None:
    answer = api_server.ask("")("GET", "/files/made-up/x.csv")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def a_graph_for(route: tuple[str, str], role: str, api_server: Server, ran: Ran) -> str:
    """One that the route can change: fresh, published where that is needed; else the one that ran."""
    method, path = route
    if method == "GET" or "/runs" in path:
        return ran.slug
    number = list(TABLE).index(route)
    slug = f"table-{number}-{role}"
    if "{slug}" in path:
        admin = api_server.ask("admin")
        admin.create(drawing(slug))
        if "revisions" in path:
            admin.publish(slug, 1)
    return slug


def asked(api_server: Server, ran: Ran, route: tuple[str, str], role: str, slug: str) -> Any:
    method, template = route
    run_id = ran.publication if "publications" in template else ran.run_id
    names = {
        "run_id": run_id,
        "did": f"did:op:{'0' * 64}",
        "sha256": ran.sha256,
        "name": ran.name,
        "task_id": "a",
    }
    path = template.format(slug=slug, number=1, conn_id="ocean_node_default", **names)
    bodies = {
        **BODIES,
        ("POST", "/graphs"): {"document": drawing(slug)},
        ("PUT", "/graphs/{slug}/draft"): {"document": drawing(slug, "z")},
        ("POST", "/graphs/{slug}/duplicate"): {"slug": f"{slug}-again"},
        ("POST", "/import"): {"format": "document", "document": drawing(slug), "slug": slug},
    }
    more: dict[str, Any] = {}
    if template == "/uploads":
        more = {"params": {"name": "x.csv"}, "content": b"x"}
    if template.endswith("/diff"):
        more = {"params": {"from": 1}}
    if template.startswith("/assets") and method == "GET":
        more = {"params": {"ocean_node": "ocean_node_default"}}
    return api_server.ask(role)(method, path, bodies.get(route), version=1, **more)


def all_that_is_stored(mongo_uri: str) -> list[tuple[str, int, int | None]]:
    with GraphStore.connected(mongo_uri) as store:
        return [(each.slug, each.version, each.published) for each in store.list()]
