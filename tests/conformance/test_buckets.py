# SPDX-License-Identifier: Apache-2.0
"""Persistent storage: buckets, their files, and jobs that use them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from tests.conformance import programs
from tests.conformance.session import API, Account
from tests.conformance.test_auth import MISMATCH, NO_AUTH

pytestmark = pytest.mark.usefixtures("buckets")

UNKNOWN = "7d1f6f0e-0000-4000-8000-000000000000"
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
FOREIGN = (403, "You are not allowed to access this bucket")


def create(who: Account, **fields: Any) -> requests.Response:
    request = {**who.signed("persistentStorageCreateBucket"), "accessLists": [], "label": "first", **fields}
    request = {name: value for name, value in request.items() if value is not None}
    return who.node.post(f"{API}/persistentStorage/buckets", request)


def upload(who: Account, bucket: str, name: str, content: bytes, **headers: str) -> requests.Response:
    headers = {"content-type": "application/octet-stream", **headers}
    return who.files_call("POST", f"/{bucket}/files/{name}", "UploadFile", data=content, headers=headers)


def listing(who: Account, bucket: str) -> requests.Response:
    return who.files_call("GET", f"/{bucket}/files", "ListFiles")


def delete(who: Account, bucket: str, name: str) -> requests.Response:
    return who.files_call("DELETE", f"/{bucket}/files/{name}", "DeleteFile")


def file_object(who: Account, bucket: str, name: str) -> requests.Response:
    return who.files_call("GET", f"/{bucket}/files/{name}/object", "GetFileObject")


def said(reply: requests.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply.status_code, reply.text


@pytest.fixture(scope="module")
def bucket(alice: Account) -> str:
    """One bucket for the module, with a file."""
    made = str(create(alice).json()["bucketId"])
    assert upload(alice, made, "n.txt", b"42\n").status_code == 200
    return made


def test_a_bucket_is_made_for_its_owner(alice: Account):
    reply = create(alice, label="mine")
    made = reply.json()

    assert list(made) == ["bucketId", "owner", "accessList", "label"]
    assert UUID4.fullmatch(made["bucketId"])
    assert (made["owner"], made["accessList"], made["label"]) == (alice.address, [], "mine")


def test_a_bucket_needs_access_lists_and_a_signature(alice: Account, stranger: Account):
    lists = (400, 'Invalid parameter: "accessLists" must be an array of objects')

    assert said(create(alice, accessLists="x")) == lists
    assert said(create(alice, **alice.signed("stopCompute"))) == MISMATCH
    assert said(create(stranger, signature=None)) == NO_AUTH


def test_anybody_sees_the_buckets_of_an_owner_in_any_case(alice: Account, stranger: Account, bucket: str):
    listed = stranger.files_call("GET", "", "GetBuckets", params={"owner": alice.address.lower()}).json()
    found = next(one for one in listed if one["bucketId"] == bucket)

    assert list(found) == ["bucketId", "owner", "createdAt", "accessLists", "label"]
    assert (found["owner"], found["accessLists"], found["label"]) == (alice.address, [], "first")
    assert said(stranger.files_call("GET", "", "GetBuckets")) == (
        400,
        'Missing one ( "owner" ) or more required field(s) for command: "persistentStorageGetBuckets". '
        "Required fields: owner",
    )


def test_a_file_goes_in_and_is_listed_and_replaced(alice: Account, bucket: str):
    content = bytes(range(256)) * 80

    first = upload(alice, bucket, "blob.bin", b"x").json()
    again = upload(alice, bucket, "blob.bin", content).json()
    files = {entry["name"]: entry for entry in listing(alice, bucket).json()}

    assert list(first) == ["bucketId", "name", "size", "lastModified"]
    assert (again["size"], files["blob.bin"]["size"]) == (20480, 20480)
    assert files["blob.bin"] == again
    assert again["lastModified"] > 1_600_000_000_000


def test_names_with_blanks_and_umlauts_and_empty_files(alice: Account, bucket: str):
    assert upload(alice, bucket, "größe x.txt", b"ab").json()["name"] == "größe x.txt"
    assert upload(alice, bucket, "empty", b"").json()["size"] == 0


def test_a_name_may_not_lead_elsewhere(alice: Account, bucket: str):
    assert said(upload(alice, bucket, "..%2Fescape.txt", b"x")) == (500, "Invalid fileName")


def test_a_file_has_an_object_for_jobs_and_never_comes_out(alice: Account, bucket: str):
    found = file_object(alice, bucket, "n.txt").json()
    route = alice.files_call("GET", f"/{bucket}/files/n.txt", "GetFileObject")

    assert found == {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "n.txt"}
    assert said(file_object(alice, bucket, "missing.txt")) == (404, "File not found: missing.txt")
    assert route.status_code == 404
    assert "Cannot GET" in route.text


def test_a_file_can_be_deleted_once(alice: Account, bucket: str):
    upload(alice, bucket, "short.txt", b"x")

    assert delete(alice, bucket, "short.txt").json() == {"success": True}
    assert said(delete(alice, bucket, "short.txt")) == (500, "File not found: short.txt")


def test_others_do_not_get_in(alice: Account, stranger: Account, bucket: str):
    patch = stranger.files_call("PATCH", f"/{bucket}", "UpdateBucket", json={"label": "mine"})

    assert said(upload(stranger, bucket, "z.txt", b"z")) == FOREIGN
    assert said(listing(stranger, bucket)) == FOREIGN
    assert said(delete(stranger, bucket, "n.txt")) == FOREIGN
    assert said(patch) == FOREIGN
    foreign = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "n.txt"}
    start = stranger.ask_for(datasets=[{"fileObject": foreign}])
    assert (start.status_code, start.json()) == FOREIGN


def test_an_unknown_bucket_is_refused(alice: Account):
    assert said(listing(alice, UNKNOWN)) == (500, f"Bucket not found: {UNKNOWN}")
    assert said(listing(alice, "x")) == (500, "Invalid bucketId")


def test_a_bucket_gets_another_label(alice: Account, bucket: str):
    renamed = alice.files_call("PATCH", f"/{bucket}", "UpdateBucket", json={"label": "second"})
    back = alice.files_call("PATCH", f"/{bucket}", "UpdateBucket", json={"label": "first"})

    assert renamed.json() == {"bucketId": bucket, "label": "second"}
    assert back.json() == {"bucketId": bucket, "label": "first"}


def test_file_info_of_a_bucket_file(alice: Account, bucket: str):
    file = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "n.txt"}
    reply = alice.node.post(f"{API}/fileInfo", {**file, "consumerAddress": alice.address})
    (info,) = reply.json()

    assert (info["valid"], info["contentLength"], info["name"]) == (True, "3", "n.txt")
    assert "checksum" not in info


def test_a_job_reads_from_one_bucket_and_writes_into_another(alice: Account, bucket: str):
    target = create(alice, label="target").json()["bucketId"]
    upload(alice, target, "before.txt", b"before")
    algorithm = {
        "meta": {"rawcode": programs.LINKS_BUCKET_FILES, "container": alice.node.container()},
        "envs": {"SETTINGS": '{"a": [1, 2]}'},
    }
    file = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "n.txt"}

    run = alice.run("", algorithm=algorithm, datasets=[{"fileObject": file}], outputBucketId=target)

    assert run.exit_code == 0, run.log()
    # There is nothing to download: the outputs are in the bucket.
    assert "output" not in [result["type"] for result in run.final["results"]]
    assert run.stdout().splitlines() == [
        "algoCustomData.json={}",
        "n.txt=42",
        "bucket file is read-only",
        "['algoCustomData.json'] ['before.txt']",
        '{"a": [1, 2]}',
    ]
    names = [entry["name"] for entry in listing(alice, target).json()]
    assert names == ["before.txt", "made.txt"]
