# SPDX-License-Identifier: Apache-2.0
"""What is asked to be published, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from airflow_provider_deflow.api.asset_values import ADDRESS, DID, DID_PATTERN, Kind
from airflow_provider_deflow.api.run_values import TransactionView
from airflow_provider_deflow.api.values import RUN_ID, SHA256, Value
from airflow_provider_deflow.graphs import values as words

_URL = r"^https?://[^\s]+$"
_AMOUNT = r"^(0|[1-9][0-9]{0,29})(\.[0-9]{1,18})?$"


class UploadedFile(Value):
    """A file that DeFlow keeps, as `POST /uploads` gave it."""

    sha256: words.Sha256 = Field(examples=[SHA256])
    name: words.FileName = Field(examples=["rain.csv"])


class UploadFile(Value):
    """A file of DeFlow's storage; see `files_connection` for how the Ocean Node gets it."""

    upload: UploadedFile


class UrlFile(Value):
    """A file that the Ocean Node fetches by itself; URL and headers are kept encrypted, for it alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        pattern=_URL, max_length=4000, repr=False, examples=["https://files.example/rain.csv?token=…"]
    )
    method: Literal["GET", "POST"] = Field("GET", examples=["GET"])
    headers: dict[str, Annotated[str, Field(max_length=8000)]] = Field(
        default_factory=dict, repr=False, examples=[{"Authorization": "Bearer …"}]
    )


class NewPrice(Value):
    """`free`: whoever asks is given a datatoken by a dispenser. `fixed_rate`: sold for `amount` of `token`.

    `none`: only the publisher gives out datatokens. An asset keeps the price that it was made with.
    """

    kind: Literal["free", "fixed_rate", "none"] = Field(default="free", examples=["fixed_rate"])
    amount: Annotated[str, Field(pattern=_AMOUNT)] | None = Field(
        default=None, description="Whole tokens, as text; of a fixed rate only.", examples=["2.5"]
    )
    token: words.TokenAddress | None = Field(
        default=None, description="Ocean's own token on the chain when not given.", examples=[ADDRESS]
    )


class NewAlgorithm(Value):
    """The container that an algorithm runs in."""

    image: str = Field(max_length=300, examples=["python"])
    tag: str = Field(max_length=128, examples=["3.12-slim"])
    checksum: str = Field(
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="The image's digest, which an Ocean Node pulls it by: "
        "`docker buildx imagetools inspect python:3.12-slim` shows it.",
        examples=[f"sha256:{'0' * 64}"],
    )
    entrypoint: str = Field("python $ALGO", max_length=1000, examples=["python $ALGO"])
    language: str = Field("python", max_length=100, examples=["python"])
    version: str = Field("0.1", max_length=100, examples=["0.1"])
    consumer_parameters: list[dict[str, Any]] = Field(
        default_factory=list, examples=[[{"name": "threshold", "type": "number", "label": "Threshold"}]]
    )


class NewAsset(Value):
    """A dataset or an algorithm to publish. The same sent again is the same asset: nothing is paid twice."""

    ocean_node: words.ConnectionId = Field(
        description="Connection of the Ocean Node that indexes it and serves its files.",
        examples=["ocean_node_default"],
    )
    wallet: words.ConnectionId = Field(
        description="Connection of the account that pays and owns it; it names a chain.",
        examples=["ocean_wallet_default"],
    )
    kind: Kind = Field(examples=["dataset"])
    name: str = Field(max_length=512, examples=["Rain"])
    description: str = Field(max_length=7000, examples=["Rain of each day."])
    author: str = Field(max_length=512, examples=["The weather office"])
    license: str = Field(max_length=512, examples=["CC0-1.0"])
    tags: list[words.Tag] = Field(default_factory=list, max_length=50, examples=[["rain"]])
    files: list[UploadFile | UrlFile] = Field(
        min_length=1,
        max_length=100,
        description="Of a compute service each becomes a service of its own: a job gets one file of each.",
    )
    files_connection: words.ConnectionId | None = Field(
        None,
        description="Connection of a GitHub repository that uploads are put into, from where they can be had "
        "for good. Without it an upload is given as a URL of DeFlow's storage, which ends after seven days: "
        "publish the same again to renew it.",
        examples=["github_default"],
    )
    service: Literal["access", "compute"] = Field(
        "compute", description="`access` is for download, `compute` for jobs.", examples=["compute"]
    )
    timeout_seconds: int = Field(
        86_400, ge=0, le=10**10, description="How long an order is good; 0 is for ever.", examples=[86_400]
    )
    price: NewPrice = NewPrice()
    algorithm: NewAlgorithm | None = Field(None, description="Of an algorithm, and of nothing else.")
    trusted_algorithms: list[Annotated[str, Field(pattern=DID_PATTERN)]] = Field(
        default_factory=list,
        max_length=100,
        description="Which algorithms may run on a dataset, each as it is when this is published. "
        "None: nobody's, until you publish it anew.",
        examples=[[DID]],
    )
    allows_inline_code: bool = Field(
        False, description="Whether code that is no asset may run on a dataset: it can read all of it."
    )


class StartedPublication(Value):
    """An Airflow run that publishes it: retried, logged, and safe to repeat."""

    dag_id: str = Field(examples=["deflow_publish"])
    run_id: str = Field(description="Look at `/assets/publications/{run_id}`.", examples=[RUN_ID])


class PublicationView(Value):
    """How a publication stands; what is not known yet is null."""

    state: str = Field(
        description="Airflow's word for the run: queued, running, success, failed.", examples=["success"]
    )
    did: str | None = Field(examples=[DID])
    data_nft: str | None = Field(examples=[ADDRESS])
    datatoken: str | None = Field(examples=[ADDRESS])
    transactions: list[TransactionView] = Field(
        description="`mint` made the contracts, `describe` said what it is; none where nothing had changed."
    )
    message: str | None = Field(description="Why the last try failed.", examples=[None])
    hint: str | None = Field(description="Whose turn it is, and what to do.", examples=[None])
