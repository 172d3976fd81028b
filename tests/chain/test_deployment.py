# SPDX-License-Identifier: Apache-2.0
"""Ocean's contracts on a development chain: all there, wired, and found again by the address file."""

from __future__ import annotations

import pytest

from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.errors import ChainUnreachable, SettingsError, WrongChain
from tests import services

pytestmark = pytest.mark.chain


def test_every_address_holds_code(chain: services.Chain):
    for name, address in chain.addresses.items():
        for one in address.values() if isinstance(address, dict) else [address]:
            if name not in ("chainId", "startBlock"):
                assert len(chain.web3.eth.get_code(one)) > 0, name


def test_the_router_knows_what_it_routes_to(chain: services.Chain):
    router = chain.at("FactoryRouter", chain.addresses["Router"]).functions

    assert router.factory().call() == chain.addresses["ERC721Factory"]
    assert router.isFixedRateContract(chain.addresses["FixedPrice"]).call()
    assert router.isFixedRateContract(chain.addresses["FixedPriceEnterprise"]).call()
    assert router.isDispenserContract(chain.addresses["Dispenser"]).call()
    assert router.isApprovedToken(chain.fee_token).call()


def test_every_account_has_fee_tokens(chain: services.Chain):
    token = chain.at("OceanToken", chain.fee_token)

    for account in chain.web3.eth.accounts:
        assert token.functions.balanceOf(account).call() > 0


def test_the_network_is_found_by_its_chain_id(chain: services.Chain):
    network = Network.find(chain.chain_id, chain.address_file)

    assert network.name == "development"
    assert network.address("Escrow") == chain.addresses["Escrow"]
    assert network.address("ERC20Template", 2) == chain.addresses["ERC20Template"]["2"]


def test_public_networks_need_no_address_file():
    assert Network.find(11155111).name == "sepolia"
    assert Network.find(11155111).address("Escrow").startswith("0x")


def test_an_unknown_chain_is_an_error_that_names_it(chain: services.Chain):
    with pytest.raises(WrongChain, match="chain 4711"):
        Network.find(4711, chain.address_file)
    with pytest.raises(WrongChain, match="no EnterpriseEscrow"):
        Network.find(chain.chain_id, chain.address_file).address("EnterpriseEscrow")


def test_an_address_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "address.json").write_text('{"chainId": 8996}')

    with pytest.raises(SettingsError, match="malformed"):
        Network.find(8996, tmp_path / "address.json")


def test_another_chain_behind_the_url_is_refused(chain: services.Chain):
    with pytest.raises(WrongChain, match="serves chain 8996, not 1"):
        connect(chain.rpc_url, chain_id=1)


def test_an_rpc_url_is_shown_without_its_key():
    web3 = connect("http://127.0.0.1:9/v3/0123456789abcdef")

    with pytest.raises(ChainUnreachable, match=r"127\.0\.0\.1:9 did not answer") as caught:
        _ = web3.eth.block_number

    assert "0123456789abcdef" not in str(caught.value)
    assert caught.value.__suppress_context__
