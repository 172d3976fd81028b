# SPDX-License-Identifier: Apache-2.0
"""What is sent otherwise than it was recorded: less to wait for, less to write, and secrets for this node."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import ecies
import requests

from tests.wire_replay.recordings import Recording

if TYPE_CHECKING:
    from tests.wire_replay.replay import Replay

SLEEP = re.compile(r"time\.sleep\((\d+)\)")

# What was encrypted for the recorded node, and is encrypted for the local one.
_PUT = {"type": "url", "url": "http://file.test:8098/put/", "method": "POST"}
SECRETS: dict[str, tuple[str, dict[str, Any]]] = {
    "output-bad-type": ("output", {"remoteStorage": {"type": "carrier-pigeon"}}),
    "output-no-storage": ("output", {}),
    "output-s3-incomplete": (
        "output",
        {"remoteStorage": {"type": "s3", "s3Access": {"bucket": "b", "endpoint": "http://file.test:8098"}}},
    ),
    "output-url-start": (
        "output",
        {"remoteStorage": _PUT, "encryption": {"encryptMethod": "AES", "key": "ab" * 32}},
    ),
    "output-url-plain-start": ("output", {"remoteStorage": _PUT}),
    "registry-auth-incomplete": ("encryptedDockerRegistryAuth", {"username": "somebody"}),
    "registry-auth-wrong": ("encryptedDockerRegistryAuth", {"username": "somebody", "password": "wrong"}),
    "private-image-no-challenge-start": (
        "encryptedDockerRegistryAuth",
        {"username": "somebody", "password": "secret"},
    ),
}


def changed(replay: Replay, recording: Recording, body: Any) -> Any:
    """The request's body with less to wait for and to write, and with secrets for this node."""
    if recording.name in SECRETS:
        field, secret = SECRETS[recording.name]
        body = {**body, field: _encrypted(replay, secret)}
    text = SLEEP.sub(_shorter, json.dumps(body))
    if recording.name == "timeout-start":
        text = text.replace('"maxJobDuration": 5', '"maxJobDuration": 1')
    if recording.name == "quota-start":
        text = text.replace("range(130)", "range(5)")
    if recording.name == "jobs-from":
        text = re.sub(r'"fromTimestamp": "\d+"', '"fromTimestamp": "1"', text)
    return json.loads(text)


def _encrypted(replay: Replay, secret: dict[str, Any]) -> str:
    key = requests.get(f"{replay.url}/").json()["nodePublicKey"]
    document = json.dumps(replay.local(secret)).encode()
    return ecies.encrypt(bytes(key[str(index)] for index in range(len(key))).hex(), document).hex()


def _shorter(sleep: re.Match[str]) -> str:
    seconds = int(sleep[1])
    # The long ones are stopped, or killed when their time is over.
    return sleep[0] if seconds >= 300 else f"time.sleep({min(seconds * 0.15, 1.0):g})"
