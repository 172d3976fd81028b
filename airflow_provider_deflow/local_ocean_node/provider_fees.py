# SPDX-License-Identifier: Apache-2.0
"""The fee that a node asks for serving an asset, signed so that the datatoken believes it.

This node asks nothing, but every order needs the signed statement that it does.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.local_ocean_node.javascript import dumps
from airflow_provider_deflow.signing import Signer, keccak


def provider_fee(signer: Signer, token: str, service: dict[str, Any], valid_until: int) -> dict[str, Any]:
    """For `service` of a DDO. `valid_until` is an epoch second; 0 is for ever.

    A real node drops zero bytes at the front of the hash that it signs, so that one service in 256
    could never be ordered for compute; nobody is helped by that here.
    """
    data = dumps({"dt": service.get("datatokenAddress"), "id": service.get("id")}).encode()
    amount = 0
    packed = (
        data
        + bytes.fromhex(signer.address[2:])
        + bytes.fromhex(token[2:])
        + amount.to_bytes(32)
        + valid_until.to_bytes(32)
    )
    signature = bytes.fromhex(signer.sign_message(keccak(packed))[2:])
    return {
        "providerFeeAddress": signer.address,
        "providerFeeToken": token,
        "providerFeeAmount": str(amount),
        "providerData": f"0x{data.hex()}",
        "v": signature[64],
        "r": f"0x{signature[:32].hex()}",
        "s": f"0x{signature[32:64].hex()}",
        "validUntil": valid_until,
    }
