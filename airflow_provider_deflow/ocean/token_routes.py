# SPDX-License-Identifier: Apache-2.0
"""Tokens in place of signatures, and nonces. Pure, like `routes`.

A token is convenient and weak. A node of version 3.2 does not bind it to its wallet: whoever holds any
token of that node may act as any address there, results included, and its secret is a default that
many nodes share. Its end is not in it: only whoever asked for it knows `valid_until`. Anyone who
holds a token can end it, and ending an unknown one succeeds as well. So: one node, a short life, kept
like a key, and outputs that must stay private encrypted (`remote_output`). The next major version binds
it to the wallet.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.signing import checksum_address

_TOKEN = f"{routes.SERVICES}/auth/token"


def create_token(valid_until_ms: int | None, peer_id: str = "") -> Route[str]:
    """None: valid for ever. `peer_id` is signed too where the version asks for it, see `versions`."""
    return Route(
        "create a token",
        "POST",
        _TOKEN,
        lambda reply: fields.text(routes.an_object(reply), "token"),
        # A node takes a time in the past, and a text, without a word.
        body={} if valid_until_ms is None else {"validUntil": valid_until_ms},
        command="createAuthToken",
        signs_body=True,
        address_field="address",
        signed_suffix=peer_id,
    )


def invalidate_token(token: str) -> Route[None]:
    return Route(
        "invalidate a token",
        "POST",
        f"{_TOKEN}/invalidate",
        routes.nothing,
        body={"token": token},
        command="invalidateAuthToken",
        signs_body=True,
        address_field="address",
    )


def nonce(address: str) -> Route[int]:
    """The last nonce that the node took from `address`, 0 when it knows none."""

    def read(reply: Any) -> int:
        return int(fields.number(routes.an_object(reply), "nonce", 0))

    return routes.get("nonce", f"{routes.SERVICES}/nonce", read, {"userAddress": checksum_address(address)})
