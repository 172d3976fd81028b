# SPDX-License-Identifier: Apache-2.0
"""The chain that the node is paid on, our account there, and assets that it published."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.files import Files
from tests.conformance.on_chain.money import DEPOSIT, Chain, Payer
from tests.conformance.on_chain.publishing import Asset, Publisher, wait_until_indexed
from tests.conformance.session import Account, Node, Record


@pytest.fixture(scope="session")
def paid_on(given_url: str | None, request: pytest.FixtureRequest) -> Chain:
    """The chain that the node is paid on."""
    if not given_url:
        local = request.getfixturevalue("one_chain")
        return Chain(local.rpc_url, local.address_file)
    rpc_url, address_file = (request.config.getoption(name) for name in ("--rpc-url", "--address-file"))
    if not rpc_url or not address_file:
        pytest.skip("no chain: --rpc-url and --address-file are not given")
    return Chain(rpc_url, Path(address_file))


@pytest.fixture(scope="session")
def priced(node: Node, paid_on: Chain) -> Record:
    """An open environment that takes payments on that chain."""
    for found in node.environments():
        fees = (found["fees"] or {}).get(str(paid_on.chain_id))
        if fees and not any(found["access"].values()) and any(one["price"] for one in fees[0]["prices"]):
            return found
    pytest.skip(f"no environment of this node is open and paid on chain {paid_on.chain_id}")


@pytest.fixture(scope="session")
def payer(paid_on: Chain, priced: Record, key: str) -> Payer:
    """Our account with funds in the escrow and an authorisation for the node."""
    token = priced["fees"][str(paid_on.chain_id)][0]["feeToken"]
    payer = Payer(paid_on, key, token, priced["consumerAddress"])
    if payer.funds.available < DEPOSIT:
        if payer.wallet < DEPOSIT:
            pytest.skip(f"{payer.address} has less than 20 tokens of {token} on chain {paid_on.chain_id}")
        payer.deposit()
    payer.authorize()
    return payer


@pytest.fixture(scope="session")
def publisher(paid_on: Chain, key: str, alice: Account) -> Publisher:
    if not paid_on.web3.eth.get_balance(alice.address):
        pytest.skip(f"{alice.address} has no gas on chain {paid_on.chain_id} to publish with")
    return Publisher(paid_on, key, alice)


@pytest.fixture(scope="session")
def download(publisher: Publisher, files: Files, node: Node) -> Asset:
    """Two files, one of them with a name of its own; its DDO is encrypted."""
    asset = publisher.publish(files.object("/data.csv"), files.object("/other/n.txt"), service="access")
    wait_until_indexed(node, asset.did)
    return asset


@pytest.fixture(scope="session")
def dataset(publisher: Publisher, files: Files, node: Node) -> Asset:
    """For computing on; its DDO is in the clear."""
    asset = publisher.publish(files.object("/n.txt"), service="compute", clear=True)
    wait_until_indexed(node, asset.did)
    return asset
