# SPDX-License-Identifier: Apache-2.0
"""DDOs from descriptions, compared with what a real Ocean Node indexed and with its schemas."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node.ddo_schema import conforms
from airflow_provider_deflow.ocean import ddo
from airflow_provider_deflow.ocean.asset_description import VERSIONS, AssetDescription, TrustedAlgorithm
from tests.local_ocean_node.running import recordings

DATA_NFT = "0xe844D6D9201d64d5dffBFe8B75E7d53f5c8E3f0e"
DATATOKEN = "0x3CCa4e34D4308EF7D6187963004121A1069E772c"
SOMEBODY = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
URL = "http://node.test:8001"
FILE = {"type": "url", "url": "https://files.test/secret-path.csv", "method": "GET"}
DATASET: dict[str, Any] = {
    "name": "data-nobody",
    "description": "data-nobody: größe 数据",
    "author": "account 4",
    "license": "https://market.oceanprotocol.com/terms",
    "tags": ["wire"],
    "services": [{"files": [FILE], "name": "data-nobody", "description": "data-nobody"}],
}
CONTAINER = {
    "image": "repo.test:5000/c2d-base",
    "tag": "latest",
    "checksum": "sha256:e6c0f951362d188b45ddc8f52e2dd99b42a3bc81d8ebd5335e6d7bd9113e1932",
    "entrypoint": "python3 $ALGO",
}
ALGORITHM = {**DATASET, "role": "algorithm", "algorithm": {"container": CONTAINER}}


def described(document: dict[str, Any] = DATASET, **changes: Any) -> AssetDescription:
    return AssetDescription.of({**document, **changes})


def document_of(description: AssetDescription, mark: str = "m") -> dict[str, Any]:
    return ddo.document_of(
        description,
        data_nft=DATA_NFT,
        datatoken=DATATOKEN,
        chain_id=8996,
        ocean_node_url=URL,
        ciphers=["0x04" for _ in description.services],
        mark=mark,
        created="2026-11-21T20:00:00Z",
        updated="2026-11-21T20:00:00Z",
    )


def test_a_dataset_is_the_document_that_a_real_node_validated():
    recorded = recordings("ddo")["validate-data-nobody"]["request"]["body"]["json"]["ddo"]

    found = document_of(described())

    for document in (recorded, found):
        del document["metadata"]["additionalInformation"]
        for name in ("id", "files"):
            del document["services"][0][name]
    assert found == recorded


def test_an_algorithm_has_the_container_and_its_checksum_as_the_recorded_trust():
    indexed = recordings("ddo")["ddo-get-algorithm"]["response"]["body"]["json"]
    (trusted,) = recordings("ddo")["validate-data-denied"]["request"]["body"]["json"]["ddo"]["services"][0][
        "compute"
    ]["publisherTrustedAlgorithms"]

    found = document_of(described(ALGORITHM))

    assert found["metadata"]["algorithm"] == indexed["metadata"]["algorithm"]
    assert ddo.container_section_checksum(found) == trusted["containerSectionChecksum"]


@pytest.mark.parametrize("name", ["ddo-get", "ddo-get-algorithm", "ddo-metadata"])
def test_a_did_is_of_contract_and_chain(name: str):
    indexed = recordings("ddo")[name]["response"]["body"]["json"]

    assert ddo.did_of(indexed["nftAddress"].lower(), indexed["chainId"]) == indexed["id"]


def test_the_hash_is_of_the_text_that_a_real_node_hashes():
    exchange = recordings("ddo")["validate-data-access"]
    text = ddo.compact(exchange["request"]["body"]["json"]["ddo"])

    assert f"0x{hashlib.sha256(text.encode()).hexdigest()}" == exchange["response"]["body"]["json"]["hash"]


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_can_be_described_keeps_the_schemas(version: str):
    trusted = TrustedAlgorithm(
        did="did:op:" + "a" * 64, files_checksum="ab", container_section_checksum="cd", service_id="ef"
    )
    parameter = {
        "name": "size",
        "type": "number",
        "label": "Size",
        "required": False,
        "description": "How many rows",
        "default": "10",
    }
    compute = {"trusted_algorithms": [trusted], "trusted_publishers": ["*", SOMEBODY.lower()]}
    services = [
        {"files": [FILE], "compute": compute, "name": "to compute", "consumer_parameters": [parameter]},
        {"type": "access", "files": [FILE, FILE], "timeout_seconds": 0},
    ]
    credentials = {"allow": [SOMEBODY], "deny": [DATA_NFT]}

    made = document_of(described(services=services, credentials=credentials, ddo_version=version))

    secret = json.loads(ddo.file_secret(described(services=services).services[1], DATA_NFT, DATATOKEN))
    assert conforms(made)
    assert made["services"][0]["compute"]["publisherTrustedAlgorithmPublishers"] == ["*", SOMEBODY]
    assert made["credentials"]["allow"] == [{"type": "address", "values": [SOMEBODY]}]
    assert len({service["id"] for service in made["services"]}) == 2
    assert (secret["nftAddress"], secret["datatokenAddress"]) == (DATA_NFT, DATATOKEN)
    assert secret["files"] == [FILE, FILE]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "name"),
        ({"services": []}, "services"),
        ({"services": [{"files": [FILE, FILE]}]}, "the first file of a service only"),
        ({"services": [{"files": [{"url": FILE["url"]}]}]}, "`type`"),
        ({"role": "algorithm"}, "with its container"),
        ({"price": {"kind": "fixed_rate", "price": 0.1}}, "a float is not exact"),
        ({"price": {"kind": "fixed_rate", "price": "-1"}}, "price"),
        ({"credentials": {"allow": ["0x12"]}}, "is not an address"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_is_said_without_the_values(change: dict[str, Any], words: str):
    with pytest.raises(SettingsError) as raised:
        described(**change)

    assert words in str(raised.value)
    assert "secret-path" not in str(raised.value)


def test_no_description_shows_its_files():
    assert "secret-path" not in repr(described())


def test_a_price_is_exact():
    (price,) = (described(price={"kind": "fixed_rate", "price": "0.1"}).price,)

    assert price is not None
    assert price.kind == "fixed_rate"
    assert price.price == Decimal("0.1")


def test_the_mark_tells_descriptions_apart_and_nothing_else():
    def mark(description: AssetDescription, url: str = URL, key: bytes = b"key") -> str:
        return ddo.mark_of(description, url, key)

    signed = [{"files": [{**FILE, "url": f"{FILE['url']}?{n}"}], "same_files": "abc"} for n in (1, 2)]

    assert mark(described()) == mark(described())
    assert mark(described(services=[signed[0]])) == mark(described(services=[signed[1]]))
    others = [
        mark(described(author="somebody")),
        mark(described(services=[{"files": [{**FILE, "url": "https://files.test/other.csv"}]}])),
        mark(described(services=[signed[0]])),
        mark(described(), "http://other.test:8001"),
        mark(described(), key=b"another"),
    ]
    assert len({mark(described()), *others}) == 6
    assert ddo.mark_in(document_of(described(), mark(described()))) == mark(described())


def test_what_a_node_indexed_is_compared_but_for_what_is_its_own():
    meant = document_of(described())
    found = {**document_of(described()), "indexedMetadata": {"nft": {}}, "datatokens": []}
    found["metadata"] = {**found["metadata"], "updated": "2026-11-22T20:00:00Z"}
    found["services"] = [{**found["services"][0], "files": "0x04ff"}]
    assert ddo.differences(meant, found) == []

    found["metadata"]["license"] = "none"
    found["services"][0]["timeout"] = 1

    assert ddo.differences(meant, found) == ["metadata.license", "services"]
