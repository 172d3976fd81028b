# SPDX-License-Identifier: Apache-2.0
"""The client's route for each recorded request, so that its reply is read as the client would read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airflow_provider_deflow.ocean import (
    asset_routes,
    bucket_routes,
    escrow_routes,
    file_routes,
    routes,
    start_routes,
    token_routes,
    versions,
)
from airflow_provider_deflow.ocean.compute import JobRequest
from airflow_provider_deflow.ocean.payments import Payment
from airflow_provider_deflow.ocean.routes import Route
from tests.wire_replay.recordings import Recording

Build = Callable[[dict[str, Any], Any], Route[Any]]

ACCOUNT_1 = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SERVICES, AQUARIUS = "/api/services", "/api/aquarius"
BUCKETS = f"{SERVICES}/persistentStorage/buckets"


def _status(asked: dict[str, Any], _: Any) -> Route[Any]:
    if "jobId" in asked:
        return routes.status(_whole(asked["jobId"]))
    return routes.jobs_of(ACCOUNT_1)


def _whole(job_id: str) -> str:
    """The client never sends a bare id; what came back for one is read as for the whole id."""
    return job_id if "-" in job_id else f"0xff-{job_id}"


_REQUEST = JobRequest("an environment", {})
_PAYMENT = Payment(8996, "0x5FbDB2315678afecb367f032d93F642f64180aa3")


def _file_info(asked: dict[str, Any], _: Any) -> Route[Any]:
    if "did" in asked:
        return file_routes.files_of_service(asked["did"], str(asked.get("serviceId")))
    return file_routes.file_info(asked)


def _result(asked: dict[str, Any], _: Any) -> Route[Any]:
    return routes.result(_whole(asked.get("jobId", "")), int(asked.get("index", 0)))


_BY_REQUEST: list[tuple[str, str, Build]] = [
    ("GET", f"{SERVICES}/nonce", lambda asked, _: token_routes.nonce(ACCOUNT_1)),
    ("POST", f"{SERVICES}/auth/token", lambda asked, _: token_routes.create_token(0)),
    ("POST", f"{SERVICES}/auth/token/invalidate", lambda asked, _: token_routes.invalidate_token("")),
    ("GET", f"{SERVICES}/computeEnvironments", lambda asked, _: routes.environments()),
    ("POST", f"{SERVICES}/freeCompute", lambda asked, _: start_routes.start_free(_REQUEST, ACCOUNT_1)),
    ("POST", f"{SERVICES}/compute", lambda asked, _: start_routes.start_paid(_REQUEST, ACCOUNT_1, _PAYMENT)),
    (
        "POST",
        f"{SERVICES}/initializeCompute",
        lambda asked, _: start_routes.quote(_REQUEST, ACCOUNT_1, _PAYMENT),
    ),
    ("POST", f"{SERVICES}/encrypt", lambda asked, _: file_routes.encrypt(b"")),
    ("POST", f"{SERVICES}/decrypt", lambda asked, _: asset_routes.decrypt(8996, "", "")),
    ("GET", f"{SERVICES}/download", lambda asked, _: asset_routes.download("", "", 0, "")),
    ("GET", f"{SERVICES}/initialize", lambda asked, _: asset_routes.access_quote("", "", ACCOUNT_1)),
    ("GET", f"{SERVICES}/escrow/events", lambda asked, _: escrow_routes.escrow_events()),
    ("GET", f"{SERVICES}/accesslists", lambda asked, _: escrow_routes.access_lists_of(ACCOUNT_1)),
    ("GET", f"{SERVICES}/accesslists/.*", lambda asked, _: escrow_routes.access_list(8996, ACCOUNT_1)),
    ("POST", f"{AQUARIUS}/assets/ddo/validate", lambda asked, _: asset_routes.validate({})),
    ("POST", f"{AQUARIUS}/assets/metadata/query", lambda asked, _: asset_routes.search({})),
    ("GET", f"{AQUARIUS}/assets/(ddo|metadata)/[^/]+(/true)?", lambda asked, _: asset_routes.ddo("")),
    ("GET", f"{AQUARIUS}/state/ddo", lambda asked, _: asset_routes.ddo_state(did="")),
    ("GET", "/", lambda asked, _: versions.public_key()),
    ("GET", f"{SERVICES}/compute", _status),
    ("PUT", f"{SERVICES}/compute", lambda asked, _: routes.stop(_whole(asked["jobId"]))),
    ("GET", f"{SERVICES}/computeResult", _result),
    ("GET", f"{SERVICES}/computeStreamableLogs", lambda asked, _: routes.live_logs(asked["jobId"])),
    ("POST", f"{SERVICES}/fileInfo", _file_info),
    ("GET", BUCKETS, lambda asked, _: bucket_routes.buckets(ACCOUNT_1)),
    ("POST", BUCKETS, lambda asked, _: bucket_routes.create_bucket("", [])),
    ("PATCH", f"{BUCKETS}/([^/]+)", lambda asked, found: bucket_routes.label_bucket(found[1], "")),
    ("GET", f"{BUCKETS}/([^/]+)/files", lambda asked, found: bucket_routes.bucket_files(found[1])),
    (
        "POST",
        f"{BUCKETS}/([^/]+)/files/([^/]+)",
        lambda asked, found: bucket_routes.upload(found[1], found[2]),
    ),
    (
        "DELETE",
        f"{BUCKETS}/([^/]+)/files/([^/]+)",
        lambda asked, found: bucket_routes.delete_bucket_file(found[1], found[2]),
    ),
    (
        "GET",
        f"{BUCKETS}/([^/]+)/files/([^/]+)/object",
        lambda asked, found: bucket_routes.file_object(found[1], found[2]),
    ),
]

_BY_COMMAND: dict[str, Build] = {
    "status": lambda asked, _: versions.probe(),
    "jobs": lambda asked, _: routes.jobs([], None),
    "getComputeStatus": _status,
    "getComputeResult": _result,
}

# What DeFlow never asks a node for; a refusal of one of these is still told by the words in it.
NEVER_ASKED = [
    ("GET", f"{SERVICES}/nothing"),
    ("GET", f"{SERVICES}/indexQueue"),
    ("OPTIONS", f"{SERVICES}/compute"),
    ("DELETE", f"{SERVICES}/compute"),
    ("HEAD", f"{SERVICES}/computeResult"),
    ("GET", f"{BUCKETS}/[^/]+/files/[^/]+"),
    ("POST", f"{SERVICES}/encryptFile"),
    ("POST", "/directCommand#(noSuchCommand|detailedStatus)"),
]


def route_of(recording: Recording) -> Route[Any] | None:
    """None for what the client never asks; a request that no rule knows fails by its name."""
    method, path = recording.request["method"], recording.request["path"]
    command = str(recording.asked.get("command"))
    if path == "/directCommand" and command in _BY_COMMAND:
        return _BY_COMMAND[command](recording.asked, None)
    for of_method, pattern, build in _BY_REQUEST:
        found = re.fullmatch(pattern, path)
        if method == of_method and found:
            return build(recording.asked, found)
    whole = f"{path}#{command}" if path == "/directCommand" else path
    if any(method == of_method and re.fullmatch(pattern, whole) for of_method, pattern in NEVER_ASKED):
        return None
    raise LookupError(f"{recording}: no rule for {method} {whole}")
