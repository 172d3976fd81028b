# SPDX-License-Identifier: Apache-2.0
"""The DeFlow API as one application, which the plugin mounts at `/deflow` in Airflow's API server.

Every route asks Airflow who the user is and what they may do, but for one: `files`, in `signed_files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from airflow_provider_deflow import __version__
from airflow_provider_deflow.api import (
    assets,
    catalogue,
    faults,
    graphs,
    outputs,
    publications,
    quotes,
    revisions,
    runs,
    signed_files,
    templates,
    uploads,
)
from airflow_provider_deflow.api.editor_files import serve_editor
from airflow_provider_deflow.api.limits import BodyLimit

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

PREFIX = "/api/v1"
DESCRIPTION = """\
Draw, publish, run and watch graphs of compute jobs. Mounted at `/deflow` in Airflow's API server.

Log in as for Airflow's REST API: `POST /auth/token`, then `Authorization: Bearer …`; a browser's session does
too. What you may do with a graph is what you may do with its Dag, `deflow_<slug>`. Every error is
`{error, message, problems?}`.
"""
TAGS = [
    {"name": "graphs", "description": "What people draw: drafts, which may have problems."},
    {"name": "revisions", "description": "What was published, for ever as it was."},
    {"name": "runs", "description": "What Airflow and the Ocean Nodes make of it."},
    {"name": "catalogue", "description": "What a drawing can be made of."},
    {"name": "assets", "description": "Ocean assets: what an index knows, and publishing."},
    {"name": "files", "description": "Stored files for Ocean Nodes."},
]


def create_app() -> FastAPI:
    """The application that the plugin mounts at `/deflow`."""
    app = FastAPI(
        title="DeFlow",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        generate_unique_id_function=_operation_id,
    )
    version1 = APIRouter(prefix=PREFIX)
    parts = (graphs, revisions, runs, quotes, outputs, uploads, catalogue, assets, publications, templates)
    for part in parts:
        version1.include_router(part.router)
    app.include_router(version1)
    app.include_router(signed_files.router)
    app.add_middleware(BodyLimit)
    faults.handle(app)
    serve_editor(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """The function's name: what generated clients call it."""
    return route.name
