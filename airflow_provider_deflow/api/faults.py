# SPDX-License-Identifier: Apache-2.0
"""Every error as one reply `{error, message, problems?}`: which status each of ours has, in one place.

What was sent is never repeated, for it may hold a secret; what fails unforeseen says nothing but that it did.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import values
from airflow_provider_deflow.graphs import problem

log = logging.getLogger(__name__)

# The first that fits; (status, word).
_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.GraphNotFound, 404, "not_found"),
    (errors.RunNotFound, 404, "not_found"),
    (errors.MissingOutput, 404, "not_found"),
    (errors.InvalidGraph, 422, "invalid_graph"),
    (errors.GraphChanged, 409, "conflict"),
    (errors.StoreUnreachable, 503, "store_unreachable"),
    (errors.SettingsError, 503, "settings"),
    (AirflowNotFoundException, 503, "settings"),
    (errors.OceanNodeUnreachable, 504, "ocean_node_unreachable"),
    (errors.OceanNodeBusy, 503, "ocean_node_busy"),
    (errors.OceanNodeError, 502, "ocean_node"),
    (errors.OutputError, 502, "storage"),
    (errors.DeflowError, 500, "deflow"),
)
_WORDS = {
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "bad_request",
    416: "bad_range",
    422: "invalid",
    428: "if_match_required",
    503: "unavailable",
}
_WHY = {
    401: "You are not logged in, or no longer: log in to Airflow, or send a token of /auth/token as Bearer.",
    404: "There is no such address here: the routes are in /deflow/openapi.json.",
    405: "This address does not take that method: the routes are in /deflow/openapi.json.",
}
_NO_JSON = "The body is no JSON text in UTF-8."


class Refusal(Exception):
    """A refusal that a route decides on itself."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        problems: Iterable[problem.Problem] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.problems = None if problems is None else tuple(problems)
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the errors that a route may answer with."""
    said = {
        401: "Not logged in",
        403: "You may not",
        404: "No such graph, revision, run or file",
        409: "It is otherwise by now",
        413: "Larger than is taken",
        416: "No such part of the file",
        422: "Problems in what was sent, each with its place",
        428: "If-Match is required",
        502: "The Ocean Node, or Airflow, refused",
        503: "MongoDB, Airflow or the Ocean Node is away: what to do is in `message`",
        504: "The Ocean Node does not answer",
    }
    return {
        status: {"model": values.Fault, "description": said[status]}
        for status in (401, 403, 422, 503, *statuses)
    }


def handle(app: FastAPI) -> None:
    """Let `app` answer all errors so."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(errors.DeflowError, _ours)
    app.add_exception_handler(AirflowNotFoundException, _ours)
    app.add_exception_handler(RequestValidationError, _misfit)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return _reply(error.status, error.error, str(error), error.problems, error.headers, error.more)


def _ours(_: Request, error: Exception) -> JSONResponse:
    status, word = next((status, word) for kind, status, word in _STATUS if isinstance(error, kind))
    message = str(error)
    if isinstance(error, AirflowNotFoundException):
        message = f"{error}. DeFlow needs this Airflow connection: make it under Admin, Connections."
    found = None
    if isinstance(error, errors.InvalidGraph):
        found = [each for each in error.problems if isinstance(each, problem.Problem)]
    headers = {}
    if isinstance(error, errors.OceanNodeBusy) and error.retry_after_seconds is not None:
        headers["retry-after"] = str(int(error.retry_after_seconds) + 1)
    return _reply(status, word, message, found, headers)


def _misfit(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # "body", "query", "path" say where it was sent, not what it is about.
    found = [
        problem.Problem(
            str(each["type"]),
            problem.path(each["loc"][1:] if len(each["loc"]) > 1 else each["loc"]),
            str(each["msg"]),
        )
        for each in error.errors()
    ]
    return _reply(422, "invalid", "; ".join(f"{each.where}: {each.message}" for each in found), found)


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # what FastAPI says of a body that it cannot even read
        return _reply(422, "invalid", _NO_JSON, [problem.Problem("not_json", problem.DOCUMENT, _NO_JSON)])
    word = _WORDS.get(error.status_code, "refused")
    detail = _WHY.get(error.status_code) or str(error.detail)
    return _reply(error.status_code, word, detail, headers=error.headers)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = "DeFlow failed, which is a bug: please report it with the lines of the API server's log."
    return _reply(500, "deflow", message)


def _reply(
    status: int,
    error: str,
    message: str,
    problems: Iterable[problem.Problem] | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    content: dict[str, Any] = {"error": error, "message": message, **(more or {})}
    if problems is not None:
        content["problems"] = [values.Problem.of(each).model_dump() for each in problems]
    return JSONResponse(content, status, headers=dict(headers or {}))
