# SPDX-License-Identifier: Apache-2.0
"""Every error DeFlow raises.

DeflowError
├── SettingsError            a connection, option or command is missing or malformed → fix the setting
├── GraphError
│   ├── GraphNotFound
│   ├── InvalidGraph         .problems: all of them, each with its place             → fix the drawing
│   ├── GraphChanged         saved by someone else since it was read                 → reload, merge
│   └── StoreUnreachable     MongoDB does not answer                                 ↻
├── OceanNodeError           .url .route
│   ├── OceanNodeUnreachable no answer at all                                        ↻
│   ├── OceanNodeBusy        429, 5xx without a reason, resources in use             ↻ .retry_after_seconds
│   ├── RequestRejected      the node said no: .status and its own words
│   ├── PaymentRefused       escrow, order or token do not allow what the job needs
│   ├── NonceRejected        another process used this nonce or a later one          ↻
│   ├── ForbiddenTarget      a URL from a graph or DDO points where we do not go
│   ├── NotIndexed           the node has not read an asset from the chain yet       ↻
│   ├── IndexingFailed       it read it and says why it does not take it: .words
│   └── UnexpectedReply      not the shape we know; likely another node version
├── ComputeError
│   ├── NoEnvironment        none on this node fits; says what each one missed
│   ├── JobFailed            .job .stage .log_tail .hint
│   │   └── JobNotRun        the node could not run it, or lost its outputs           ↻
│   ├── JobStopped           somebody asked the node to stop it                      ↻
│   ├── JobVanished          the node no longer knows the job                        ↻
│   ├── AssetNotUsable       an asset by DID cannot be used; says which condition is not met
│   ├── JobDisagrees         it carries the key of ours, and is not what was asked for
│   └── JobTimedOut          our deadline passed; the job was stopped
├── ChainError
│   ├── ChainUnreachable     the RPC endpoint does not answer                        ↻
│   ├── GasTooDear           gas costs more than the wallet's cap now                ↻
│   ├── InsufficientFunds    an account has less than it needs                       → top it up
│   ├── PriceTooHigh         a datatoken costs more than may be paid for it          → raise the limit
│   ├── PolicyRefused        the wallet does not sign this; nothing was signed       → fix the setting
│   ├── NoDatatoken          an order was sent elsewhere than to a datatoken
│   ├── WrongChain           it serves another chain, or one without Ocean's contracts → fix the setting
│   └── TransactionFailed    refused or reverted; .words are the contract's or the endpoint's own
├── PaymentError             nothing was paid, or nothing more
│   ├── BudgetExceeded       the run or the day would cost more than the graph allows → raise the budget
│   ├── QuoteRefused         what the Ocean Node asks is not what it may ask
│   ├── TooFewTokens         the wallet has less of the fee token than a job locks   → send it some
│   ├── LockOrphaned         money is locked for a job that there is not; .expiry
│   └── WalletBusy           another start of the wallet has not ended               ↻
├── OutputError
│   ├── IncompleteDownload   fewer or more bytes than the node announced             ↻
│   ├── HostileArchive       links, devices, paths outside, or past a cap
│   ├── FilesBusy            where files of assets are kept does not answer, or not now ↻ .retry_after_seconds
│   └── MissingOutput        a declared file is not among the outputs
├── RunNotFound              the ledger has no such run, or several
└── StackError               `deflow up` could not start or keep a part

↻ marks `retryable`: trying the same again later can succeed. An operator turns all others into a
failure that Airflow does not retry. `fault` says whose turn it is: the drawing, the settings, the
Ocean Node, the algorithm, the chain, or DeFlow itself.

A message says what happened to which thing, why in the remote's words, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Fault = Literal["drawing", "settings", "ocean_node", "algorithm", "chain", "deflow"]


class DeflowError(Exception):
    """Base of all errors raised here."""

    retryable: ClassVar[bool] = False
    fault: ClassVar[Fault] = "deflow"


class SettingsError(DeflowError):
    """A connection, option or command is missing or malformed."""

    fault: ClassVar[Fault] = "settings"


class StackError(DeflowError):
    """`deflow up` could not start or keep one of its parts."""

    fault: ClassVar[Fault] = "settings"


class RunNotFound(DeflowError):
    """The ledger has no such run, or several that are called so; the message says what there is."""

    fault: ClassVar[Fault] = "settings"


class GraphError(DeflowError):
    """Something about a stored or drawn graph."""

    fault: ClassVar[Fault] = "drawing"


class GraphNotFound(GraphError):
    """No such graph, or no such revision of it."""


class InvalidGraph(GraphError):
    """A graph has problems; `problems` lists all of them, each a `graphs.Problem`."""

    def __init__(self, slug: str, problems: Sequence[object]) -> None:
        self.slug = slug
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"graph {slug!r} has {count} problem{'s' * (count != 1)}:\n{lines}")


class GraphChanged(GraphError):
    """Somebody saved the graph after it was read; the message says who and when."""


class StoreUnreachable(GraphError):
    """MongoDB does not answer."""

    retryable = True
    fault: ClassVar[Fault] = "settings"


class OceanNodeError(DeflowError):
    """An Ocean Node, or the way to it; `url` is the node's base URL, `route` the one asked."""

    fault: ClassVar[Fault] = "ocean_node"

    def __init__(self, message: str, *, url: str = "", route: str = "") -> None:
        self.url = url
        self.route = route
        super().__init__(message)


class OceanNodeUnreachable(OceanNodeError):
    """No answer: refused, timed out, or cut; `may_have_arrived` when the request was sent whole."""

    retryable = True

    def __init__(
        self, message: str, *, url: str = "", route: str = "", may_have_arrived: bool = False
    ) -> None:
        self.may_have_arrived = may_have_arrived
        super().__init__(message, url=url, route=route)


class OceanNodeBusy(OceanNodeError):
    """The node cannot now: rate limit, resources in use, or an internal error without a reason."""

    retryable = True

    def __init__(
        self, message: str, *, url: str = "", route: str = "", retry_after_seconds: float | None = None
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message, url=url, route=route)


class RequestRejected(OceanNodeError):
    """The node refused the request; `status` is the HTTP status, `words` the node's own text."""

    def __init__(
        self, message: str, *, url: str = "", route: str = "", status: int = 0, words: str = ""
    ) -> None:
        self.status = status
        self.words = words
        super().__init__(message, url=url, route=route)


class PaymentRefused(RequestRejected):
    """Money is missing or not allowed: the escrow's funds or authorization, an order, the fee token."""

    fault: ClassVar[Fault] = "settings"


class NonceRejected(RequestRejected):
    """The nonce was used already, or the signature did not match this once: sign anew."""

    retryable = True


class ForbiddenTarget(OceanNodeError):
    """A URL that a graph or DDO names points to a place we do not fetch from."""

    fault: ClassVar[Fault] = "drawing"


class NotIndexed(OceanNodeError):
    """The node has not read an asset from the chain yet, or does not read that chain."""

    retryable = True


class IndexingFailed(OceanNodeError):
    """The node read an asset from the chain and did not take it; `words` are its reason."""

    def __init__(self, message: str, *, url: str = "", words: str = "") -> None:
        self.words = words
        super().__init__(message, url=url)


class UnexpectedReply(OceanNodeError):
    """The reply has not the shape we know; likely another version of the node."""


class ComputeError(DeflowError):
    """A compute job did not give what it should."""

    fault: ClassVar[Fault] = "ocean_node"


class NoEnvironment(ComputeError):
    """No compute environment of the node fits; the message says what each one missed."""

    fault: ClassVar[Fault] = "drawing"


class AssetNotUsable(ComputeError):
    """A dataset or algorithm that a node names by DID cannot be used; the message says what it is for.

    `is_unknown`: the Ocean Node does not know it, which may change.
    """

    fault: ClassVar[Fault] = "drawing"

    def __init__(self, message: str, *, is_unknown: bool = False) -> None:
        self.is_unknown = is_unknown
        super().__init__(message)


class JobFailed(ComputeError):
    """A compute job ended badly; `stage` is where, `log_tail` its last lines, `hint` what to do."""

    fault: ClassVar[Fault] = "algorithm"

    def __init__(
        self,
        message: str,
        *,
        job: object = None,
        stage: str = "",
        log_tail: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        self.job = job
        self.stage = stage
        self.log_tail = tuple(log_tail)
        self.hint = hint
        super().__init__(message)


class JobNotRun(JobFailed):
    """The Ocean Node could not run the job, or lost its outputs; trying again can succeed."""

    retryable = True
    fault: ClassVar[Fault] = "ocean_node"


class JobStopped(ComputeError):
    """Somebody asked the node to stop the job before it ended; a try that comes next starts another."""

    retryable = True


class JobVanished(ComputeError):
    """The node no longer knows the job: it expired, or its environment was reconfigured."""

    retryable = True


class JobDisagrees(ComputeError):
    """A job carries the key of a node of a run, but runs something else than the node asks for."""


class JobTimedOut(ComputeError):
    """Our deadline passed; the job was asked to stop."""


class ChainError(DeflowError):
    """A chain, or the way to it; no message shows an RPC URL beyond its host, since many carry a key."""

    fault: ClassVar[Fault] = "chain"


class ChainUnreachable(ChainError):
    """The RPC endpoint does not answer."""

    retryable = True


class GasTooDear(ChainError):
    """Gas costs more now than the wallet may pay; nothing was signed."""

    retryable = True


class InsufficientFunds(ChainError):
    """An account has less than what it is to pay: the message says needs, has, and where to top up."""

    fault: ClassVar[Fault] = "settings"


class PriceTooHigh(ChainError):
    """A datatoken is sold for more than what may be paid for it; nothing was signed."""

    fault: ClassVar[Fault] = "settings"


class PolicyRefused(ChainError):
    """A wallet's policy does not allow a transaction; nothing was signed."""

    fault: ClassVar[Fault] = "settings"


class NoDatatoken(ChainError):
    """There is no datatoken at an address that an order was sent to; `reverted`: what is there refused."""

    def __init__(self, message: str, *, reverted: bool) -> None:
        super().__init__(message)
        self.reverted = reverted


class WrongChain(ChainError):
    """The RPC endpoint serves another chain, or Ocean's contracts are not known there."""

    fault: ClassVar[Fault] = "settings"


class TransactionFailed(ChainError):
    """A transaction was refused before it was sent, or reverted.

    `words` are the contract's or the endpoint's, `data` what it gave back, `call` what was asked of it.
    """

    def __init__(self, message: str, *, words: str = "", data: str = "", call: str = "") -> None:
        self.words = words
        self.data = data
        self.call = call
        super().__init__(message)


class PaymentError(DeflowError):
    """A paid job was not started; nothing was paid for it, or nothing more."""

    fault: ClassVar[Fault] = "settings"


class BudgetExceeded(PaymentError):
    """What was asked for would exceed the budget; the message says budget, reserved and asked."""

    fault: ClassVar[Fault] = "drawing"


class QuoteRefused(PaymentError):
    """The Ocean Node's quote is not what its own environment says, or locks money for too long."""

    fault: ClassVar[Fault] = "ocean_node"


class TooFewTokens(PaymentError):
    """The wallet has less of the fee token than a job locks; the message says needs and has."""


class LockOrphaned(PaymentError):
    """Money is locked for a job that there is not; it comes back after `expiry`, in epoch seconds."""

    fault: ClassVar[Fault] = "ocean_node"

    def __init__(self, message: str, *, expiry: int = 0) -> None:
        self.expiry = expiry
        super().__init__(message)


class WalletBusy(PaymentError):
    """Another start of the same wallet has not ended in time; they go one after the other."""

    retryable = True


class OutputError(DeflowError):
    """The outputs of a job cannot be taken as they are."""

    fault: ClassVar[Fault] = "ocean_node"


class IncompleteDownload(OutputError):
    """The byte count differs from what the node announced."""

    retryable = True


class HostileArchive(OutputError):
    """An archive holds links, devices, paths outside its root, or more than the caps allow."""


class FilesBusy(OutputError):
    """The place that files of assets are put into cannot now: no answer, a rate limit, others at work."""

    retryable = True
    fault: ClassVar[Fault] = "settings"

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class MissingOutput(OutputError):
    """A file that an edge or a sink declares is not among the outputs."""

    fault: ClassVar[Fault] = "algorithm"
