# SPDX-License-Identifier: Apache-2.0
"""The recorded requests of one file, sent to a local Ocean Node in their order.

Ids that the recorded node gave are replaced by those that the local one gave for the same, signatures are
made anew, and before a request its job is brought to where it was. A job whose start is in another file is
started when it is first named.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import requests

from tests.wire_replay import changes, situations
from tests.wire_replay.comparison import differences
from tests.wire_replay.on_chain import OnChain
from tests.wire_replay.recordings import Recording, bytes_of
from tests.wire_replay.signing import signed_anew

# A job passes its short statuses in a few hundredths of a second; one that was missed is looked for in a
# new job, which goes the same way.
ATTEMPTS = 3
PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.005

Job = dict[str, Any]


class Replay:
    """One file's conversation with one node; `names` are recorded texts and what stands for them here."""

    def __init__(self, node: OnChain) -> None:
        self.url = node.url
        self.node = node
        self.names = dict(node.names)

    def differences(self, recording: Recording) -> list[str]:
        """What the local node answers otherwise; nothing when the reply has the recorded shape."""
        job_id = recording.job_id
        if job_id not in self.names and not recording.is_start:
            self.begin(job_id, before=recording)
        situations.prepare(self, recording)
        situations.surround(self, recording)
        for attempt in range(1, ATTEMPTS + 1):
            reply = self._reply_in_time(recording)
            found = differences(recording, reply, self.recorded_text(reply.text))
            if not (found and recording.is_look and job_id in self.names and attempt < ATTEMPTS):
                break
            self.begin(job_id, before=recording)
        self._learn(recording, reply)
        situations.finish(self, recording)
        return found

    def begin(self, job_id: str, *, before: Recording | None = None) -> None:
        """Start the recorded job, or one more like it; ask for the stops that came before a recording."""
        start, *stops = situations.story(job_id, before) or [None]
        if start is None:
            return
        situations.end(self, job_id, start)
        situations.prepare(self, start)
        reply = self._reply_in_time(start)
        if reply.status_code == 200:
            self._learn(start, reply)
            self.names[job_id] = self.names[start.job_id]
        for stop in stops:
            self._reply_in_time(stop)

    def recorded_text(self, text: str) -> str:
        """With local names put back to what they were recorded as."""
        for theirs, ours in sorted(self.names.items(), key=lambda pair: -len(pair[1])):
            text = text.replace(ours, theirs)
        return text

    def wait_until_over(self, job_id: str) -> None:
        self._wait(job_id, lambda job: bool(job["dateFinished"]))

    def wait_until_settled(self, job_id: str) -> None:
        """At 70, which only the payment cron gives; some ends stay what they are."""
        self._wait(job_id, lambda job: job["dateFinished"] is not None and job["status"] != 71)

    def make_running(self, job_id: str) -> None:
        """Wait until it runs; when it is over already, start one more like it."""
        for _ in range(ATTEMPTS):
            job = self._wait(job_id, lambda job: bool(job["dateFinished"]) or _runs(job))
            if job is None or not job["dateFinished"]:
                return
            self.begin(job_id)

    def _wait(self, job_id: str, is_there: Callable[[Job], bool]) -> Job | None:
        """The job when it is there; None when there is no such job."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while job_id in self.names and (job := self._job(job_id)):
            if is_there(job):
                return job
            assert time.monotonic() < deadline, f"job {job_id} is still at {job['status']}"
            time.sleep(LOOK_SECONDS)
        return None

    def _job(self, job_id: str) -> Job | None:
        """As the local node tells it now."""
        environment = next(name for name in self.names if name.startswith("0xff10") and "-" in name)
        whole = f"{self.names[environment].split('-')[0]}-{self.names[job_id]}"
        found = requests.get(f"{self.url}/api/services/compute", params={"jobId": whole}).json()
        return dict(found[0]) if found else None

    def _reply_in_time(self, recording: Recording) -> requests.Response:
        """The reply, asked for again while the job is not yet where it was when recorded."""
        situations.reach(self, recording)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _is_early(recording, reply := self._send(recording)) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return reply

    def _send(self, recording: Recording) -> requests.Response:
        request = recording.request
        query, body = request["query"], (request["body"] or {}).get("json")
        if body is None:
            content = bytes_of(request["body"])
        else:
            body = self.local(changes.changed(self, recording, body))
            if isinstance(body, dict):
                body = signed_anew(recording, body)
            content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        if query is not None:
            query = signed_anew(recording, self.local(query))
        return requests.request(
            request["method"],
            self.url + str(self.local(request["path"])),
            params=query,
            data=content or None,
            headers=self.local(request["headers"]),
        )

    def _learn(self, recording: Recording, reply: requests.Response) -> None:
        theirs = recording.reply.get("json")
        if recording.status == reply.status_code == 200 and theirs is not None:
            self.names.update(_given_names(theirs, reply.json()))

    def local(self, value: Any) -> Any:
        """With recorded names replaced by local ones."""
        text = json.dumps(value)
        for theirs, ours in sorted(self.names.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(theirs, ours)
        return json.loads(text)


def _is_early(recording: Recording, reply: requests.Response) -> bool:
    """Whether the same request can get another answer soon."""
    if recording.is_start:
        # An earlier story still has the cores.
        busy = "Not enough available"
        return busy in reply.text and busy not in str(recording.reply.get("json"))
    if not recording.is_look or reply.status_code != 200:
        return False
    (wanted,), jobs = recording.reply["json"], reply.json()
    if len(jobs) != 1 or jobs[0]["status"] == wanted["status"]:
        return False
    return not jobs[0]["dateFinished"] or wanted["status"] == 70


def _runs(job: Job) -> bool:
    return bool(job["status"] == 40 and job["algoStartTimestamp"] != "0")


def _given_names(theirs: Any, ours: Any) -> dict[str, str]:
    """Names that the node chose, at the same place in both replies."""
    found: dict[str, str] = {}
    if isinstance(theirs, list) and isinstance(ours, list):
        for one, other in zip(theirs, ours, strict=False):
            found |= _given_names(one, other)
    elif isinstance(theirs, dict) and isinstance(ours, dict):
        for key in ("bucketId", "token"):
            if isinstance(theirs.get(key), str) and isinstance(ours.get(key), str):
                found[theirs[key]] = ours[key]
        if isinstance(theirs.get("jobId"), str) and isinstance(ours.get("jobId"), str):
            found[theirs["jobId"].split("-")[-1]] = ours["jobId"].split("-")[-1]
    return found
