# SPDX-License-Identifier: Apache-2.0
"""Recorded requests signed anew: by the same account, with a fresh nonce, and as wrongly as they were."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from eth_account import Account

from airflow_provider_deflow.signing import KeySigner, keccak
from tests.local_ocean_node.running import next_nonce
from tests.wire_replay.recordings import Recording

MNEMONIC = "test test test test test test test test test test test junk"

Fields = dict[str, Any]

COMMANDS = {
    ("POST", "/api/services/compute"): "startCompute",
    ("POST", "/api/services/freeCompute"): "freeStartCompute",
    ("PUT", "/api/services/compute"): "stopCompute",
    ("DELETE", "/api/services/compute"): "stopCompute",
    ("GET", "/api/services/computeResult"): "getComputeResult",
    ("GET", "/api/services/computeStreamableLogs"): "getComputeStreamableLogs",
    ("GET", "/api/services/download"): "download",
    ("POST", "/api/services/encrypt"): "encrypt",
    ("POST", "/api/services/encryptFile"): "encryptFile",
    ("POST", "/api/services/decrypt"): "decryptDDO",
    ("POST", "/api/aquarius/assets/ddo/validate"): "validateDDO",
    ("POST", "/api/services/auth/token"): "createAuthToken",
    ("POST", "/api/services/auth/token/invalidate"): "invalidateAuthToken",
    ("POST", "/api/services/persistentStorage/buckets"): "persistentStorageCreateBucket",
    ("GET", "/api/services/persistentStorage/buckets"): "persistentStorageGetBuckets",
}
# By what follows the bucket's id.
BUCKET_COMMANDS = {
    ("PATCH", 0): "persistentStorageUpdateBucket",
    ("GET", 1): "persistentStorageListFiles",
    ("POST", 2): "persistentStorageUploadFile",
    ("GET", 2): "persistentStorageGetFileObject",
    ("DELETE", 2): "persistentStorageDeleteFile",
    ("GET", 3): "persistentStorageGetFileObject",
}
ADDRESS_FIELDS = ("consumerAddress", "address", "publisherAddress", "decrypterAddress")

# An account that none of the recordings belongs to.
SOMEBODY = 12
# Nonces that are what the recording is about; all others are fresh.
KEPT_NONCES = {
    "auth-nonce-lower": 5,
    "auth-nonce-zero": 0,
    "auth-max-safe-nonce": 2**53 - 1,
    "nonce-race-result": 1,
}
WRONG_COMMAND = {"auth-result-mismatch", "download-bad-signature"}
OTHER_SIGNER = {
    "auth-other-signer",
    "token-create-bad-signature",
    "token-bad-sig-wins",
    "token-invalidate-bad-signature",
    "bucket-create-bad-signature",
    "validate-signed-wrong",
}
MALFORMED: dict[str, Callable[[str], str]] = {
    "auth-sig-without-0x": lambda signature: signature.removeprefix("0x"),
    "auth-sig-garbage": lambda signature: "hello",
    "auth-v-01": lambda signature: f"{signature[:-2]}{int(signature[-2:], 16) - 27:02x}",
}
UNHASHED = {"auth-plain-text"}


@cache
def signer(account: int) -> KeySigner:
    """An account of the public test mnemonic."""
    Account.enable_unaudited_hdwallet_features()
    wallet = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{account}")
    return KeySigner("0x" + bytes(wallet.key).hex())


def command_of(recording: Recording) -> str:
    request = recording.request
    if request["path"] == "/directCommand":
        return str(recording.asked["command"])
    _, is_bucket, rest = request["path"].partition("/persistentStorage/buckets/")
    if is_bucket:
        return BUCKET_COMMANDS[request["method"], rest.count("/")]
    return COMMANDS[request["method"], request["path"]]


def signed_anew(recording: Recording, fields: Fields) -> Fields:
    """`fields` with a signature that is as good or bad as the recorded one; unsigned ones as they are."""
    name, account = recording.name, recording.exchange.get("account")
    address = next((fields[field] for field in ADDRESS_FIELDS if field in fields), None)
    if not {"signature", "nonce"} <= fields.keys() or address is None or account is None:
        return fields
    by = signer(SOMEBODY if name in OTHER_SIGNER else account)
    command = "something" if name in WRONG_COMMAND else command_of(recording)
    nonce = KEPT_NONCES[name] if name in KEPT_NONCES else next_nonce()
    message = f"{address}{nonce}{command}".encode()
    while name not in KEPT_NONCES and keccak(message).startswith(b"\0"):
        # One signature in 256 is refused by a real node.
        nonce = next_nonce()
        message = f"{address}{nonce}{command}".encode()
    signature = by.sign_message(message if name in UNHASHED else keccak(message))
    if name in MALFORMED:
        signature = MALFORMED[name](signature)
    kind = type(fields["nonce"])
    return {**fields, "nonce": kind(nonce), "signature": signature}
