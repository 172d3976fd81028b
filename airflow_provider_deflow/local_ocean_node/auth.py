# SPDX-License-Identifier: Apache-2.0
"""Signatures, nonces and tokens, with the real node's rules.

A signature covers address, nonce and command, neither the request nor the node. A nonce must be greater
than the last accepted one of the same address *text*. A token is bound to no address. One oddity is kept
because clients meet it: the node drops leading zero bytes of the hash before it checks a signature
over its raw bytes, so one good signature in 256 is a mismatch until it is made anew.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import math
import re
import time
from typing import Any

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text, dumps, parse_int
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.store import Store
from airflow_provider_deflow.signing import checksum_address, keccak, recover_address

MISMATCH = "consumer address and nonce signature mismatch"
_ADDRESS = re.compile(r"(0x)?[0-9a-fA-F]{40}")


def normalised_address(text: Any) -> str | None:
    """`text` as EIP-55, or None if it is no address; a wrong checksum is none."""
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        return None
    try:
        return checksum_address(text if text.startswith("0x") else f"0x{text}")
    except SettingsError:
        return None


class Auth:
    """Who may do what is asked."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity

    def check(self, task: dict[str, Any]) -> None:
        """Refuse with 401 unless the task is signed or carries a valid token; a signature wins."""
        address, nonce, signature = (task.get(name) for name in ("consumerAddress", "nonce", "signature"))
        if signature and address and nonce:
            self.check_signature(address, nonce, signature, task["command"])
            return
        token = task.get("authorization")
        if not token:
            raise Refusal(
                401,
                "Invalid authentication, you need to provide either a token or an address, "
                "signature, message and nonce",
            )
        self._require_token(str(token), address)

    def check_signature(self, address: str, nonce: Any, signature: str, command: str) -> None:
        """Refuse with 401, or accept and remember the nonce."""
        number = parse_int(nonce) if isinstance(address, str) else None
        if number is not None and number <= self.last_nonce(address):
            raise Refusal(401, f"nonce: {number} is not a valid nonce")
        if number is None:
            raise Refusal(401, MISMATCH)
        self._require_signed(address, as_text(number), command, signature)
        self._store.save_nonce(address, number)

    def last_nonce(self, address: str) -> int:
        return self._store.nonce(address)

    def create_token(self, address: str, nonce: Any, signature: str, valid_until: Any) -> str:
        payload = self._token_content(address, nonce, signature)
        content = f"{_base64({'alg': 'HS256', 'typ': 'JWT'})}.{_base64(payload)}"
        seal = hmac.digest(self._identity.token_secret, content.encode(), hashlib.sha256)
        token = f"{content}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"
        # Text that is no number never expires: JavaScript compares it as NaN.
        expiry = None if valid_until is None else as_number(valid_until)
        self._store.save_token(token, address, None if expiry is None or math.isnan(expiry) else expiry)
        return token

    def may_invalidate(self, address: str, nonce: Any, signature: str) -> None:
        """Whoever holds a token may end it: the signature is looked at, but a wrong one changes nothing."""
        with contextlib.suppress(Refusal):
            self.check_signature(address, nonce, signature, "invalidateAuthToken")

    def acting_address(self, task: dict[str, Any]) -> str:
        """Who acts in a bucket call: the given address, else the token's."""
        given = task.get("consumerAddress")
        address = normalised_address(given or self._store.token_address(str(task.get("authorization"))))
        if address is None:
            raise Refusal(500, f'invalid address (argument="address", value="{given}")')
        return address

    def _require_signed(self, address: str, nonce: str, command: str, signature: str) -> None:
        if not self._is_signed(address, f"{address}{nonce}{command}", signature):
            raise Refusal(401, MISMATCH)

    def _require_token(self, token: str, address: Any) -> None:
        if self._store.token_address(token) is None:
            raise Refusal(401, "Invalid token")

    def _token_content(self, address: str, nonce: Any, signature: str) -> dict[str, Any]:
        now_ms = int(time.time() * 1000)
        return {"address": address, "nonce": nonce, "createdAt": now_ms, "iat": now_ms // 1000}

    @staticmethod
    def _is_signed(address: str, message: str, signature: str) -> bool:
        if not isinstance(signature, str) or not signature.startswith("0x"):
            return False
        digest = keccak(message.encode())
        # The usual form first: each recovery takes milliseconds.
        accepted = (digest.lstrip(b"\0"), b"0x" + digest.hex().encode())
        try:
            return any(recover_address(signed, signature).lower() == address.lower() for signed in accepted)
        except SettingsError:
            return False


def _base64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(dumps(value).encode()).rstrip(b"=").decode()
