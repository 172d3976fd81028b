# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a command goes wrong by whichever route it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_deflow.local_ocean_node.routes.direct import _COMMANDS
from tests.local_ocean_node.running import fast, running_ocean_node

SERVICES, ASSETS = "/api/services", "/api/aquarius"
BUCKETS = f"{SERVICES}/persistentStorage/buckets"
DID = "did:op:" + "0" * 64
SOMEBODY = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
# No route but /directCommand leads to these.
ONLY_DIRECT = {"status", "detailedStatus", "findDDO", "jobs"}
SIGNED = {"signature": "0x", "address": SOMEBODY, "token": "t"}

# Command, and a request that its route passes on; what is no JSON is sent as bytes.
ROUTES: list[tuple[str, str, str, Any]] = [
    ("fileInfo", "POST", f"{SERVICES}/fileInfo", {"type": "url"}),
    ("encrypt", "POST", f"{SERVICES}/encrypt", b"text"),
    ("encryptFile", "POST", f"{SERVICES}/encryptFile", b"text"),
    ("decryptDDO", "POST", f"{SERVICES}/decrypt", {}),
    ("validateDDO", "POST", f"{ASSETS}/assets/ddo/validate", {}),
    ("getFees", "GET", f"{SERVICES}/initialize", None),
    ("download", "GET", f"{SERVICES}/download", None),
    ("getDDO", "GET", f"{ASSETS}/assets/ddo/{DID}", None),
    ("getDDO", "GET", f"{ASSETS}/assets/metadata/{DID}", None),
    ("getDDOState", "GET", f"{ASSETS}/state/ddo?did={DID}", None),
    (
        "query",
        "POST",
        f"{ASSETS}/assets/metadata/query",
        {"query": {"bool": {"filter": [{"term": {"id": DID}}]}}},
    ),
    ("getEscrowEvents", "GET", f"{SERVICES}/escrow/events", None),
    ("getAccessList", "GET", f"{SERVICES}/accesslists/1/0x00", None),
    ("searchAccessList", "GET", f"{SERVICES}/accesslists?wallet={SOMEBODY}", None),
    ("nonce", "GET", f"{SERVICES}/nonce", None),
    ("createAuthToken", "POST", f"{SERVICES}/auth/token", SIGNED),
    ("invalidateAuthToken", "POST", f"{SERVICES}/auth/token/invalidate", SIGNED),
    ("getComputeEnvironments", "GET", f"{SERVICES}/computeEnvironments", None),
    ("getComputeStatus", "GET", f"{SERVICES}/compute", None),
    ("getComputeResult", "GET", f"{SERVICES}/computeResult", None),
    ("getComputeStreamableLogs", "GET", f"{SERVICES}/computeStreamableLogs", None),
    ("stopCompute", "PUT", f"{SERVICES}/compute", None),
    ("freeStartCompute", "POST", f"{SERVICES}/freeCompute", {}),
    ("startCompute", "POST", f"{SERVICES}/compute", {}),
    ("initializeCompute", "POST", f"{SERVICES}/initializeCompute", {"algorithm": {"meta": {}}}),
    ("persistentStorageCreateBucket", "POST", BUCKETS, {}),
    ("persistentStorageUpdateBucket", "PATCH", f"{BUCKETS}/b", {}),
    ("persistentStorageGetBuckets", "GET", BUCKETS, None),
    ("persistentStorageListFiles", "GET", f"{BUCKETS}/b/files", None),
    ("persistentStorageUploadFile", "POST", f"{BUCKETS}/b/files/f", b"text"),
    ("persistentStorageGetFileObject", "GET", f"{BUCKETS}/b/files/f/object", None),
    ("persistentStorageDeleteFile", "DELETE", f"{BUCKETS}/b/files/f", None),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ocean_node(fast(tmp_path_factory.mktemp("faulty"), test_routes=True)) as url:
        yield url


@pytest.mark.parametrize(("command", "method", "path", "body"), ROUTES)
def test_a_command_is_dropped_by_its_route(url: str, command: str, method: str, path: str, body: Any):
    rules = [{"what": "drop", "command": command}]
    assert requests.put(f"{url}/_deflow/faults", json=rules).status_code == 200
    octets = {"content-type": "application/octet-stream"} if isinstance(body, bytes) else None
    content = {"data": body} if octets else {"json": body}

    with pytest.raises(requests.ConnectionError):
        requests.request(method, f"{url}{path}", headers=octets, **content)


def test_every_command_is_among_them():
    # The state of an asset's indexing is asked for over HTTP only.
    assert {command for command, *_ in ROUTES} == set(_COMMANDS) - ONLY_DIRECT | {"getDDOState"}
