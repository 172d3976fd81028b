# SPDX-License-Identifier: Apache-2.0
"""`deflow escrow …`: the funds that pay for compute, who may lock them, and what is locked.

Amounts are whole tokens as people write them. With --dry-run nothing is signed: what would be done is said.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airflow_provider_deflow import errors
from airflow_provider_deflow.cli.context import CliContext, home_option

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.escrow_account import EscrowAccount
    from airflow_provider_deflow.chain.wallet import Wallet

# An Ocean Node claims once an hour, and holds a lock for as long.
SECONDS = 7200
LOCKS = 20


def _whole_tokens(written: str) -> Decimal:
    try:
        amount = Decimal(written)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise click.BadParameter(f"{written!r} is no amount: write whole tokens such as 2 or 0.5")
    return amount


def _address(written: str) -> str:
    from airflow_provider_deflow.signing import checksum_address

    return checksum_address(written)


_amount = click.argument("amount", metavar="AMOUNT", type=_whole_tokens)
_payee = click.option(
    "--payee", metavar="ADDRESS", type=_address, required=True, help="An Ocean Node's account."
)
_once = click.option(
    "--purpose",
    metavar="TEXT",
    default=lambda: f"by hand {uuid.uuid4().hex}",
    help="A name of your own for this one. Said again it is done once: for a command that was cut short.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Sign nothing; say what would be done.")


@dataclass(frozen=True, slots=True)
class _Desk:
    """One account's escrow of one token."""

    wallet: Wallet
    account: EscrowAccount
    token: str

    def base_units(self, amount: Decimal) -> int:
        from airflow_provider_deflow.chain import tokens, units

        return units.to_base_units(amount, tokens.decimals(self.wallet.web3, self.token))

    def written(self, base_units: int) -> str:
        from airflow_provider_deflow.chain import tokens

        return tokens.written(self.wallet.web3, self.token, base_units)


@dataclass(frozen=True, slots=True)
class _Chosen:
    context: CliContext
    connection: str
    token: str | None

    @contextmanager
    def desk(self) -> Iterator[_Desk]:
        from airflow_provider_deflow.chain.escrow_account import EscrowAccount

        with self.context.wallet(self.connection) as (wallet, network):
            yield _Desk(wallet, EscrowAccount(wallet, network), self.token or network.address("Ocean"))


@click.group()
@click.option(
    "--wallet",
    "connection",
    default="ocean_wallet_default",
    show_default=True,
    help="An Airflow connection of type ocean_wallet: the account that pays.",
)
@click.option(
    "--token", metavar="ADDRESS", type=_address, help="The fee token. Default: Ocean's own on that chain."
)
@home_option
@click.pass_context
def escrow(ctx: click.Context, connection: str, token: str | None, home: Path) -> None:
    """Show, fill and empty the escrow that pays for compute.

    \b
    Example:
      deflow escrow show
      deflow escrow deposit 25 --dry-run
      deflow escrow authorize 10 --payee 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
    """
    ctx.obj = _Chosen(CliContext(home), connection, token)


@escrow.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead; amounts are base units.")
@click.pass_obj
def show(chosen: _Chosen, as_json: bool) -> None:
    """Show what the account has, who may lock it, and what is locked until when.

    \b
    Example:
      deflow escrow --wallet ocean_wallet_publisher show
    """
    from airflow_provider_deflow.cli import escrow_view

    with chosen.desk() as desk:
        found = escrow_view.document(desk.wallet, desk.account, desk.token)
        text = json.dumps(found, indent=2) if as_json else escrow_view.account(found, desk.written)
    click.echo(text)


@escrow.command()
@_amount
@_once
@_dry_run
@click.pass_obj
def deposit(chosen: _Chosen, amount: Decimal, purpose: str, dry_run: bool) -> None:
    """Bring AMOUNT whole tokens into the escrow.

    \b
    Example:
      deflow escrow deposit 25
      deflow escrow deposit 25 --purpose "for March"
    """
    with chosen.desk() as desk:
        base_units = desk.base_units(amount)
        what = f"deposit {desk.written(base_units)} of {desk.wallet.address} in the escrow"
        if dry_run:
            desk.account.require_outside(desk.token, base_units)
        with _told_how_to_repeat(purpose):
            _do(what, dry_run, lambda: desk.account.deposit(desk.token, base_units, purpose=purpose))


@escrow.command()
@_amount
@_once
@_dry_run
@click.pass_obj
def withdraw(chosen: _Chosen, amount: Decimal, purpose: str, dry_run: bool) -> None:
    """Take AMOUNT whole tokens that are not locked out of the escrow.

    \b
    Example:
      deflow escrow withdraw 5 --dry-run
      deflow escrow withdraw 5 --purpose "back in April"
    """
    with chosen.desk() as desk:
        base_units = desk.base_units(amount)
        what = f"withdraw {desk.written(base_units)} from the escrow to {desk.wallet.address}"
        if dry_run:
            desk.account.require_available(desk.token, base_units)
        with _told_how_to_repeat(purpose):
            _do(what, dry_run, lambda: desk.account.withdraw(desk.token, base_units, purpose=purpose))


@escrow.command()
@_amount
@_payee
@click.option(
    "--seconds", type=click.IntRange(1), default=SECONDS, show_default=True, help="The longest of a lock."
)
@click.option(
    "--locks", type=click.IntRange(1), default=LOCKS, show_default=True, help="The most at one time."
)
@_dry_run
@click.pass_obj
def authorize(chosen: _Chosen, amount: Decimal, payee: str, seconds: int, locks: int, dry_run: bool) -> None:
    """Let an Ocean Node lock AMOUNT whole tokens in all; what it might before is replaced.

    \b
    Example:
      deflow escrow authorize 10 --payee 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --seconds 4000
    """
    with chosen.desk() as desk:
        base_units = desk.base_units(amount)
        what = f"let {payee} lock {desk.written(base_units)} in {locks} locks of at most {seconds} s"
        limits = (base_units, seconds, locks)
        _do(what, dry_run, lambda: desk.account.authorize(desk.token, payee, *limits))


@escrow.command()
@_payee
@_dry_run
@click.pass_obj
def revoke(chosen: _Chosen, payee: str, dry_run: bool) -> None:
    """Let an Ocean Node lock nothing more; what it has locked stays so until it claims or the lock expires.

    \b
    Example:
      deflow escrow revoke --payee 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
    """
    with chosen.desk() as desk:
        what = f"let {payee} lock nothing more of {desk.wallet.address}"
        _do(what, dry_run, lambda: desk.account.revoke(desk.token, payee))


@escrow.command()
@click.option(
    "--payee",
    metavar="ADDRESS",
    type=_address,
    help="Of this Ocean Node only. Default: of all that ever might.",
)
@_dry_run
@click.pass_obj
def reclaim(chosen: _Chosen, payee: str | None, dry_run: bool) -> None:
    """Bring back what is locked beyond its time.

    \b
    Example:
      deflow escrow reclaim --dry-run
    """
    with chosen.desk() as desk:
        payees = [payee] if payee else desk.account.payees(desk.token)
        expired = desk.account.expired(payees, desk.token)
        for held in expired:
            click.echo(
                f"lock of job {held.lock.job_id} by {held.payee}: {desk.written(held.lock.amount)}, expired"
            )
        if not expired or dry_run:
            click.echo(f"{len(expired)} expired lock(s); nothing was signed")
            return
        came = desk.account.reclaim(expired)
        total = desk.written(sum(held.lock.amount for held in came))
    click.echo(f"reclaimed {total} of {len(came)} lock(s)")
    if len(came) < len(expired):
        click.echo(
            f"{len(expired) - len(came)} were gone already: claimed, or reclaimed by somebody", err=True
        )


@contextmanager
def _told_how_to_repeat(purpose: str) -> Iterator[None]:
    """When the chain's answer is lost, what was asked may be done all the same."""
    try:
        yield
    except errors.ChainUnreachable:
        click.echo(f"Whether it is done is not known. Repeat it with --purpose {purpose!r}.", err=True)
        raise


def _do(what: str, dry_run: bool, act: Callable[[], object]) -> None:
    if dry_run:
        click.echo(f"would {what}; nothing was signed")
        return
    act()
    click.echo(f"done: {what}")
