# SPDX-License-Identifier: Apache-2.0
"""A node under test: knows its own environment, job and bucket, signs what is to be signed, and sends."""

from __future__ import annotations

import json
import re
from typing import Any

import requests

from tests.conformance.session import Account, Node, account
from tests.fuzz.calls import BUCKET, ENVIRONMENT, FEE_TOKEN, IMAGE, JOB, OVERFLOW, TAG, Call
from tests.local_ocean_node.running import KEYS

SECONDS = 60
_API = "/api/services"
_BUCKETS = f"{_API}/persistentStorage/buckets"
# Which command a signature is for, by method and path; /directCommand says it itself.
_COMMANDS = {
    f"POST {_API}/compute": "startCompute",
    f"POST {_API}/freeCompute": "freeStartCompute",
    f"PUT {_API}/compute": "stopCompute",
    f"GET {_API}/computeResult": "getComputeResult",
    f"GET {_API}/computeStreamableLogs": "getComputeStreamableLogs",
    f"GET {_API}/download": "download",
    f"POST {_API}/encrypt": "encrypt",
    f"POST {_API}/encryptFile": "encryptFile",
    f"POST {_API}/decrypt": "decryptDDO",
    f"POST {_API}/auth/token": "createAuthToken",
    f"POST {_API}/auth/token/invalidate": "invalidateAuthToken",
    "POST /api/aquarius/assets/ddo/validate": "validateDDO",
    f"POST {_BUCKETS}": "persistentStorageCreateBucket",
    f"GET {_BUCKETS}": "persistentStorageGetBuckets",
}
_ADDRESSES = ("consumerAddress", "address", "decrypterAddress", "publisherAddress")


class Fuzzed:
    """One node and the account that asks it."""

    def __init__(self, url: str, image: str) -> None:
        self.node = Node(url, image, poll_seconds=0.2)
        environments = self.node.environments()
        free = next(one for one in environments if one.get("free"))
        fees = [fee for one in environments for chain in (one["fees"] or {}).values() for fee in chain]
        self.account: Account = account(self.node, KEYS[3], free["id"])
        container = self.node.container()
        bucket = self._call("POST", _BUCKETS, "persistentStorageCreateBucket", accessLists=[], label="fuzz")
        self._names = {
            ENVIRONMENT: free["id"],
            JOB: self.account.run("print(1)").job_id,
            BUCKET: bucket["bucketId"],
            IMAGE: container["image"],
            TAG: container["tag"],
            FEE_TOKEN: fees[0]["feeToken"] if fees else "0x" + "0" * 40,
        }

    def send(self, call: Call) -> requests.Response:
        call = call.for_node(self._filled)
        fields = call.query if "signature" in call.query else call.body
        if call.signed and isinstance(fields, dict):
            self._sign(call, fields)
        body = call.body
        if not isinstance(body, str) and body is not None:
            body = json.dumps(body).replace(json.dumps(OVERFLOW), "1e999")
        with self.node.request(
            call.method,
            call.path,
            params=[(name, _text(value)) for name, value in call.query.items()],
            data=body.encode("utf-8", "replace") if body is not None else None,
            headers={"content-type": call.content_type} if call.content_type else {},
            timeout=SECONDS,
            stream=True,
            allow_redirects=False,
        ) as reply:
            # A live log goes on as long as its job; all else is short.
            reply._content = next(reply.iter_content(1 << 20), b"")
            return reply

    def _filled(self, text: str) -> str:
        for name, value in self._names.items():
            text = text.replace(name, json.dumps(value)[1:-1])
        return text

    def _sign(self, call: Call, fields: dict[str, Any]) -> None:
        """In our name, unless the address was replaced by something else than a recorded one."""
        at = next((name for name in _ADDRESSES if name in fields), None)
        command = str(fields.get("command") or self._command(call))
        signed = self.account.signed(command, address=self.account.address)
        if at and isinstance(fields[at], str) and len(fields[at]) == 42:
            fields[at] = self.account.address
        for name in ("nonce", "signature"):
            if fields.get(name) == "<signed>":
                fields[name] = signed[name]

    def _command(self, call: Call) -> str:
        key = f"{call.method} {call.path}"
        if key in _COMMANDS:
            return _COMMANDS[key]
        kinds = {"POST": "UploadFile", "DELETE": "DeleteFile", "PATCH": "UpdateBucket"}
        kind = "GetFileObject" if call.path.endswith("/object") else kinds.get(call.method, "ListFiles")
        return f"persistentStorage{kind}"

    def _call(self, method: str, path: str, command: str, **fields: Any) -> Any:
        reply = self.node.request(method, path, json={**self.account.signed(command), **fields})
        assert reply.status_code == 200, reply.text
        return reply.json()


def ends_a_real_node(call: Call) -> bool:
    """Three kinds of request after which the process of ocean-node 3.2.0 is gone, all found by this.

    `jobs` for `environments` that are no list and no text; a bad signature for an address that is none, which
    is looked up as a name on a chain that has no names; an image with characters that no URL can have.
    """
    fields = {**(call.body if isinstance(call.body, dict) else {}), **call.query}
    asked = fields.get("environments")
    if fields.get("command") == "jobs" and asked and not isinstance(asked, (str, list)):
        return True
    if not all(part.isascii() and part.isprintable() and " " not in part for part in _image_of(fields)):
        return True
    given = [fields[name] for name in _ADDRESSES if name in fields]
    return any(not re.fullmatch("0x[0-9a-fA-F]{40}", str(address)) for address in given)


def _image_of(fields: dict[str, Any]) -> list[str]:
    algorithm = fields.get("algorithm")
    meta = algorithm.get("meta") if isinstance(algorithm, dict) else None
    container = meta.get("container") if isinstance(meta, dict) else None
    return [str(part) for part in container.values()] if isinstance(container, dict) else []


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return json.dumps(value)
