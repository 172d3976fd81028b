# SPDX-License-Identifier: Apache-2.0
"""The editor's bundle, as files. They hold no secret and no data, so they need no user.

The plugin names the bundle with its hash in the query, so a browser may keep what it has for good, and asks
anew after an upgrade. A source tree whose editor was not built serves a page's worth of explanation instead.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

DIST = Path(__file__).parent.parent / "www" / "dist"
BUNDLE = "deflow.js"
KEPT = "public, max-age=31536000, immutable"
ASKED_ANEW = "no-cache"

# Shown in the page's place: a plugin's component is a function that gives back React's elements.
NOT_BUILT = b"""globalThis.AirflowPlugin = function DeFlow() {
  return "The DeFlow editor is not built here. Run `make editor`, then restart Airflow.";
};
"""


@cache
def bundle_version() -> str:
    """A short hash of the bundle: another one means another address. Empty where none was built."""
    bundle = DIST / BUNDLE
    return hashlib.sha256(bundle.read_bytes()).hexdigest()[:12] if bundle.is_file() else ""


class EditorFiles(StaticFiles):
    """`www/dist`, with how long a browser may keep what it got."""

    async def get_response(self, path: str, scope: dict[str, object]) -> Response:  # type: ignore[override]
        """The file; a request that names the version gets it to keep."""
        if path == BUNDLE and not bundle_version():
            return Response(NOT_BUILT, media_type="text/javascript", headers={"cache-control": "no-store"})
        reply = await super().get_response(path, scope)
        asked_for = Request(scope).query_params.get("v")
        is_this_one = bool(asked_for) and asked_for == bundle_version()
        reply.headers["cache-control"] = KEPT if is_this_one else ASKED_ANEW
        reply.headers["x-content-type-options"] = "nosniff"
        return reply


def serve_editor(app: FastAPI) -> None:
    """Mount the files at `/static`."""
    app.mount("/static", EditorFiles(directory=DIST, check_dir=False), name="editor")
