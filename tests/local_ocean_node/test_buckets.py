# SPDX-License-Identifier: Apache-2.0
"""Persistent storage: the life of a bucket, who may, and what jobs see of it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.local_ocean_node.running import (
    Consumer,
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
    shape,
)

RECORDED = recordings("buckets")
BUCKETS = "/api/services/persistentStorage/buckets"
UNKNOWN = "7d1f6f0e-0000-4000-8000-000000000000"


def create(who: Consumer, **fields: Any) -> requests.Response:
    request = {**who.signed("persistentStorageCreateBucket"), "accessLists": [], "label": "first", **fields}
    return who.post(BUCKETS, request)


def call(who: Consumer, method: str, path: str, command: str, **options: Any) -> requests.Response:
    query = {**who.signed(f"persistentStorage{command}"), **options.pop("query", {})}
    return requests.request(method, f"{who.url}{BUCKETS}{path}", params=query, **options)


def upload(who: Consumer, bucket: str, name: str, content: Any, **headers: str) -> requests.Response:
    headers = {"content-type": "application/octet-stream", **headers}
    return call(who, "POST", f"/{bucket}/files/{name}", "UploadFile", data=content, headers=headers)


def files(who: Consumer, bucket: str) -> requests.Response:
    return call(who, "GET", f"/{bucket}/files", "ListFiles")


@pytest.fixture
def bucket(alice: Consumer) -> str:
    return str(create(alice).json()["bucketId"])


def said(name: str) -> tuple[int, str]:
    response = RECORDED[name]["response"]
    return response["status"], response["body"]["text"]


def test_a_bucket_is_made_and_found_by_its_owner_in_any_case(alice: Consumer, bob: Consumer):
    made = create(alice, label="mine")
    bucket_id = made.json()["bucketId"]

    listed = call(bob, "GET", "", "GetBuckets", query={"owner": alice.address.lower()})

    assert (made.status_code, shape(made.json())) == (
        200,
        shape(RECORDED["bucket-create"]["response"]["body"]["json"]),
    )
    (found,) = (one for one in listed.json() if one["bucketId"] == bucket_id)
    assert shape([found]) == shape(RECORDED["bucket-list"]["response"]["body"]["json"])
    assert (found["owner"], found["label"], found["accessLists"]) == (alice.address, "mine", [])


def test_a_bucket_without_a_label_gets_one(alice: Consumer):
    assert create(alice, label=None).json()["label"]


def test_a_bucket_needs_its_access_lists_and_a_signature(alice: Consumer):
    lists = create(alice, accessLists="x")
    mismatch = create(alice, **alice.signed("stopCompute"))
    unsigned = alice.post(BUCKETS, {"consumerAddress": alice.address, "accessLists": []})
    label = create(alice, label="x" * 257)

    assert (lists.status_code, lists.text) == said("bucket-create-bad-lists")
    assert (mismatch.status_code, mismatch.text) == said("bucket-create-bad-signature")
    assert (unsigned.status_code, unsigned.text) == said("bucket-create-no-auth")
    assert (label.status_code, label.text) == (
        400,
        'Invalid parameter: "label" must be at most 256 characters',
    )


def test_the_list_needs_an_owner(alice: Consumer):
    reply = call(alice, "GET", "", "GetBuckets")

    assert (reply.status_code, reply.text) == said("bucket-list-no-owner")


def test_a_file_is_stored_listed_replaced_and_deleted(alice: Consumer, bucket: str):
    first = upload(alice, bucket, "n.txt", b"42\n")
    upload(alice, bucket, "a b.bin", iter([b"x" * 100_000] * 30))
    second = upload(alice, bucket, "n.txt", b"4200\n")
    listed = files(alice, bucket).json()
    deleted = call(alice, "DELETE", f"/{bucket}/files/n.txt", "DeleteFile")
    again = call(alice, "DELETE", f"/{bucket}/files/n.txt", "DeleteFile")

    assert shape(first.json()) == shape(RECORDED["file-upload-binary"]["response"]["body"]["json"])
    assert (first.json()["name"], first.json()["size"], second.json()["size"]) == ("n.txt", 3, 5)
    assert [(file["name"], file["size"]) for file in listed] == [("a b.bin", 3_000_000), ("n.txt", 5)]
    assert (deleted.status_code, deleted.json()) == (200, {"success": True})
    assert (again.status_code, again.text) == said("file-delete-again")


def test_an_upload_with_a_json_type_stores_an_empty_file(alice: Consumer, bucket: str):
    reply = upload(alice, bucket, "j.json", b'{"a": 1}', **{"content-type": "application/json"})

    assert (reply.status_code, reply.json()["size"]) == (200, 0)


def test_a_name_that_leaves_the_bucket_is_refused(alice: Consumer, bucket: str):
    reply = upload(alice, bucket, "..%2Fescape.txt", b"x")

    assert (reply.status_code, reply.text) == said("file-upload-traversal")


@pytest.mark.parametrize(
    ("method", "path", "command"),
    [
        ("GET", "/files", "ListFiles"),
        ("POST", "/files/z.txt", "UploadFile"),
        ("GET", "/files/z.txt/object", "GetFileObject"),
        ("DELETE", "/files/z.txt", "DeleteFile"),
        ("PATCH", "", "UpdateBucket"),
    ],
)
def test_a_stranger_is_kept_out(bob: Consumer, bucket: str, method: str, path: str, command: str):
    reply = call(bob, method, f"/{bucket}{path}", command)

    assert (reply.status_code, reply.text) == said("file-list-foreign")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"


def test_unknown_buckets_and_files_are_named(alice: Consumer, bucket: str):
    unknown = files(alice, UNKNOWN)
    malformed = files(alice, "no-uuid")
    missing = call(alice, "GET", f"/{bucket}/files/missing.txt/object", "GetFileObject")
    renamed = call(alice, "PATCH", f"/{UNKNOWN}", "UpdateBucket", json={"label": "x"})

    assert (unknown.status_code, unknown.text) == said("file-list-unknown-bucket")
    assert (malformed.status_code, malformed.text) == (500, "Invalid bucketId")
    assert (missing.status_code, missing.text) == said("file-object-missing")
    assert (renamed.status_code, renamed.text) == (404, f"Bucket not found: {UNKNOWN}")


def test_a_file_is_never_given_back(alice: Consumer, bucket: str):
    upload(alice, bucket, "n.txt", b"42\n")

    reply = call(alice, "GET", f"/{bucket}/files/n.txt", "GetFileObject")

    assert reply.status_code == 404
    assert f"<pre>Cannot GET {BUCKETS}/{bucket}/files/n.txt</pre>" in reply.text


def test_a_label_is_changed_kept_and_cleared(alice: Consumer, bucket: str):
    def patch(body: dict) -> Any:
        return call(alice, "PATCH", f"/{bucket}", "UpdateBucket", json=body).json()

    assert patch({"label": " new "}) == {"bucketId": bucket, "label": "new"}
    assert patch({}) == {"bucketId": bucket, "label": "new"}
    assert patch({"label": ""}) == {"bucketId": bucket, "label": None}


def test_a_job_reads_a_bucket_file_and_cannot_change_it(alice: Consumer, bucket: str):
    upload(alice, bucket, "n.txt", b"42\n")
    file_object = call(alice, "GET", f"/{bucket}/files/n.txt/object", "GetFileObject").json()
    code = f"""
import os
path = '/data/persistentStorage/{bucket}/n.txt'
try: open(path, 'w')
except OSError as error: print(error.strerror)
os.symlink(path, '/data/inputs/n.txt')
print(sorted(os.listdir('/data/inputs')), repr(open('/data/inputs/n.txt').read()))
"""

    job_id, _ = alice.run(code, datasets=[{"fileObject": file_object}])

    assert file_object == {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "n.txt"}
    assert alice.stdout(job_id) == "Read-only file system\n['algoCustomData.json', 'n.txt'] '42\\n'\n"
    assert files(alice, bucket).json()[0]["size"] == 3


def test_a_bucket_file_that_is_gone_ends_the_job(alice: Consumer, bucket: str):
    missing = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "gone.txt"}

    _, job = alice.run("print(1)", datasets=[{"fileObject": missing}])

    assert (job["status"], job["statusText"]) == (31, "Data provisioning failed")


def test_an_algorithm_can_come_from_a_bucket(alice: Consumer, bucket: str):
    upload(alice, bucket, "algo.py", b"print('from the bucket')")
    file_object = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "algo.py"}

    job_id, _ = alice.run("", algorithm={"fileObject": file_object, "meta": {"container": python_image()}})

    assert alice.stdout(job_id) == "from the bucket\n"


def test_a_foreign_bucket_is_refused_at_the_start(bob: Consumer, bucket: str):
    file_object = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "n.txt"}

    as_dataset = bob.ask_for(datasets=[{"fileObject": file_object}])
    as_output = bob.ask_for(outputBucketId=bucket)

    assert (as_dataset.status_code, as_dataset.json()) == (403, "You are not allowed to access this bucket")
    assert (as_output.status_code, as_output.json()) == (403, "You are not allowed to access this bucket")


def test_outputs_can_go_into_a_bucket(alice: Consumer, bucket: str):
    upload(alice, bucket, "before.txt", b"there")
    code = "print(open('/data/outputs/before.txt').read()); open('/data/outputs/after.txt', 'w').write('new')"

    job_id, job = alice.run(code, outputBucketId=bucket)

    assert (job["status"], alice.stdout(job_id)) == (71, "there\n")
    assert [result["type"] for result in job["results"]] == ["imageLog", "configurationLog", "algorithmLog"]
    assert [file["name"] for file in files(alice, bucket).json()] == ["after.txt", "before.txt"]


def test_buckets_survive_a_restart(tmp_path):
    settings = fast(tmp_path)
    with running_ocean_node(settings) as url:
        who = consumer(url)
        bucket = create(who).json()["bucketId"]
        upload(who, bucket, "n.txt", b"42\n")

    with running_ocean_node(settings) as url:
        (file,) = files(consumer(url), bucket).json()

    assert (file["name"], file["size"]) == ("n.txt", 3)


def test_a_node_without_buckets_says_so(tmp_path):
    recorded = recordings("node")["no-db-bucket-start"]["response"]
    with running_ocean_node(fast(tmp_path, persistent_storage=False)) as url:
        who = consumer(url)
        made = create(who)
        started = who.ask_for(outputBucketId=UNKNOWN)

    assert (made.status_code, made.text) == (500, "Persistent storage is not configured or disabled")
    assert (started.status_code, started.json()) == (recorded["status"], recorded["body"]["json"])
