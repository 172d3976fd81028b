# SPDX-License-Identifier: Apache-2.0
"""Credentials for an image registry, encrypted for the node's key.

They are held to the real node's rules and then forgotten: the images that this node runs come from no
registry, and a real node does not keep them with a job either, so that a queued one pulls without.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.javascript import bytes_of_hex, or_null, parse_json
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

# Once from the command and once from what checks for it.
_PREFIX = "Invalid encryptedDockerRegistryAuth :Invalid encryptedDockerRegistryAuth: "
_INCOMPLETE = "Either 'auth' must be provided, or both 'username' and 'password' must be provided"
_JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


def require_registry_auth(identity: Identity, encrypted: Any) -> None:
    """Refuse with 400 what a registry could not be asked with; nothing given is fine."""
    if or_null(encrypted) is None:
        return
    try:
        auth = parse_json(identity.decrypt(bytes_of_hex(encrypted)).decode(errors="replace"))
    except (TypeError, ValueError) as error:
        raise Refusal(400, f"{_PREFIX}failed to parse JSON - {error}") from error
    problem = _problem(auth)
    if problem:
        raise Refusal(400, f"{_PREFIX}{problem}")


def _problem(auth: Any) -> str | None:
    if not isinstance(auth, dict):
        return f"Expected object, received {_kind(auth)}"
    wrong = [
        f"Expected string, received {_kind(auth[name])}"
        for name in ("username", "password", "auth")
        if name in auth and not isinstance(auth[name], str)
    ]
    if wrong:
        return "; ".join(wrong)
    if auth.get("auth") or (auth.get("username") and auth.get("password")):
        return None
    return _INCOMPLETE


def _kind(value: Any) -> str:
    return _JSON_TYPES.get(type(value), "number")
