# SPDX-License-Identifier: Apache-2.0
"""What is secret stays out of an entry, wherever it stood in what came from outside."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import MAX_RAW_TEXT, cleaned
from tests.ledger.entries import batch, fact

SIGNATURE = "0x" + "a1" * 65
SECRETS = {
    "signature": (SIGNATURE, SIGNATURE),
    "token": ("eyJhbGciOi.eyJhZGRy.c2lnbmF0dXJl", "eyJhZGRy"),
    "query": (
        "https://store.example/a.csv?X-Amz-Signature=5f3a0c9e7b1d2468&X-Amz-Expires=60",
        "5f3a0c9e7b1d2468",
    ),
    "login in a URL": ("mongodb://ann:s3cr3t@db.example:27017/deflow", "s3cr3t"),
    "named": ('{"password": "hunter2", "name": "x"}', "hunter2"),
    "AWS": ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "wJalrXUtnFEMI"),
    "S3 file object": ('{"secretAccessKey": "wJalrXUtnFEMI"}', "wJalrXUtnFEMI"),
    "Azure": ("AccountKey=wJalrXUtnFEMI;EndpointSuffix=x", "wJalrXUtnFEMI"),
    "header of an API": ("X-API-Key: wJalrXUtnFEMI", "wJalrXUtnFEMI"),
    "header": ("Authorization: Bearer q1w2e3", "q1w2e3"),
    "nonce": ("consumerAddress=0xAB&nonce=1789000001234", "1789000001234"),
    "key file": ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----", "MHcCAQEE"),
}


@pytest.mark.parametrize("name", SECRETS)
@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_secret_does_not_get_in(name: str, before: str, after: str) -> None:
    text, secret = SECRETS[name]
    around = f"{before}\n{text}\n{after}"

    one = batch(
        fact("request", words=around, nested=[{"deep": [around]}]),
        facts.log("j", "algorithmLog", around.split("\n")),
        facts.ended("failed", RuntimeError(around)),
    )

    assert secret not in json.dumps(one.to_document(), ensure_ascii=False)


def test_what_is_no_secret_stays() -> None:
    said = (
        "job 0x7d18-a4ad: GET https://node.example:8001/data/a.csv was answered with 403 (password refused), "
        "by https://node.example:8001: see https://docs.example/limits."
    )

    assert cleaned(said) == said


@pytest.mark.parametrize(
    "piece", ["ä", "a", "a.", "eyJ", "token", "token ", "-", "a://", "-----BEGIN PRIVATE KEY-----"]
)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (MAX_RAW_TEXT // len(piece))
    began = time.process_time()
    cleaned(text)

    assert time.process_time() - began < 1
