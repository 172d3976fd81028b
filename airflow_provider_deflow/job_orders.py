# SPDX-License-Identifier: Apache-2.0
"""The orders of what a job uses by DID: found on the chain, or placed, each one once.

A job may use an asset when somebody has paid one datatoken for the Ocean Node to serve it. Such an order
holds for as long as the service says, for any number of jobs and runs; so the last one is looked for on the
chain, and the Ocean Node is asked whether it is still valid. Only when it is not, another one is placed.

Its purpose names the order that it comes after. Whoever comes to the same point again, by a retry, after a
kill, in another run or beside us, has the same purpose, for which a wallet sends one transaction ever.
What the datatoken costs is reserved of the budget before it is bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors, job_plans, order_books, order_quotes
from airflow_provider_deflow.ledger import reservations as ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.obtaining import Buying
    from airflow_provider_deflow.job_budgets import Limits
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.job_plans import Plan
    from airflow_provider_deflow.ledger.entry import Run
    from airflow_provider_deflow.ledger.leases import Lease, Leases
    from airflow_provider_deflow.ocean.assets import UsedAsset
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import JobRequest
    from airflow_provider_deflow.ocean.payments import AssetQuote


@dataclass(frozen=True)
class Orders:
    """Orders in the name of `wallet` for one node of a run.

    `buying` says what may be paid for one datatoken, `limits` the budget it counts in; without limits only
    datatokens that cost nothing are taken. `plan` is made before the first is bought. `about` is kept with
    a reservation.
    """

    wallet: PayingWallet
    network: Network
    reservations: ledger.Reservations
    leases: Leases
    limits: Limits | None
    buying: Buying
    plan: Plan | None
    run: Run
    about: Mapping[str, Any]
    say: Callable[[str], None]

    def placed(self, ocean_node: OceanNode, request: JobRequest) -> JobRequest:
        """The request with a valid order for each asset that it uses. Sends nothing when there are such."""
        if not request.assets:
            return request
        self.wallet.require_trust(ocean_node.url)
        for asset in request.assets:
            order_quotes.require_ours(self.wallet, self.network, asset)
        asking = order_quotes.asking_for(ocean_node, request, self.wallet.chain_id)
        # One after the other: two that find the same datatoken could not both pay with it.
        with self.leases.held(self.wallet.lease) as lease:
            last = {
                asset.did: order_quotes.last_order(self.wallet, self.network, asset, asking.consumer)
                for asset in request.assets
            }
            quotes = order_quotes.of_assets(ocean_node, request, asking, last)
            orders = {
                asset.did: self._valid(asset, quotes[asset.did], asking.consumer, last[asset.did], lease)
                for asset in request.assets
            }
        return order_quotes.with_orders(request, orders)

    def _valid(
        self, asset: UsedAsset, quote: AssetQuote, consumer: str, last: str | None, lease: Lease
    ) -> str:
        if quote.order:
            self.say(f"{asset.did} is ordered already, by transaction {quote.order}")
            order = quote.order
            # Another run may have placed it since this one was planned.
            self.reservations.release(self._planned(asset, consumer))
        else:
            lease.renew()
            order = self._place(asset, quote, consumer, last)
        self._settle_placed(asset)
        return order

    def _place(self, asset: UsedAsset, quote: AssetQuote, consumer: str, last: str | None) -> str:
        from airflow_provider_deflow.chain.datatoken import Datatoken

        fee = order_quotes.fee(asset, quote, consumer)
        purpose = (
            f"order {asset.datatoken} service {asset.service_index} for {consumer} after {last or 'none'}"
        )
        datatoken = Datatoken(self.wallet.web3, asset.datatoken)
        self._obtain(asset, datatoken, consumer, purpose)
        sent = datatoken.start_order(self.wallet.sends, consumer, asset.service_index, fee, purpose=purpose)
        # Before the ledger: it is ordered now, whatever becomes of that.
        order = str(self.wallet.web3.to_hex(self.wallet.sends.confirm(sent)["transactionHash"]))
        self.say(f"{asset.did} was ordered by transaction {order}")
        order_books.settle(self.wallet, self.reservations, purpose)
        return order

    def _obtain(self, asset: UsedAsset, datatoken: Any, consumer: str, purpose: str) -> None:
        """See that the wallet has the datatoken."""
        from airflow_provider_deflow.chain import obtaining

        sends = self.wallet.sends
        if not obtaining.costs_nothing(datatoken, sends, self.network):
            self._buy(asset, datatoken, consumer, purpose)
            return
        # It may have been bought by a try that was killed before it could say so.
        if self.reservations.get(purpose) is None:
            self._reserve(asset, consumer, purpose, 0, self.network.address("Ocean"), [])
        obtaining.obtain(datatoken, sends, self.network, obtaining.Buying(), purpose=purpose)

    def _buy(self, asset: UsedAsset, datatoken: Any, consumer: str, purpose: str) -> None:
        from airflow_provider_deflow.chain import obtaining

        try:
            offer = obtaining.best_offer(datatoken, self.wallet.sends, self.buying)
        except errors.PriceTooHigh as error:
            raise errors.PriceTooHigh(
                f"{asset.did} is not bought: {error}; the highest price is the budget's `per_run`"
            ) from None
        budgets = self.limits.budgets(self.run, self._token(offer.token)) if self.limits else []
        if self.plan:
            self.plan.make()
        self._reserve(asset, consumer, purpose, offer.amount, offer.token, budgets)
        try:
            bought = obtaining.buy(datatoken, self.wallet.sends, offer, purpose=purpose)
        except (errors.InsufficientFunds, errors.PolicyRefused, errors.TransactionFailed):
            # With the gas of what was sent, if that was reverted.
            order_books.settle(self.wallet, self.reservations, purpose)
            raise
        self.say(f"{asset.did}: a datatoken was {bought.how} for {offer.price:f} of token {offer.token}")

    def _reserve(
        self,
        asset: UsedAsset,
        consumer: str,
        purpose: str,
        amount: int,
        token: str,
        budgets: list[ledger.Budget],
    ) -> None:
        """Also what costs nothing but gas has its place in the ledger."""
        about = {
            **self.about,
            "kind": order_books.KIND,
            "did": asset.did,
            "datatoken": asset.datatoken,
            "consumer": consumer,
            "since_block": str(self.wallet.block_number()),
        }
        self.reservations.reserve(
            {purpose: amount},
            self._token(token),
            budgets,
            {purpose: about},
            instead_of=[self._planned(asset, consumer)],
        )

    def _planned(self, asset: UsedAsset, consumer: str) -> str:
        order = order_books.order_of(self.wallet.address, consumer, asset.datatoken, asset.service_index)
        return job_plans.order_key(self.run, order)

    def _token(self, address: str) -> ledger.Token:
        from airflow_provider_deflow.chain import tokens

        return ledger.Token(self.wallet.chain_id, address, tokens.decimals(self.wallet.web3, address))

    def _settle_placed(self, asset: UsedAsset) -> None:
        """What was ordered by a try that was killed before it could say so."""
        for record in self.reservations.of_run(self.run):
            is_of_it = order_books.is_order(record) and record.get("datatoken") == asset.datatoken
            if is_of_it and record["state"] == "reserved":
                order_books.settle(self.wallet, self.reservations, record["_id"])
