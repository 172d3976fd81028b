# SPDX-License-Identifier: Apache-2.0
"""Publishing over the API: asked of a real Airflow API server, and run here as its Dag's task runs.

The scheduler is what lies between, and nothing else: the task gets the conf that Airflow has kept.
"""

from __future__ import annotations

import configparser
import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.crypto import get_fernet
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_deflow import publication
from airflow_provider_deflow.hooks import sealing
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.operators.asset_files import Shown
from airflow_provider_deflow.stack import mongod
from tests.api.people import Asking
from tests.api.server import OCEAN_NODE_AWAY, Server
from tests.local_ocean_node.file_server import running_file_server
from tests.local_ocean_node.publishing import Publisher
from tests.local_ocean_node.running import fast, running_ocean_node
from tests.services import KEYS, Chain

pytestmark = [
    pytest.mark.stack,
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]

NODE, WALLET = "ocean_node_default", "ocean_wallet_on_sepolia"
ALGORITHM = {"image": "python", "tag": "3.11", "checksum": f"sha256:{'0' * 64}"}
FREE = {"kind": "free"}


def asset(**changes: Any) -> dict[str, Any]:
    return {
        "ocean_node": NODE,
        "wallet": WALLET,
        "kind": "dataset",
        "name": "Some numbers",
        "description": "Counted by hand",
        "author": "account 8",
        "license": "CC0-1.0",
        "tags": ["numbers"],
        "files": [{"url": "https://files.test/a.csv"}],
        "service": "access",
        **changes,
    }


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    with running_ocean_node(fast(tmp_path_factory.mktemp("node"), chains=(served,))) as url:
        yield url


@pytest.fixture(scope="module")
def op(api_server: Server) -> Asking:
    api_server.read_dags()
    return api_server.ask("op")


@pytest.fixture
def worker(
    api_server: Server,
    chain: Chain,
    url: str,
    mongo_uri: str,
    mongo_database: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], tuple[dict[str, Any], dict[str, Any]]]:
    """Runs the task of a run as a worker of that Airflow would; what it returned, and its XComs."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(api_server.home.airflow / "airflow.cfg")
    on_chain = {
        "rpc_url": chain.rpc_url,
        "chain_id": chain.chain_id,
        "address_file": str(chain.address_file),
    }
    wallet = {"conn_type": "ocean_wallet", "password": KEYS[8], "extra": on_chain}
    node = {"conn_type": "ocean_node", "host": url, "extra": {"requests_per_minute": 100_000}}
    mongo = {**json.loads(mongod.airflow_connection(mongo_uri)), "schema": mongo_database.name}
    for name, value in {
        "AIRFLOW__CORE__FERNET_KEY": settings["core"]["fernet_key"],
        "AIRFLOW__API__BASE_URL": api_server.url,
        "AIRFLOW__DEFLOW__STORAGE": f"file://{api_server.home.storage}",
        "AIRFLOW_CONN_OCEAN_WALLET_ON_SEPOLIA": json.dumps(wallet),
        "AIRFLOW_CONN_OCEAN_NODE_DEFAULT": json.dumps(node),
        "AIRFLOW_CONN_DEFLOW_MONGO": json.dumps(mongo),
    }.items():
        monkeypatch.setenv(name, value)
    get_fernet.cache_clear()
    task = publication.publish_dag().get_task(publication.TASK_ID)

    def run(run_id: str, **changed: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        pushed: dict[str, Any] = {}
        ti = SimpleNamespace(
            try_number=1,
            max_tries=3,
            dag_id=publication.DAG_ID,
            run_id=run_id,
            map_index=-1,
            xcom_push=lambda key, value: pushed.update({key: value}),
        )
        params = conf_of(api_server, run_id) | changed
        of: Any = {"ti": ti, "params": params, "outlet_events": OutletEventAccessors()}
        try:
            return task.execute(of), pushed
        except AirflowFailException:
            return {}, pushed

    return run


def conf_of(api_server: Server, run_id: str) -> dict[str, Any]:
    """As Airflow has kept it."""
    path = f"/api/v2/dags/{publication.DAG_ID}/dagRuns/{run_id}"
    login = {"authorization": f"Bearer {api_server.tokens['op']}"}
    conf: dict[str, Any] = api_server.client.get(path, headers=login).raise_for_status().json()["conf"]
    return conf


def asked(op: Asking, **changes: Any) -> str:
    started = op.fine(op("POST", "/assets", asset(**changes)))
    assert started["dag_id"] == publication.DAG_ID
    return str(started["run_id"])


def test_what_is_asked_for_is_published_once_however_often_it_is_asked(
    op: Asking, worker: Any, chain: Chain, url: str
) -> None:
    account = chain.web3.eth.account.from_key(KEYS[8]).address
    with running_file_server() as files:
        wanted = {"files": [{"url": f"{files}/n.txt"}], "price": FREE, "tags": ["once"]}
        first, _ = worker(asked(op, **wanted))
        sent = chain.web3.eth.get_transaction_count(account)
        again, _ = worker(asked(op, **wanted))
        other, _ = worker(asked(op, **wanted, name="Other numbers"))

    assert first["did"] == again["did"] != other["did"]
    assert (first["mint"] is not None, first["describe"] is not None) == (True, True)
    assert chain.web3.eth.get_transaction_count(account) - sent == 2
    document = Publisher(chain, url).indexed(first["did"])
    assert document is not None
    assert document["indexedMetadata"]["stats"][0]["prices"][0]["type"] == "dispenser"
    assert [service["type"] for service in document["services"]] == ["access"]


def test_an_upload_is_published_and_the_conf_has_its_hash_only(
    api_server: Server, op: Asking, worker: Any, chain: Chain, url: str
) -> None:
    kept = op.fine(op("POST", "/uploads", params={"name": "algo.py"}, content=b"print('canary-content')"))
    upload = {"sha256": kept["sha256"], "name": "algo.py"}
    run_id = asked(
        op,
        kind="algorithm",
        service="compute",
        algorithm=ALGORITHM,
        files=[{"upload": upload}],
        price={"kind": "fixed_rate", "amount": "1.5"},
    )

    conf = conf_of(api_server, run_id)
    returned, _ = worker(run_id)

    assert conf["files"] == [{"upload": kept["sha256"], "name": "algo.py"}]
    document = Publisher(chain, url).indexed(returned["did"])
    assert document is not None
    assert document["metadata"]["algorithm"]["container"]["image"] == "python"
    assert document["indexedMetadata"]["stats"][0]["prices"][0]["price"] == "1.5"


def test_a_secret_of_a_file_stands_nowhere(
    api_server: Server, op: Asking, worker: Any, caplog: pytest.LogCaptureFixture, mongo_database: Any
) -> None:
    caplog.set_level("DEBUG")
    with running_file_server() as files:
        headers = {"authorization": "Bearer canary-header"}
        run_id = asked(
            op, files=[{"url": f"{files}/n.txt?key=canary-url", "headers": headers}], tags=["safe"]
        )
        (file,) = conf_of(api_server, run_id)["files"]
        assert sealing.unseal(file["sealed"])["url"].endswith("key=canary-url")
        returned, pushed = worker(run_id)

    assert returned["did"]
    shown = op.get(f"/assets/publications/{run_id}")
    ours = [path.read_bytes() for path in api_server.home.root.rglob("*") if path.is_file()]
    kept = [
        str(one) for name in mongo_database.list_collection_names() for one in mongo_database[name].find()
    ]
    said = [conf_of(api_server, run_id), returned, pushed, shown, kept]
    ours_said = [one.getMessage() for one in caplog.records if not one.name.startswith(LOCAL_NODE)]
    for text in (str(said), *ours_said, *(content.decode(errors="replace") for content in ours)):
        assert "canary" not in text.replace("canary-rpc", "").replace("canary-content", "")


LOCAL_NODE = "airflow_provider_deflow.local_ocean_node"


@pytest.mark.parametrize("changed", [{"wallet": "another"}, {"seal": ""}, {"files": []}])
def test_a_conf_that_the_api_did_not_make_publishes_nothing(
    op: Asking, worker: Any, changed: dict[str, Any]
) -> None:
    """Else whoever may trigger a Dag could spend with every wallet there is."""
    run_id = asked(op, tags=["changed"])

    returned, pushed = worker(run_id, **changed)

    assert returned == {}
    assert "was not asked for in the DeFlow page" in pushed[publication.WHY]["message"]


def test_why_a_publication_failed_is_told(op: Asking, worker: Any) -> None:
    run_id = asked(op, files=[{"url": "http://127.0.0.1:9/nothing.csv"}], tags=["failing"])

    returned, pushed = worker(run_id)

    assert returned == {}
    assert pushed[publication.WHY]["fault"] == "ocean_node"
    assert "nothing.csv" not in pushed[publication.WHY]["message"]


def test_a_publication_is_shown_as_it_stands(op: Asking) -> None:
    run_id = asked(op)
    shown = op.get(f"/assets/publications/{run_id}")
    assert shown == {
        "state": "queued",
        "transactions": [],
        **dict.fromkeys(("did", "data_nft", "datatoken", "message", "hint")),
    }
    assert op("GET", "/assets/publications/none").status_code == 404


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": ""}, "name"),
        ({"author": "two\nlines"}, "author"),
        ({"kind": "algorithm"}, "algorithm"),
        ({"algorithm": ALGORITHM}, "algorithm"),
        ({"price": {"kind": "fixed_rate"}}, "price.amount"),
        ({"price": {"kind": "fixed_rate", "amount": "0"}}, "price.amount"),
        ({"price": {"kind": "free", "amount": "1"}}, "price"),
        ({"files": []}, "files"),
        ({"files": [{"url": "file:///etc/passwd"}]}, "files[0].UrlFile.url"),
        ({"files": [{"upload": {"sha256": "0" * 64, "name": "a"}}]}, "files[0].upload"),
        ({"wallet": "ocean_wallet_default"}, "wallet"),
        ({"wallet": NODE}, "wallet"),
        ({"ocean_node": "no_such"}, "ocean_node"),
        ({"trusted_algorithms": [f"did:op:{'0' * 64}"]}, "service"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(
    op: Asking, changes: dict[str, Any], where: str
) -> None:
    refused = op("POST", "/assets", asset(**changes))
    assert refused.status_code == 422, refused.text
    assert where in [one["where"] for one in refused.json()["problems"]], refused.text


def test_without_a_fernet_key_nothing_is_asked_of_airflow(
    ask: Callable[[str], Asking], monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = {"rpc_url": OCEAN_NODE_AWAY, "chain_id": 11155111}
    connection = {"conn_type": "ocean_wallet", "password": KEYS[8], "extra": wallet}
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_ON_SEPOLIA", json.dumps(connection))
    node = {"conn_type": "ocean_node", "host": OCEAN_NODE_AWAY}
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps(node))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    get_fernet.cache_clear()
    refused = ask("op")("POST", "/assets", asset())
    get_fernet.cache_clear()
    assert (refused.status_code, refused.json()["error"]) == (503, "settings")
    assert "generate_key" in refused.json()["message"]


def test_another_fernet_key_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.fernet import Fernet

    for key, read in ((Fernet.generate_key(), False), (Fernet.generate_key(), True)):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key.decode())
        get_fernet.cache_clear()
        if not read:
            sealed = sealing.seal({"url": "https://files.test"})
    with pytest.raises(Exception, match="another one here"):
        sealing.unseal(sealed)
    get_fernet.cache_clear()


def test_an_upload_that_was_cleared_meanwhile_is_named(tmp_path: Any) -> None:
    store = ContentStore(tmp_path)
    kept, _ = store.put(io.BytesIO(b"x"))
    store.path(kept).unlink()
    with pytest.raises(Exception, match="upload it again"):
        publication._asset_file({"upload": kept, "name": "x.csv"}, Shown(store, 60))
