# SPDX-License-Identifier: Apache-2.0
"""What was so when a recording was made, and is made so again before its request is sent.

Mostly nothing: the requests before it in its file did it. The rest is here, by the recordings' names.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_deflow.signing import keccak
from tests.local_ocean_node.publishing import until
from tests.local_ocean_node.running import Consumer, next_nonce
from tests.wire_replay.recordings import ALL, Recording
from tests.wire_replay.signing import signer

if TYPE_CHECKING:
    from tests.wire_replay.replay import Replay

BY_NAME = {recording.name: recording for recording in ALL}
STARTS = {recording.job_id: recording for recording in ALL if recording.is_start and recording.status == 200}

# Jobs whose own start was not recorded, and the start of one like them.
LIKE = {
    "0b008aa6": "oom-late-start",
    "01fabf9a": "data-404-start",
    "6085d9eb": "bucket-job-start",
}
# Stages that the recorded engine was made to fail at, by removing an image or a container under it.
BROKEN = {
    "create-failed-start": "create",
    "upload-to-container-failed-start": "upload",
    "outputs-lost-start": "publish",
    "pull-failed-start": "pull",
}
# Before these an account put tokens into the escrow and let the node hold so many locks.
LOCKS = {
    "paid-too-many-locks": (3, 0),
    "paid-zero-price": (3, 10),
    "paid-raw-start": (5, 20),
    "paid-reuse-start": (5, 20),
}
FILLERS = ("filler-1-start", "filler-2-start")
# Before these the main environment is full.
FULL = {"busy", "busy-globally", "queued"}
EMPTY_AFTER = {"queued-at-1"}
# Listings and what must be listed.
LISTED = {
    "list-owner": "queued",
    "jobs-all": "queued",
    "jobs-from": "algo-file-start",
    "status-bare-id": "success-start",
    "expired-list": "queued",
    "expired-jobs": "one-job-start",
}
# Their job has expired.
EXPIRED = {
    "expired-result": "getComputeResult",
    "expired-logs": "getComputeStreamableLogs",
    "expired-stop": "stopCompute",
}
# When a result or log was asked for; else it was when the job was over.
EARLY = {"result-while-pulling"}
WHILE_RUNNING = {"result-while-running", "logs-follow", "stop-foreign"}

BUCKETS_OF = {
    "3f203204-688c-47e1-9ae1-93f97dcf5c2d": 2,
    "e7afaa90-b524-432b-a502-1c58015d95e8": 2,
    "7045bc86-147e-4c50-b219-8c2deca69d15": 2,
}
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def story(job_id: str, before: Recording | None) -> list[Recording]:
    """The start of a job, and the stops that were asked for before a recording, in their order."""
    like = next((BY_NAME[name] for prefix, name in LIKE.items() if job_id.startswith(prefix)), None)
    start = STARTS.get(job_id) or like
    if start is None:
        return []
    own = [
        recording
        for recording in ALL
        if before is not None
        and _came_before(recording, before)
        and recording.request["method"] == "PUT"
        and recording.name not in EXPIRED
        and recording.job_id == job_id
        and recording.exchange.get("account") == start.exchange["account"]
    ]
    return [start, *own]


def _came_before(stop: Recording, looked: Recording) -> bool:
    """A stop of the same file; before the looks after the payment cron came those of all files."""
    if looked.file == "jobs-settled":
        return True
    is_earlier = stop.file == looked.file and ALL.index(stop) < ALL.index(looked)
    return is_earlier and stop.status_of_job != 70


def prepare(replay: Replay, recording: Recording) -> None:
    """What the request itself needs."""
    text = json.dumps([recording.request["path"], recording.request["query"], recording.request["body"]])
    if recording.file != "buckets":
        for bucket_id, owner in BUCKETS_OF.items():
            if bucket_id in text and bucket_id not in replay.names:
                replay.names[bucket_id] = _bucket(_consumer(replay, owner))
    for token in TOKEN.findall(text + str(recording.request["headers"])):
        if token not in replay.names:
            replay.names[token] = _token(_consumer(replay, 1), is_expired="expired" in recording.name)
    if ("did:op:" in text and recording.file not in ("free-start", "node")) or "dataNftAddress" in text:
        replay.names.update(replay.node.assets)
    if recording.name in LOCKS:
        account, locks = LOCKS[recording.name]
        replay.node.fund(account, locks=locks)
    if recording.name in BROKEN:
        _set_faults(replay, {"what": "fail", "stage": BROKEN[recording.name]})


def surround(replay: Replay, recording: Recording) -> None:
    """What else was going on."""
    if recording.name == "escrow-events-all":
        replay.node.settle_by_hand()
        everything = f"{replay.url}/api/services/escrow/events?eventType=Withdraw"
        until(lambda: requests.get(everything).json())
    if recording.name in FULL:
        for filler in FILLERS:
            if BY_NAME[filler].job_id not in replay.names:
                replay.begin(BY_NAME[filler].job_id)
    if recording.name in LISTED:
        replay.begin(BY_NAME[LISTED[recording.name]].job_id)
    if recording.name in EXPIRED:
        replay.wait_until_over(recording.job_id)
        _set_faults(replay, {"what": "forget", "command": EXPIRED[recording.name]})


def finish(replay: Replay, recording: Recording) -> None:
    """After it."""
    if recording.name in EMPTY_AFTER:
        for filler in FILLERS:
            end(replay, BY_NAME[filler].job_id, BY_NAME[filler])


def reach(replay: Replay, recording: Recording) -> None:
    """Wait until the job is where it was when this was asked for; a look at its status waits by itself."""
    path, job_id = recording.request["path"], recording.job_id
    if recording.status_of_job == 70:
        replay.wait_until_settled(job_id)
        return
    if recording.name in EARLY or recording.is_look:
        return
    if recording.request["method"] == "PUT" and recording.exchange.get("state") == 10:
        # A pull is short: of a job that was started just now.
        replay.begin(job_id)
    elif recording.name in WHILE_RUNNING or (
        recording.request["method"] == "PUT" and recording.exchange.get("state") == 40
    ):
        replay.make_running(job_id)
    elif path.endswith(("/computeResult", "/computeStreamableLogs", "/directCommand")) or (
        recording.request["method"] == "PUT" and recording.exchange.get("state") in (70, 71, None)
    ):
        replay.wait_until_over(job_id)


def _consumer(replay: Replay, account: int) -> Consumer:
    return Consumer(replay.url, signer(account))


def _bucket(owner: Consumer) -> str:
    """A new one, with the file that the recordings read."""
    made = owner.post(
        "/api/services/persistentStorage/buckets",
        {**owner.signed("persistentStorageCreateBucket"), "accessLists": []},
    )
    bucket_id = str(made.json()["bucketId"])
    requests.post(
        f"{owner.url}/api/services/persistentStorage/buckets/{bucket_id}/files/n.txt",
        params=owner.signed("persistentStorageUploadFile"),
        data=b"42\n",
        headers={"content-type": "application/octet-stream"},
    ).raise_for_status()
    return bucket_id


def _token(owner: Consumer, *, is_expired: bool) -> str:
    nonce = next_nonce()
    request = {
        "address": owner.address,
        "nonce": str(nonce),
        "signature": owner.signer.sign_message(keccak(f"{owner.address}{nonce}createAuthToken".encode())),
        **({"validUntil": 1000} if is_expired else {}),
    }
    return str(owner.post("/api/services/auth/token", request).json()["token"])


def _set_faults(replay: Replay, *rules: dict[str, Any]) -> None:
    requests.put(f"{replay.url}/_deflow/faults", json=rules).raise_for_status()


def end(replay: Replay, job_id: str, start: Recording) -> None:
    """Stop a job that this replay began, so that nothing holds its cores."""
    if job_id not in replay.names:
        return
    owner = _consumer(replay, start.exchange["account"])
    cluster = replay.names[start.asked["environment"]].split("-")[0]
    owner.stop(f"{cluster}-{replay.names[job_id]}").raise_for_status()
