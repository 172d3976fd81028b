# SPDX-License-Identifier: Apache-2.0
"""Publishing as a task: on a real chain, indexed by a local Ocean Node, by Airflow's connections."""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import uvicorn
from airflow.sdk import DAG, AssetAlias, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_deflow.api.app import create_app
from airflow_provider_deflow.cli import ledger_view
from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.hooks.signed_urls import FILES_ROUTE
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import history
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings
from airflow_provider_deflow.operators import asset_files
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.publish import PublishDDOOperator
from airflow_provider_deflow.stack import mongod, ports
from tests.github_server import READS, WRITES, running_github
from tests.local_ocean_node.file_server import FileServer, running_file_server
from tests.local_ocean_node.publishing import Asset, Publisher
from tests.local_ocean_node.running import KEYS as NODE_KEYS
from tests.local_ocean_node.running import consumer, fast, running_ocean_node
from tests.operators import one_graph, one_task
from tests.publishing_parts import CONTAINER, DATASET, file_object
from tests.services import KEYS, Chain

pytestmark = [pytest.mark.chain, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]

FERNET_KEY = "cFRscERHa2VmRU1ERkI0TXlXWm5zNTJ4aWFPa2FnPT0="
DESCRIPTION = {**DATASET, "services": [{"type": "access"}]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    with running_ocean_node(fast(tmp_path_factory.mktemp("node"), chains=(served,))) as url:
        yield url


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    with running_file_server() as url:
        yield url


@pytest.fixture
def published(chain: Chain, url: str) -> Publisher:
    """What the chain and the Ocean Node say of account 4, which the connection's wallet is."""
    return Publisher(chain, url)


@pytest.fixture(autouse=True)
def connections(
    tmp_path: Path,
    chain: Chain,
    url: str,
    mongo_uri: str,
    mongo_database: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", FERNET_KEY)
    mongo = {**json.loads(mongod.airflow_connection(mongo_uri)), "schema": mongo_database.name}
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(mongo))
    extra = {"requests_per_minute": 100_000, "poll_interval_seconds": 0.3}
    node = {"conn_type": "ocean_node", "host": url, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps(node))
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(wallet(chain)))


def wallet(chain: Chain, **extra: Any) -> dict[str, Any]:
    on_chain = {
        "rpc_url": chain.rpc_url,
        "chain_id": chain.chain_id,
        "address_file": str(chain.address_file),
    }
    return {"conn_type": "ocean_wallet", "password": KEYS[4], "extra": {**on_chain, **extra}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The DeFlow API as the Ocean Node reaches it."""
    listening = socket.create_server((ports.LOOPBACK, 0))
    address = f"http://localhost:{listening.getsockname()[1]}"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", address)
    server = uvicorn.Server(uvicorn.Config(_mounted(), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    yield address
    server.should_exit = True
    thread.join()
    listening.close()


def _mounted() -> Any:
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount(FILES_ROUTE.split("/api/")[0], create_app())
    return outer


def operator(task_id: str = "publish", **changes: Any) -> PublishDDOOperator:
    with DAG("by_hand", schedule=None):
        return PublishDDOOperator(task_id=task_id, **{"description": DESCRIPTION, **changes})


def run(
    task: PublishDDOOperator, run_id: str = "run 1", upstream: dict[str, Any] | None = None
) -> tuple[dict[str, Any], list[Any]]:
    """What it returned, and the events of Airflow assets that it gave."""
    of = one_task.context(run_id=run_id)
    of["ti"] = SimpleNamespace(**{**vars(of["ti"]), "xcom_pull": lambda **_: upstream})
    of["outlet_events"] = OutletEventAccessors()
    returned = task.execute(of)
    return returned, of["outlet_events"][task.asset_alias].asset_alias_events


def downloaded(published: Publisher, returned: dict[str, Any]) -> bytes:
    """Ordered and fetched by somebody else."""
    from airflow_provider_deflow.chain.transactions import Sender

    ddo = published.indexed(returned["did"])
    assert ddo is not None
    asset = Asset(returned["did"], returned["data_nft"], returned["datatoken"], ddo, "")
    alice = consumer(published.url, 1)
    named = {"documentId": asset.did, "serviceId": asset.service_id, "consumerAddress": alice.address}
    fee = alice.get("/api/services/initialize", **named).json()["providerFee"]
    order = published.order(asset, Sender(published.chain.web3, KEYS[1]), alice.address, fee)
    signed = {**named, **alice.signed("download"), "fileIndex": 0, "transferTxId": order}
    reply = alice.get("/api/services/download", **signed)
    assert reply.status_code == 200, reply.text
    return reply.content


def test_file_objects_become_an_asset(published: Publisher, files: str) -> None:
    task = operator("objects", files=file_object(f"{files}/n.txt"))

    returned, (event,) = run(task)

    assert set(returned) == {"did", "data_nft", "datatoken", "transactions"}
    assert json.loads(json.dumps(returned)) == returned
    assert downloaded(published, returned) == FileServer.files["/n.txt"]
    assert event.dest_asset_key.uri == f"ocean://{returned['did']}/"
    assert event.extra["transaction"] == returned["transactions"][1]
    (link, _) = (one.get_link(task, ti_key=None) for one in task.operator_extra_links)  # type: ignore[arg-type]
    assert requests.get(link).json()["id"] == returned["did"]


def test_a_later_run_sends_nothing_and_says_nothing_until_there_is_a_new_version(
    published: Publisher, files: str
) -> None:
    def sent() -> int:
        return int(published.chain.web3.eth.get_transaction_count(published.sender.address))

    first, (_,) = run(operator("again", files=file_object(f"{files}/n.txt")))
    before = sent()

    retried, (repeated,) = run(operator("again", files=file_object(f"{files}/n.txt")))
    later, none = run(operator("again", files=file_object(f"{files}/n.txt")), "run 2")
    assert (retried, later, none, sent() - before) == (first, first, [], 0)
    assert repeated.extra["transaction"] == first["transactions"][1]

    changed, (event,) = run(operator("again", files=file_object(f"{files}/algo.py")), "run 3")
    assert (changed["did"], sent() - before) == (first["did"], 1)
    assert event.dest_asset_key == repeated.dest_asset_key


def test_a_job_s_outputs_become_an_asset(
    published: Publisher, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DAG("by_hand", schedule=None):
        train = OceanComputeOperator(
            task_id="train",
            node={
                "algorithm": {"code": one_task.WRITE.format("trained"), "image": "python:3.11"},
                "wallet": "somebody",
            },
        )
        task = PublishDDOOperator(
            task_id="outputs", description=DESCRIPTION, files=train.output, patterns=["*.txt"]
        )
    assert task.upstream_task_ids == {"train"}
    somebody = {"conn_type": "ocean_wallet", "password": NODE_KEYS[0]}
    monkeypatch.setenv("AIRFLOW_CONN_SOMEBODY", json.dumps(somebody))
    upstream = one_task.run(train, one_task.context())

    returned, _ = run(task, upstream=upstream)
    again, none = run(task, "run 2", upstream)

    assert downloaded(published, returned) == b"trained"
    # Signed anew, and yet the same.
    assert (again, none) == (returned, [])


def test_a_path_in_object_storage_becomes_an_asset(published: Publisher, api: str, tmp_path: Path) -> None:
    (tmp_path / "größe 1.csv").write_text("1,2\n")

    returned, _ = run(operator("path", files=f"file://{tmp_path}/größe 1.csv"))

    assert downloaded(published, returned) == b"1,2\n"


def test_a_storage_that_signs_does_so_itself() -> None:
    """As S3 does; the file stays where it is."""

    class Signing(MemoryFileSystem):
        def sign(self, path: str, expiration: int = 100, **_: Any) -> str:
            return f"https://storage.test/{path}?for={expiration}"

    attach("memory", conn_id="signing", fs=Signing())
    path = ObjectStoragePath("memory://bucket/a.csv", conn_id="signing")
    path.write_bytes(b"1,2\n")

    (file,) = asset_files.files_of(path, ["*"], asset_files.Shown(content_store(), 600))
    (same,) = asset_files.files_of(path, ["*"], asset_files.Shown(content_store(), 600))
    path.write_bytes(b"1,2,3\n")
    (other,) = asset_files.files_of(path, ["*"], asset_files.Shown(content_store(), 600))

    assert file.file_object["url"].endswith("/a.csv?for=600")
    assert (file.name, file.same) == ("a.csv", same.same)
    assert other.same != same.same


def test_a_path_in_a_storage_that_signs_nothing_becomes_an_asset(published: Publisher, api: str) -> None:
    attach("memory", conn_id="plain", fs=MemoryFileSystem())
    path = ObjectStoragePath("memory://bucket/b.csv", conn_id="plain")
    path.write_bytes(b"3,4\n")

    returned, _ = run(operator("memory", files=path))

    assert downloaded(published, returned) == b"3,4\n"


def test_a_signed_url_is_renewed_after_half_of_its_life(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(asset_files, "time", SimpleNamespace(time=lambda: at[0]))

    def same() -> str | None:
        shown = asset_files.Shown(content_store(), 1000)
        return shown.signed("a", "https://storage.test/a", "sha").same

    names = []
    for at[0] in (0, 499, 500, 999, 1000):
        names.append(same())
    assert [names.index(name) for name in names] == [0, 0, 2, 2, 4]


def test_several_files_for_jobs_are_a_service_each(published: Publisher, files: str) -> None:
    given = [file_object(f"{files}/n.txt"), file_object(f"{files}/algo.py")]

    returned, _ = run(operator("several", description=DATASET, files=given))

    ddo = published.indexed(returned["did"])
    assert ddo is not None
    assert [service["type"] for service in ddo["services"]] == ["compute", "compute"]


def test_a_dag_s_own_asset_is_updated_by_its_did(published: Publisher, files: str) -> None:
    made = published.publish(file_object(f"{files}/n.txt"), service="access")

    returned, (event,) = run(operator("did", did=made.did, files=file_object(f"{files}/algo.py")))

    assert (returned["did"], len(returned["transactions"])) == (made.did, 1)
    assert downloaded(published, returned) == FileServer.files["/algo.py"]
    assert event.dest_asset_key.uri == f"ocean://{made.did}/"


def test_an_algorithm_that_a_task_upstream_publishes_is_trusted_and_may_update_what_another_published(
    published: Publisher, files: str
) -> None:
    with DAG("by_hand", schedule=None):
        made = {"services": [{"type": "compute"}], "algorithm": {"container": CONTAINER}}
        algorithm = PublishDDOOperator(
            task_id="algorithm",
            description={**DATASET, **made, "role": "algorithm"},
            files=file_object(f"{files}/algo.py"),
        )
        dataset = PublishDDOOperator(
            task_id="dataset", description=DATASET, files=file_object(f"{files}/n.txt")
        )
        allow = PublishDDOOperator(
            task_id="allow",
            description=DATASET,
            files=file_object(f"{files}/n.txt"),
            did=dataset.output["did"],
            trusted_algorithms=[algorithm.output["did"], "{{ run_id }}"],
        )
    assert allow.upstream_task_ids == {"algorithm", "dataset"}
    assert (algorithm.multiple_outputs, dataset.multiple_outputs) == (True, True)
    returned = {task.task_id: run(task)[0] for task in (algorithm, dataset)}

    # As Airflow does it: what is returned is pushed by name, and rendered from there.
    of = one_task.context(run_id=returned["algorithm"]["did"])
    of["outlet_events"] = OutletEventAccessors()

    def pull(task_ids: str, key: str, **_: Any) -> Any:
        return returned[task_ids][key]

    of["ti"] = SimpleNamespace(**{**vars(of["ti"]), "xcom_pull": pull})
    allow.render_template_fields(of)
    allowed = allow.execute(of)

    ddo = published.indexed(returned["dataset"]["did"])
    assert ddo is not None
    assert (allowed["did"], len(allowed["transactions"])) == (returned["dataset"]["did"], 1)
    (trusted,) = ddo["services"][0]["compute"]["publisherTrustedAlgorithms"]
    assert trusted["did"] == returned["algorithm"]["did"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"did": ""}, "'' is no DID"),
        ({"did": "None"}, "'None' is no DID"),
        ({"description": DATASET, "trusted_algorithms": ["squares"]}, "'squares' is no DID"),
        ({"trusted_algorithms": ["did:op:" + "0" * 64]}, "no compute service"),
    ],
    ids=["nothing", "none", "no did", "nowhere to trust"],
)
def test_a_did_that_did_not_come_from_upstream_makes_no_asset(
    published: Publisher, files: str, changes: dict[str, Any], words: str
) -> None:
    before = published.chain.web3.eth.get_transaction_count(published.sender.address)

    with pytest.raises(AirflowFailException, match=words):
        run(operator("nothing", files=file_object(f"{files}/n.txt"), **changes))

    assert published.chain.web3.eth.get_transaction_count(published.sender.address) == before


def test_what_is_wrong_with_a_description_is_said_when_the_dag_is_read() -> None:
    with pytest.raises(SettingsError, match="license: Field required"):
        operator(description={"name": "a", "description": "b", "author": "c"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "has no files"),
        (["http://files.test/a"], "`files` must be file objects"),
        ("file:///no/such/file.csv", "there is no file"),
        ("nowhere://no/such/file.csv", "cannot be opened"),
    ],
)
def test_wrong_files_are_not_retried(given: Any, words: str) -> None:
    with pytest.raises(AirflowFailException, match=words):
        run(operator("wrong", files=given))


def test_a_wallet_is_used_only_on_ocean_nodes_it_trusts(
    chain: Chain, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = wallet(chain, ocean_nodes=["https://other.test"])
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(trusting))

    with pytest.raises(AirflowFailException, match="is not used on"):
        run(operator("untrusted", files=file_object(f"{files}/n.txt")))


def test_neither_key_nor_file_is_left_anywhere(
    published: Publisher, files: str, tmp_path: Path, mongo_database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    returned, events = run(operator("secret", files=file_object(f"{files}/n.txt?canary-url")))

    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    kept = [
        str(one) for name in mongo_database.list_collection_names() for one in mongo_database[name].find()
    ]
    said = [caplog.text, str(returned), str(events), str(published.indexed(returned["did"]))]
    assert left
    assert kept
    for text in (*kept, *said, *(content.decode(errors="replace") for content in left)):
        assert "canary-url" not in text
        assert KEYS[4][2:] not in text.lower()


def test_what_was_published_and_what_it_cost_stands_in_the_ledger_once(
    published: Publisher, api: str, tmp_path: Path, mongo_database: Any
) -> None:
    """As `deflow runs show` gives it: held against the chain."""
    (tmp_path / "a.csv").write_text("1,2\n")
    task = operator("recorded", files=f"file://{tmp_path}/a.csv")
    returned, _ = run(task, "run of the ledger")
    run(task, "run of the ledger")

    shown, text = of_the_ledger(mongo_database, "run of the ledger")

    (asset,) = shown["assets"]
    assert (shown["nodes"], asset["state"], len(asset["tries"])) == ([], "succeeded", 1)
    assert {name: asset[name] for name in ("did", "data_nft", "datatoken", "role")} == {
        "role": "dataset",
        **{name: returned[name] for name in ("did", "data_nft", "datatoken")},
    }
    assert asset["files"] == [["a.csv", hashlib.sha256(b"1,2\n").hexdigest()]]
    assert asset["owner"] == published.sender.address
    made, described = asset["transactions"]
    assert (made["what"], described["what"]) == ("make data NFT and datatoken", "describe")
    assert [made["hash"], described["hash"]] == returned["transactions"]
    for one in (made, described):
        receipt: Any = published.chain.web3.eth.get_transaction_receipt(one["hash"])
        assert one["gas_wei"] == str(receipt["gasUsed"] * receipt["effectiveGasPrice"])
        assert f"transaction {one['hash']}, {receipt['gasUsed']} gas" in text
    assert f"dataset {returned['did']} on {published.url}" in text
    assert FILES_ROUTE not in json.dumps(shown) + text

    # What is found as it is described costs nothing, and says so.
    run(task, "a later run")
    (found,) = of_the_ledger(mongo_database, "a later run")[0]["assets"]
    assert (found["did"], found["transactions"]) == (returned["did"], [])


def test_what_could_not_be_published_is_told_with_its_reason(
    published: Publisher, mongo_database: Any, files: str
) -> None:
    with pytest.raises(AirflowFailException):
        run(operator("lost", files=file_object(f"{files}/nothing?canary-url")), "run that fails")

    shown, text = of_the_ledger(mongo_database, "run that fails")

    assert (shown["state"], shown["assets"][0]["transactions"]) == ("failed", [])
    assert "is not there for" in text
    assert "canary-url" not in json.dumps(shown) + text


def of_the_ledger(database: Any, run_id: str) -> tuple[dict[str, Any], str]:
    ledger = LedgerStore(database)
    record = ledger.run(run_id)
    shown = history.of_run(record, ledger.entries([record["_id"]]))
    return shown, ledger_view.account(shown)


def test_reading_a_dag_with_it_imports_no_chain() -> None:
    script = (
        "import sys, airflow_provider_deflow.operators.publish, airflow_provider_deflow.operators.handover\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('web3', 'pymongo')])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_its_asset_is_not_known_before_and_only_dids_are_templated() -> None:
    task = operator(files=file_object("https://files.test/secret"), url_lifetime=timedelta(days=1))

    assert task.outlets == [AssetAlias("deflow:by_hand.publish")]
    assert list(task.template_fields) == ["did", "trusted_algorithms"]
    assert "secret" not in repr(task.description) + repr(asset_files.AssetFile("a", {"url": "secret"}))
    assert io.StringIO(str(task)).read().count("secret") == 0


def chained(text: str, consumer: dict[str, Any] | None = None) -> dict[str, Any]:
    """`a` writes two files; `b` gets one of them as an asset of the graph's wallet."""
    code = (
        "import os; os.makedirs('/data/outputs/deep')\n"
        f"open('/data/outputs/deep/größe 1.txt', 'w').write({text!r})\n"
        "open('/data/outputs/stays.txt', 'w').write('behind')"
    )
    read = (
        "import json, os; (one,) = json.loads(os.environ['DEFLOW_INPUTS'])\n"
        "assert one['path'] == '/data/inputs/' + one['name'] == '/data/inputs/deep__größe 1.txt', one\n"
        "assert sorted(os.listdir('/data/inputs'))[0] == 'algoCustomData.json'\n"
        "open('/data/outputs/read.txt', 'w').write(open(one['path']).read() + ' read')"
    )
    algorithm = {"image": "python:3.11", "entrypoint": "python3 $ALGO"}
    return {
        "slug": "as-asset",
        "nodes": [
            {"id": "a", "data": {"algorithm": {"code": code, **algorithm}}},
            {"id": "b", "data": {"algorithm": {"code": read, **algorithm}, **(consumer or {})}},
        ],
        "edges": [{"source": "a", "target": "b", "data": {"handover": "asset", "files": ["deep/*"]}}],
    }


def test_an_edge_hands_over_an_asset_once_per_content_and_only_to_its_consumer(
    published: Publisher, api: str, mongo_database: Any
) -> None:
    def sent() -> int:
        return int(published.chain.web3.eth.get_transaction_count(published.sender.address))

    before = sent()
    first = one_graph.run_graph(chained("x"), "run 1")
    (edge,) = of_the_ledger(mongo_database, "run 1")[0]["edges"]
    assert [one["what"] for one in edge["transactions"]] == ["make data NFT and datatoken", "describe"]
    assert one_task.written(first["b"]) == {"read.txt": "x read"}
    assert first["a__b"]["mode"] == "asset"
    assert sent() - before == 2

    one_graph.run_graph(chained("x"), "run 2")
    assert sent() - before == 2
    other = one_graph.run_graph(chained("y"), "run 3")
    assert one_task.written(other["b"]) == {"read.txt": "y read"}
    assert sent() - before == 4

    with content_store().open(first["a__b"]["handover"]) as kept:
        handed = json.load(kept)
    assert (edge["did"], edge["data_nft"]) == (handed["did"], handed["data_nft"])
    ddo = published.indexed(handed["did"])
    assert ddo is not None
    owner = published.sender.address
    assert ddo["credentials"]["allow"] == [{"type": "address", "values": [owner]}]
    assert [service["id"] for service in ddo["services"]] == handed["services"]
    assert not {"as-asset", "größe", "deep"} & set(re.findall(r"[\w-]+", json.dumps(ddo, ensure_ascii=False)))
    stranger = consumer(published.url, 2)
    refused = stranger.ask_for(datasets=[{"documentId": handed["did"], "serviceId": handed["services"][0]}])
    assert refused.status_code != 200, refused.text


def test_an_edge_hands_over_from_a_github_repository(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The files of an asset stay there, so that no URL has to be renewed; and no DeFlow API is needed."""
    with running_github() as github:
        monkeypatch.setenv("AIRFLOW_CONN_GITHUB_FILES", json.dumps(github.connection()))
        monkeypatch.setenv("AIRFLOW__DEFLOW__ASSET_FILES_CONN_ID", "github_files")
        caplog.set_level("DEBUG")

        first = one_graph.run_graph(chained("from github"), "run 1")

        assert one_task.written(first["b"]) == {"read.txt": "from github read"}
        assert (list(github.files.values()), github.commits) == ([b"from github"], 1)
    left = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert not [text for text in (*left, caplog.text, str(first)) if WRITES in text or READS in text]


def test_a_task_s_outputs_are_published_from_a_github_repository(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "größe 1.csv").write_text("1,2\n")
    with running_github(private=False) as github:
        connection = github.connection(public=True)
        monkeypatch.setenv("AIRFLOW_CONN_GITHUB_FILES", json.dumps(connection))
        given = {"files": f"file://{tmp_path}/größe 1.csv", "files_conn_id": "github_files"}

        returned, _ = run(operator("github", **given))

        assert downloaded(published, returned) == b"1,2\n"
        assert f"GET /raw/ocean/outputs/main/{next(iter(github.files))}" in github.asked


def test_an_asset_needs_a_wallet_with_a_chain(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only_signs = {"conn_type": "ocean_wallet", "password": KEYS[4]}
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(only_signs))

    with pytest.raises(AirflowFailException, match="names no chain to pay on"):
        one_graph.run_graph(chained("x"), "run 1")
