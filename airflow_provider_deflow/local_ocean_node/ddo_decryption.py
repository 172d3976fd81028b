# SPDX-License-Identifier: Apache-2.0
"""A published DDO in the clear, for whoever asks with a signature.

Everything asks the chain, so it runs in a thread. A DDO that was published in the clear cannot be had
here: a real node takes whatever is not encrypted for compressed, and fails to expand it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.ddos import did_of
from airflow_provider_deflow.local_ocean_node.identity import Identity, Undecryptable
from airflow_provider_deflow.local_ocean_node.javascript import INVALID_ARGUMENT, as_number, dumps
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.events import Event

_ENCRYPTED = 2
_DEPRECATED, _REVOKED = 2, 3
_STATES = (0, 1, 4, 5)


def decrypted_ddo(chain: Chain, identity: Identity, task: dict[str, Any]) -> str:
    """Of the transaction `transactionId`, else of `encryptedDocument` with `flags` and `documentHash`."""
    from airflow_provider_deflow.chain.data_nft import DataNft, is_known

    address = normalised_address(task.get("dataNftAddress"))
    if address is None:
        value = dumps(task.get("dataNftAddress"))
        raise _problem(
            "Unknown error TypeError: invalid address "
            f'(argument="address", value={value}, {INVALID_ARGUMENT})',
            500,
        )
    if not is_known(chain.web3, chain.network, address):
        raise _problem("Asset not deployed by the data NFT factory")
    if task.get("transactionId"):
        event = _published(chain, address, str(task["transactionId"]))
        flags, document = int.from_bytes(event.args["flags"]), bytes(event.args["data"])
        digest = f"0x{event.args['metaDataHash'].hex()}"
    else:
        flags, document, digest = _given(task)
    state = DataNft(chain.web3, address).state()
    if state not in _STATES:
        raise _problem("invalid metadata state", 403 if state in (_DEPRECATED, _REVOKED) else 400)
    if not flags & _ENCRYPTED:
        raise _problem("Failed to lzma decompress")
    try:
        clear = identity.decrypt(document)
    except Undecryptable as error:
        raise _problem("Failed to decrypt") from error
    text = clear.decode(errors="replace")
    try:
        did = json.loads(text).get("id")
    except (ValueError, AttributeError) as error:
        raise _problem(f"Unknown error SyntaxError: {error}", 500) from error
    if did != did_of(address, chain.chain_id):
        raise _problem("did does not match")
    if f"0x{hashlib.sha256(text.encode()).hexdigest()}" != digest:
        raise _problem("checksum does not match")
    return text


def _published(chain: Chain, address: str, transaction: str) -> Event:
    from airflow_provider_deflow.chain.data_nft import read_metadata

    event = read_metadata(chain.web3, address, transaction)
    if event is None:
        raise _problem("Failed to process transaction id")
    return event


def _given(task: dict[str, Any]) -> tuple[int, bytes, Any]:
    try:
        document = bytes.fromhex(str(task["encryptedDocument"]).removeprefix("0x"))
    except (KeyError, ValueError) as error:
        raise _problem("Failed to convert input args to bytes") from error
    flags = as_number(task.get("flags"))
    return (int(flags) if flags.is_integer() else 0), document, task.get("documentHash")


def _problem(words: str, status: int = 400) -> Refusal:
    return Refusal(status, f"Decrypt DDO: {words}")
