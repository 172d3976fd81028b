# SPDX-License-Identifier: Apache-2.0
"""encrypt, encryptFile, decryptDDO: what the node's key keeps from others' eyes.

Publishers encrypt a service's files and a DDO for the node, which alone can read them back. A file's
content that is encrypted goes through text on its way out of a real node and is damaged there, so
`encryptFile` is of no use over HTTP; that is done here too.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.ddo_decryption import decrypted_ddo
from airflow_provider_deflow.local_ocean_node.identity import BASE58, unbase58
from airflow_provider_deflow.local_ocean_node.javascript import or_null
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_METHODS = ("AES", "ECIES")
_ENCODINGS = ("string", "base58")
_OCTETS = "application/octet-stream"


async def encrypt(node: LocalOceanNode, task: Task) -> Reply:
    """`blob` as hexadecimal text with 0x in front; ECIES unless asked otherwise."""
    require(task, "blob")
    encoding, method = task.get("encoding") or "string", task.get("encryptionType") or "ECIES"
    if str(encoding).lower() not in _ENCODINGS:
        raise Refusal(400, f'Invalid parameter: "encoding" must be one of: {",".join(_ENCODINGS)}')
    if str(method).upper() not in _METHODS:
        # The real node names the encodings here.
        raise Refusal(400, f'Invalid parameter: "encryptionType" must be one of: {",".join(_ENCODINGS)}')
    node.auth.check(task)
    data = _octets(task["blob"])
    if str(encoding).lower() == "base58":
        text = data.decode()
        if strange := [one for one in dict.fromkeys(text) if one not in BASE58]:
            raise Refusal(500, f"Unknown error: Invalid base58 character “{','.join(strange)}”")
        data = unbase58(text)
    return Reply(b"0x" + _encrypted(node, data, method).hex().encode())


async def encrypt_file(node: LocalOceanNode, task: Task) -> Reply:
    """Of `rawData`, or of what the file object `files` points at; AES unless asked otherwise."""
    if all(or_null(task.get(name)) is None for name in ("files", "rawData")):
        raise Refusal(400, 'Invalid request: Missing data to encrypt, use one of ["files","rawData"]')
    method = task.get("encryptionType") or "AES"
    if str(method).upper() not in _METHODS:
        raise Refusal(
            400,
            f'Invalid parameter: "encryptionType" must be one of: {json.dumps(_ENCODINGS)}'.replace(
                ", ", ","
            ),
        )
    node.auth.check(task)
    if or_null(task.get("files")) is not None:
        try:
            data = b"".join([chunk async for chunk in node.file_objects.content(task["files"], None)])
        except Refusal as refusal:
            raise Refusal(500, f"Unknown error: {refusal.words}") from refusal
    else:
        data = _octets(task["rawData"])
    mangled = _encrypted(node, data, method).decode(errors="replace").encode()
    headers = {"x-encrypted-by": node.identity.peer_id, "x-encrypted-method": method}
    return Reply(mangled, _OCTETS, headers)


async def decrypt(node: LocalOceanNode, task: Task) -> Reply:
    """The DDO that a transaction published, or an `encryptedDocument`, as text."""
    require(task, "decrypterAddress", "chainId", "nonce", "signature")
    if normalised_address(task["decrypterAddress"]) is None:
        raise Refusal(400, 'Parameter : "decrypterAddress" is not a valid web3 address')
    chain = node.chains.get(task["chainId"])
    if chain is None:
        raise Refusal(400, "Decrypt DDO: Unsupported chain id")
    node.auth.check({**task, "consumerAddress": task["decrypterAddress"]})
    text = await chain.ask(decrypted_ddo, chain, node.identity, task)
    return Reply(text.encode(), "text/plain; charset=utf-8")


def _encrypted(node: LocalOceanNode, data: bytes, method: Any) -> bytes:
    if method == "ECIES":
        return node.identity.encrypt(data)
    if method == "AES":
        encryptor = node.identity.aes_encryptor()
        return encryptor.update(data) + encryptor.finalize()
    # Let through by the check above, which ignores case, but known by no cipher.
    raise Refusal(500, "Unknown error: Cannot read properties of undefined (reading 'toString')")


def _octets(value: Any) -> bytes:
    """What a JSON body can mean by bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, dict) and value.get("type") == "Buffer":
        value = value.get("data")
    with contextlib.suppress(TypeError, ValueError):
        if isinstance(value, list):
            return bytes(item & 255 for item in value)
    raise Refusal(
        500,
        'Unknown error: The "data" argument must be of type string or an instance of Buffer, TypedArray, '
        "or DataView.",
    )
