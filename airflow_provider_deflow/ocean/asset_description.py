# SPDX-License-Identifier: Apache-2.0
"""What a publisher says of an asset, before there is any contract or document of it.

Values only. Money is `Decimal` or text, never a float. File objects may hold what only the Ocean Node may
know (URLs with tokens, headers), so no error and no `repr` of a description shows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.signing import checksum_address

DID = r"did:op:[0-9a-f]{64}"
# Version 5, a verifiable credential, is Ocean Enterprise's own: it needs another data base behind the node.
VERSIONS = ("4.1.0", "4.3.0", "4.5.0", "4.7.0")


def _no_float(value: Any) -> Any:
    if isinstance(value, (float, bool)):
        raise ValueError('an amount is a Decimal or text such as "0.1": a float is not exact')
    return value


def _address(value: Any) -> str:
    try:
        return checksum_address(str(value))
    except SettingsError as error:
        raise ValueError(str(error)) from None


Did = Annotated[str, Field(pattern=rf"^{DID}$")]
Address = Annotated[str, BeforeValidator(_address)]
Line = Annotated[str, Field(min_length=1, pattern=r"^[^\n\r]*$")]
Amount = Annotated[Decimal, BeforeValidator(_no_float), Field(gt=0, allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TrustedAlgorithm(_Value):
    """An algorithm that a dataset lets in as long as its code and container are these."""

    did: Did
    files_checksum: str
    container_section_checksum: str
    service_id: str | None = None


class ComputePolicy(_Value):
    """Which algorithms may run on a dataset. The default lets nobody's in.

    An algorithm that is named by its DID alone is looked up when the asset is published, and trusted as it
    is then. `trusted_publishers` are, to an Ocean Node, the data NFTs of algorithms, or "*" for all.
    """

    trusted_algorithms: tuple[Did | TrustedAlgorithm, ...] = ()
    trusted_publishers: tuple[Literal["*"] | Address, ...] = ()
    allow_raw_algorithm: bool = False
    allow_network_access: bool = False


class Service(_Value):
    """One way to use the asset; ordered and paid by itself.

    `files` are file objects as the Ocean Node reads them. `same_files` names their content where the objects
    themselves are written anew each time, as signed URLs are: what is equal there is not published again.
    """

    type: Literal["access", "compute"] = "compute"
    name: Line | None = None
    description: str = ""
    files: tuple[dict[str, Any], ...] = Field((), repr=False)
    same_files: str | None = None
    # 0 is for ever.
    timeout_seconds: int = Field(86_400, ge=0)
    compute: ComputePolicy = ComputePolicy()
    consumer_parameters: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _has_what_jobs_get(self) -> Self:
        if self.type == "compute" and len(self.files) > 1:
            raise ValueError(
                "an Ocean Node gives a job the first file of a service only: make one service per file"
            )
        if any(not isinstance(file.get("type"), str) for file in self.files):
            raise ValueError('a file object names its `type`, such as {"type": "url", "url": …}')
        return self


class Container(_Value):
    """The image that an algorithm runs in. `checksum` is the image's digest, "sha256:…"."""

    image: Line
    tag: Line
    checksum: Line
    entrypoint: Line = "python3 $ALGO"


class AlgorithmDescription(_Value):
    container: Container
    language: str = "python"
    version: str = "0.1"
    consumer_parameters: tuple[dict[str, Any], ...] = ()


class Credentials(_Value):
    """Whom the asset lets in, by account: who is denied is out; where some are allowed, all others are."""

    allow: tuple[Address, ...] = ()
    deny: tuple[Address, ...] = ()


class Free(_Value):
    """Whoever asks is given a datatoken, one at a time, by Ocean's dispenser contract."""

    kind: Literal["free"] = "free"


class FixedRate(_Value):
    """A datatoken is sold for `price` whole tokens of `token`, by default Ocean's own on that chain."""

    kind: Literal["fixed_rate"] = "fixed_rate"
    price: Amount
    token: Address | None = None


Price = Annotated[Free | FixedRate, Field(discriminator="kind")]


class AssetDescription(_Value):
    """A dataset or an algorithm. Without a price only its publisher gives out datatokens."""

    name: Line
    description: str = Field(min_length=1)
    author: Line
    license: Line
    role: Literal["dataset", "algorithm"] = "dataset"
    services: tuple[Service, ...] = Field(min_length=1)
    tags: tuple[Line, ...] = ()
    algorithm: AlgorithmDescription | None = None
    credentials: Credentials = Credentials()
    price: Price | None = None
    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,12}$")] = "DEFLOW"
    ddo_version: Literal["4.1.0", "4.3.0", "4.5.0", "4.7.0"] = "4.1.0"

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if (self.role == "algorithm") != (self.algorithm is not None):
            raise ValueError("an algorithm, and nothing else, has `algorithm` with its container")
        return self

    @classmethod
    def of(cls, value: AssetDescription | Mapping[str, Any]) -> AssetDescription:
        """From the words of a document. Raises `SettingsError` with all that is wrong, without the values."""
        if isinstance(value, cls):
            return value
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            lines = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in found)
            raise SettingsError(f"the description of an asset is not right — {lines}") from None

    def letting_in(self, dids: Sequence[str]) -> AssetDescription:
        """The same whose compute services trust these algorithms too, as they are when it is published."""
        if not dids:
            return self
        if not any(service.type == "compute" for service in self.services):
            raise SettingsError(f"{self.name!r} trusts algorithms, and has no compute service for them")

        def trusting(service: Service) -> Service:
            if service.type != "compute":
                return service
            named = service.compute.trusted_algorithms
            known = {one if isinstance(one, str) else one.did for one in named}
            more = tuple(require_did(did) for did in dict.fromkeys(dids) if did not in known)
            policy = service.compute.model_copy(update={"trusted_algorithms": (*named, *more)})
            return service.model_copy(update={"compute": policy})

        return self.model_copy(update={"services": tuple(map(trusting, self.services))})

    def trusted_dids(self) -> set[str]:
        """Algorithms that are named without checksums."""
        return {
            one
            for service in self.services
            for one in service.compute.trusted_algorithms
            if isinstance(one, str)
        }

    def with_trusted(self, known: Mapping[str, TrustedAlgorithm]) -> AssetDescription:
        """The same with those named by DID alone as in `known`."""

        def resolved(service: Service) -> Service:
            named = service.compute.trusted_algorithms
            algorithms = tuple(known[one] if isinstance(one, str) else one for one in named)
            policy = service.compute.model_copy(update={"trusted_algorithms": algorithms})
            return service.model_copy(update={"compute": policy})

        return self.model_copy(update={"services": tuple(map(resolved, self.services))})


def require_did(written: object) -> str:
    """For what came at run time. Raises `SettingsError` for anything but a DID."""
    if isinstance(written, str) and re.fullmatch(DID, written):
        return written
    raise SettingsError(f"{written!r} is no DID — a DID is did:op: and 64 hexadecimal digits")


def _place(where: tuple[int | str, ...]) -> str:
    return re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, where))) or "the description"
