# SPDX-License-Identifier: Apache-2.0
"""Names of inputs, DEFLOW_INPUTS, and the lines in front of inline code. Transfers: see e2e."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_deflow import errors, handover
from airflow_provider_deflow.graphs.graph import ComputeData

SHA = "a" * 64


def handed(edge: str, *names: str, mode: handover.Mode = "bucket") -> handover.Handed:
    files = tuple(handover.HandedFile(name, 3, SHA) for name in names)
    return handover.Handed(edge, edge.split("__")[0], mode, files, "bucket-1" if mode == "bucket" else None)


def no_url(sha256: str, name: str) -> str:
    raise AssertionError("bucket files need no URL")


def names(*all_handed: handover.Handed, own: tuple[str, ...] = ()) -> list[str]:
    return [each.name for each in handover.inputs_of(all_handed, own, no_url)]


def test_inputs_keep_their_names() -> None:
    assert names(handed("a__c", "x.csv"), handed("b__c", "y.csv")) == ["x.csv", "y.csv"]


def test_equal_names_get_their_source_in_front() -> None:
    assert names(handed("a__c", "x.csv", "y.csv"), handed("b__c", "x.csv")) == [
        "a__x.csv",
        "y.csv",
        "b__x.csv",
    ]


def test_a_name_of_the_nodes_own_dataset_is_not_taken_away() -> None:
    assert names(handed("a__c", "x.csv"), own=("x.csv",)) == ["a__x.csv"]


def test_a_nested_output_is_flat() -> None:
    assert names(handed("a__c", "model/weights.bin")) == ["model__weights.bin"]


def test_the_file_that_every_job_finds_is_not_overwritten() -> None:
    assert names(handed("a__c", "algoCustomData.json")) == ["a__algoCustomData.json"]


def test_names_that_stay_equal_are_refused() -> None:
    with pytest.raises(errors.SettingsError, match="two inputs of this node would both be /data/inputs/a__x"):
        names(handed("a__c", "x", "a__x"), own=("x",))


def test_a_bucket_file_is_found_below_persistent_storage() -> None:
    (each,) = handover.inputs_of([handed("a__c", "x.csv")], [], no_url)

    assert each.path == f"/data/persistentStorage/bucket-1/{SHA}"
    assert each.dataset == {
        "fileObject": {"type": "nodePersistentStorage", "bucketId": "bucket-1", "fileName": SHA}
    }
    assert json.loads(handover.inputs_variable([each])) == [
        {"edge": "a__c", "name": "x.csv", "path": each.path, "size": 3, "sha256": SHA}
    ]


def test_a_fetched_file_is_found_by_the_last_part_of_its_url() -> None:
    url = f"https://storage.example/files/{SHA}?signature=s"

    (each,) = handover.inputs_of([handed("a__c", "x.csv", mode="url")], [], lambda sha256, name: url)

    assert each.path == f"/data/inputs/{SHA}"
    assert each.dataset == {"fileObject": {"type": "url", "url": url, "method": "GET"}}


def test_a_fetched_name_stays_encoded_as_the_ocean_node_leaves_it() -> None:
    url = "http://localhost:8080/files/token/gr%C3%B6%C3%9Fe%20a.csv"

    (each,) = handover.inputs_of([handed("a__c", "größe a.csv", mode="url")], [], lambda sha256, name: url)

    assert (each.name, each.path) == ("größe a.csv", "/data/inputs/gr%C3%B6%C3%9Fe%20a.csv")


def test_what_was_handed_over_survives_json() -> None:
    there = handed("a__c", "x.csv", "y.csv")

    assert handover.Handed.from_document(json.loads(json.dumps(there.to_document()))) == there


def run(code: str, inputs: Path, stored: Path) -> str:
    """Run prepared code with another folder in place of /data/inputs."""
    listed = [{"edge": "a__c", "name": "x.csv", "path": str(stored), "size": 3, "sha256": SHA}]
    prepared = handover.with_inputs_linked(code).replace("/data/inputs", str(inputs))
    environment = {"DEFLOW_INPUTS": json.dumps(listed)}
    done = subprocess.run(
        [sys.executable, "-c", prepared], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_prepared_code_finds_its_inputs_by_name(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_text("1,2")
    code = (
        '"""What it does."""\n'
        "from __future__ import annotations\n"
        "import json, os\n"
        "print(open('/data/inputs/x.csv').read(), json.loads(os.environ['DEFLOW_INPUTS'])[0]['path'])\n"
        "print(__doc__, 'inputs' in globals())\n"
    )

    assert run(code, tmp_path, stored) == f"1,2 {tmp_path}/x.csv\nWhat it does. False\n"


def test_code_that_is_one_future_import_is_still_prepared(tmp_path: Path) -> None:
    code = handover.with_inputs_linked("from __future__ import annotations")

    compile(code, "algorithm", "exec")


def test_only_a_line_feed_ends_a_line_of_code(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_text("1,2")
    code = '\ufeff"""Says \x0c and \u2028."""\nprint(open("/data/inputs/x.csv").read())'

    assert run(code, tmp_path, stored) == "1,2\n"


def test_a_consumer_that_cannot_take_bucket_files_is_told_what_to_choose() -> None:
    by_did = ComputeData.model_validate({"algorithm": {"did": "did:op:" + "0" * 64}})

    with pytest.raises(errors.SettingsError, match="Choose `url`"):
        handover.mode_of("auto", by_did)
    assert handover.mode_of("url", by_did) == "url"


def test_an_asset_is_named_by_did_and_service_and_keeps_the_name_it_was_published_with() -> None:
    files = (handover.HandedFile("x.csv", 3, SHA), handover.HandedFile("deep/y.csv", 3, "b" * 64))
    asset = handover.Handed("a__c", "a", "asset", files, did="did:op:1", services=("s0", "s1"))

    assert handover.Handed.from_document(json.loads(json.dumps(asset.to_document()))) == asset
    inputs = handover.inputs_of([asset], [], lambda sha256, name: f"https://storage.test/{name}?signed")
    assert [(each.name, each.path, each.dataset) for each in inputs] == [
        ("x.csv", "/data/inputs/x.csv", {"documentId": "did:op:1", "serviceId": "s0"}),
        ("deep__y.csv", "/data/inputs/deep__y.csv", {"documentId": "did:op:1", "serviceId": "s1"}),
    ]
    with pytest.raises(errors.SettingsError, match="two inputs of this node would both be"):
        handover.inputs_of([asset, asset], [], lambda sha256, name: f"https://storage.test/{name}")
