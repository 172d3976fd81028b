# SPDX-License-Identifier: Apache-2.0
"""What the next major version of the real node answers differently, as far as clients meet it.

    GET /            lists no routes any more
    addresses        are brought to EIP-55 on their way in, and owners compared without case
    nonces           are one row per address, however it is spelt
    auth tokens      are asked for with the node's peer id signed too, and act for their own address only
    environments     say which features they have; their resources say their kind
    status           has `runtimeMetrics` for an owner who proves to be one
    jobs             refuses a time that is none, and compares times as numbers

`NodeSettings.version` chooses, and a test may change it while the node runs (`faults`). Here is what
differs; the places where it shows ask `LocalOceanNode.is_version_4`. Services on demand and pools of
resources over several environments are left out.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from airflow_provider_deflow.local_ocean_node.auth import MISMATCH, Auth, normalised_address
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.settings import EnvironmentSettings

VERSION = "4.0.0"
_ADDRESSES = (
    "consumerAddress",
    "address",
    "owner",
    "decrypterAddress",
    "dataNftAddress",
    "publisherAddress",
)
_ADDRESS_LISTS = ("consumerAddrs", "additionalViewers")
_NEEDS_PEER_ID = "createAuthToken"
# A number above this counts milliseconds: as seconds it would be some 30 000 years away.
_MOST_SECONDS = 1e12


def with_canonical_addresses(task: dict[str, Any]) -> dict[str, Any]:
    """The task with every address that is one spelt as EIP-55; what is none is left to its command."""
    changed = {name: _canonical(task[name]) for name in _ADDRESSES if name in task}
    for name in _ADDRESS_LISTS:
        if isinstance(task.get(name), list):
            changed[name] = [_canonical(item) for item in task[name]]
    return {**task, **changed}


def same_address(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


class Auth4(Auth):
    """Signatures and tokens of the next major."""

    def last_nonce(self, address: str) -> int:
        """The highest of all spellings: rows of an earlier version are kept under theirs."""
        return max(self._store.nonce(spelling) for spelling in _spellings(address))

    def may_invalidate(self, address: str, nonce: Any, signature: str) -> None:
        try:
            self.check_signature(address, nonce, signature, "invalidateAuthToken")
        except Refusal as refusal:
            raise Refusal(400, "Invalid signature") from refusal

    def validity(self, token: str) -> dict[str, Any]:
        """What another node may ask about a token of this one."""
        if self._store.token_address(token) is None:
            return {"valid": False}
        until = self._store.token_valid_until(token)
        return {"valid": True, "validUntil": None if until is None else int(until)}

    def _require_signed(self, address: str, nonce: str, command: str, signature: str) -> None:
        suffix = self._identity.peer_id if command == _NEEDS_PEER_ID else ""
        for spelling in _spellings(address):
            if self._is_signed(address, f"{spelling}{nonce}{command}{suffix}", signature):
                return
        raise Refusal(401, MISMATCH)

    def _require_token(self, token: str, address: Any) -> None:
        super()._require_token(token, address)
        if address and not same_address(self._store.token_address(token), address):
            raise Refusal(401, "Authenticated address does not match the requested address")

    def _token_content(self, address: str, nonce: Any, signature: str) -> dict[str, Any]:
        content = super()._token_content(address, nonce, signature)
        return {**content, "signature": signature, "issuerPeerId": self._identity.peer_id}


def may_see_metrics(auth: Auth, task: dict[str, Any]) -> bool:
    """Whether the consumer proved to be who they say; it is refused only to who asked for metrics by name."""
    asked = task.get("includeMetrics")
    consumer = task.get("consumerAddress")
    signed = task.get("authorization") or (task.get("signature") and task.get("nonce"))
    if asked is False or (asked is None and not (consumer and signed)):
        return False
    if not consumer:
        raise Refusal(400, "includeMetrics requires consumerAddress")
    try:
        auth.check(task)
    except Refusal:
        if asked is None:
            return False
        raise
    return True


def require_compute_jobs(settings: EnvironmentSettings) -> None:
    if not settings.compute_jobs:
        raise Refusal(403, "Compute jobs are not enabled on this environment")


def environment(described: dict[str, Any], settings: EnvironmentSettings) -> dict[str, Any]:
    """An environment's description in the words of the next major."""
    resources = [_of_the_pool(resource) for resource in described["resources"]]
    changed: dict[str, Any] = {}
    for name, value in described.items():
        changed[name] = value
        if name == "enableNetwork":
            # This node has no services on demand.
            changed["features"] = {"computeJobs": settings.compute_jobs, "services": False}
    changed["resources"] = resources
    if "free" in described:
        of_paid = {resource["id"]: resource for resource in resources}
        free = [{**of_paid[one["id"]], **one} for one in described["free"]["resources"]]
        changed["free"] = {**described["free"], "resources": free}
    return changed


def seconds_since(since: str) -> float:
    """A time to list jobs from: an ISO date, or seconds or milliseconds since 1970."""
    if re.fullmatch(r"\d+", since):
        number = float(since)
        return number / 1000 if number > _MOST_SECONDS else number
    try:
        seconds = datetime.fromisoformat(since).timestamp()
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise Refusal(
            400,
            f'Parameter "fromTimestamp" is not a valid date: "{since}" — use an ISO date or a Unix timestamp',
        )
    return seconds


def _canonical(value: Any) -> Any:
    return normalised_address(value) or value


def _spellings(address: str) -> dict[str, None]:
    return dict.fromkeys((address, _canonical(address), address.lower()))


def _of_the_pool(resource: dict[str, Any]) -> dict[str, Any]:
    named = {"id": resource["id"], "type": resource["type"], "kind": "fungible"}
    return {**named, **{name: value for name, value in resource.items() if name != "description"}}
