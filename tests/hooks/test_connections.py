# SPDX-License-Identifier: Apache-2.0
"""Connections and settings become values, or errors that name the field to mend."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import settings, signed_urls
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.stack import mongod
from tests import services
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    return tmp_path


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **connection: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "https://node.example:8001/"}, "https://node.example:8001"),
        ({"host": "node.example", "port": 8001}, "http://node.example:8001"),
        ({"host": "node.example", "schema": "https"}, "https://node.example"),
    ],
)
def test_a_nodes_url_may_be_written_in_one_field_or_three(
    fields: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "node", conn_type="ocean_node", **fields)

    assert OceanNodeHook("node").settings().url == url


def test_a_node_without_more_keeps_a_real_nodes_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "node", conn_type="ocean_node", host="http://n")

    found = OceanNodeHook("node").settings()

    assert (found.requests_per_minute, found.poll_interval_seconds) == (30, 10.0)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        ({}, "has no host. Put the Ocean Node's URL there"),
        (
            {"host": "http://n", "extra": {"requests_per_minute": "many"}},
            "requests_per_minute and poll_interval",
        ),
    ],
)
def test_a_malformed_node_connection_says_what_to_mend(
    connection: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "node", conn_type="ocean_node", **connection)

    with pytest.raises(errors.SettingsError, match=message):
        OceanNodeHook("node").settings()


def test_the_test_button_of_a_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_ocean_node(fast(tmp_path / "node")) as url:
        connect(monkeypatch, "node", conn_type="ocean_node", host=url, extra={"requests_per_minute": 600})
        assert OceanNodeHook("node").test_connection() == (
            True,
            "Ocean Node 3.2.0, 1 compute environment(s) with free jobs",
        )

    works, why = OceanNodeHook("node").test_connection()
    assert not works
    assert url in why


def test_the_test_button_of_a_wallet(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "wallet", conn_type="ocean_wallet", password=KEYS[0])
    assert OceanWalletHook("wallet").test_connection() == (True, f"signs as {ADDRESS}")

    connect(monkeypatch, "wallet", conn_type="ocean_wallet", password="not-a-key-at-all")
    works, why = OceanWalletHook("wallet").test_connection()
    assert not works
    assert "not-a-key-at-all" not in why

    connect(monkeypatch, "wallet", conn_type="ocean_wallet")
    assert "has no private key" in OceanWalletHook("wallet").test_connection()[1]


def wallet_on(chain: services.Chain, **extra: Any) -> dict[str, Any]:
    named = {
        "rpc_url": f"{chain.rpc_url}/?key=canary",
        "chain_id": chain.chain_id,
        "address_file": str(chain.address_file),
    }
    return {"conn_type": "ocean_wallet", "password": KEYS[0], "extra": named | extra}


@pytest.mark.chain
def test_a_wallet_with_a_chain_pays_there(
    chain: services.Chain, mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "wallet", **wallet_on(chain, max_fee_gwei="50", ocean_nodes="http://a/, http://b"))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", mongod.airflow_connection(mongo_uri))
    hook = OceanWalletHook("wallet")

    works, said = hook.test_connection()
    wallet = hook.wallet()
    before = chain.web3.eth.get_transaction_count(wallet.web3.to_checksum_address(ADDRESS))
    token = chain.at("OceanToken", chain.fee_token).functions
    wallet.confirm(wallet.send(token.approve(hook.network().address("Escrow"), 1)))

    assert works
    assert re.fullmatch(
        rf"signs as {ADDRESS}, on chain 8996 \(development\), with [\d.]+ of its coin for gas", said
    )
    assert chain.web3.eth.get_transaction_count(wallet.web3.to_checksum_address(ADDRESS)) == before + 1
    assert hook.trusts("http://b/")
    assert not hook.trusts("http://c")
    settings = hook.chain_settings()
    assert settings is not None
    assert settings.max_fee == 50 * 10**9
    assert "canary" not in repr(settings)


@pytest.mark.chain
@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"chain_id": 1}, "serves chain 8996, not 1"),
        ({"chain_id": "one"}, "chain_id is 'one', and must be a whole number"),
        ({"max_fee_gwei": "much"}, "max_fee_gwei is 'much', and must be a number of gwei"),
        ({"address_file": "/nowhere"}, "the address file /nowhere cannot be read"),
        ({"rpc_url": "http://127.0.0.1:9/canary"}, r"127\.0\.0\.1:9 did not answer"),
    ],
)
def test_the_test_button_says_what_is_wrong_with_a_wallets_chain(
    chain: services.Chain, extra: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "wallet", **wallet_on(chain, **extra))

    works, why = OceanWalletHook("wallet").test_connection()

    assert not works
    assert re.search(message, why)
    assert "canary" not in why


def test_a_wallet_without_a_chain_only_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "wallet", conn_type="ocean_wallet", password=KEYS[0])

    assert OceanWalletHook("wallet").chain_settings() is None
    assert OceanWalletHook("wallet").trusts("http://anywhere")
    with pytest.raises(errors.SettingsError, match="Put rpc_url and chain_id into its extra"):
        OceanWalletHook("wallet").wallet()


def test_storage_is_a_folder_of_airflow_home_unless_set(
    airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.storage_url() == f"file://{airflow_home}/deflow/storage"

    monkeypatch.setenv("AIRFLOW__DEFLOW__STORAGE", f"file://{tmp_path}/elsewhere")
    with (tmp_path / "content").open("wb+") as content:
        sha256, _ = content_store().put(content)

    assert (tmp_path / "elsewhere" / "files" / sha256[:2] / sha256).exists()


def test_a_signed_url_names_one_file_and_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "cFRscERHa2VmRU1ERkI0TXlXWm5zNTJ4aWFPa2FnPT0=")
    url = signed_urls.signer_for(content_store())("a" * 64, "x y.csv")

    assert url.startswith("http://localhost:8080/deflow/api/v1/files/")
    assert url.endswith("/x%20y.csv")
    token = url.split("/")[-2]
    assert signed_urls.read_token(token) == "a" * 64
    # Not the last letter: some of its bits stand for nothing.
    other = "A" if token[-2] != "A" else "B"
    assert signed_urls.read_token(token[:-2] + other + token[-1]) is None
    later = time.time() + signed_urls.EXPIRES_SECONDS + 1
    monkeypatch.setattr(signed_urls, "time", SimpleNamespace(time=lambda: later))
    assert signed_urls.read_token(token) is None


@pytest.mark.parametrize(
    ("extra", "checks"),
    [
        ({}, True),
        ({"check_images": None}, True),
        ({"check_images": False}, False),
        ({"check_images": "false"}, False),
    ],
)
def test_a_node_connection_says_whether_images_are_looked_for(
    extra: dict[str, Any], checks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "node", conn_type="ocean_node", host="http://n", extra=extra)

    assert OceanNodeHook("node").settings().check_images is checks


def test_a_node_connection_names_registries_as_text_or_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for written in ("one.example, 10.0.0.0/8", ["one.example", "10.0.0.0/8"]):
        connect(monkeypatch, "node", conn_type="ocean_node", host="http://n", extra={"registries": written})

        assert OceanNodeHook("node").settings().registries == ("one.example", "10.0.0.0/8")
