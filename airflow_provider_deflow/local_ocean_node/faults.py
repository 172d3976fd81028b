# SPDX-License-Identifier: Apache-2.0
"""What tests can make this node do wrong: rules that say where, how often and what.

    {"command": "freeStartCompute", "what": "lose_reply"}
    {"route": "GET /api/services/compute*", "what": "slow", "seconds": 5, "times": null, "after": 2}
    {"what": "fail", "stage": "publish"}

`route` is a method and a path, and acts as what stands in front of a node does (a proxy, the rate limit);
`command` is a protocol command, whichever route it comes by, and acts as the command itself would, in
its route's wording. Both take `*`. A rule lets the first `after` requests pass, then acts `times` times
(once, unless told otherwise; null is for ever); `wedge` and `version` simply stand. Rules are kept here;
who serves and who computes asks.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from airflow_provider_deflow.errors import SettingsError

# Where a job can be made to fail; the engine knows each one's real final status.
Stage = Literal[
    "pull", "volume", "create", "algorithm", "provision", "upload", "start", "run", "disk", "publish"
]


class _Standing(BaseModel):
    """In force while it is there."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class _Rule(_Standing):
    """In force for so many times."""

    times: PositiveInt | None = 1
    after: NonNegativeInt = 0


class _OfRequests(_Rule):
    route: str | None = None
    command: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> _OfRequests:
        if (self.route is None) == (self.command is None):
            raise ValueError("needs either route or command")
        return self

    def concerns(self, *, route: str | None, command: str | None) -> bool:
        asked, name = (self.route, route) if self.route is not None else (self.command, command)
        return name is not None and fnmatch.fnmatchcase(name, asked or "")


class Slow(_OfRequests):
    """So many seconds before anything happens."""

    what: Literal["slow"]
    seconds: NonNegativeFloat


class Refuse(_OfRequests):
    """Any error of a real node, instead of acting."""

    what: Literal["refuse"]
    status: Annotated[int, Field(ge=400, le=599)]
    words: str


class Busy(_OfRequests):
    """As when all cores are in use."""

    what: Literal["busy"]
    words: str = "Not enough available cpu"
    status: Literal[400] = 400


class Drop(_OfRequests):
    """The connection ends, and nothing was done."""

    what: Literal["drop"]


class LoseReply(_OfRequests):
    """It is done, and the connection ends without an answer."""

    what: Literal["lose_reply"]


class Cut(_OfRequests):
    """The connection ends after so many bytes of the reply's body."""

    what: Literal["cut"]
    body_bytes: NonNegativeInt = 0


class Stall(_OfRequests):
    """Nothing more comes after so many bytes of the reply's body; 0 is headers, then nothing."""

    what: Literal["stall"]
    body_bytes: NonNegativeInt = 0


class Forget(_OfRequests):
    """The job that the request names is gone, with all its files, before the request is answered."""

    what: Literal["forget"]

    @model_validator(mode="after")
    def _of_a_command(self) -> Forget:
        if self.command is None:
            raise ValueError("needs command: only a command names a job")
        return self


class ClockSkew(_OfRequests):
    """Dates of jobs in the reply are so many seconds off."""

    what: Literal["clock_skew"]
    seconds: float
    times: PositiveInt | None = None

    @model_validator(mode="after")
    def _of_a_command(self) -> ClockSkew:
        if self.command is None:
            raise ValueError("needs command: only a command's reply has dates")
        return self


class Fail(_Rule):
    """The next job to come to this stage fails there."""

    what: Literal["fail"]
    stage: Stage


class Wedge(_Standing):
    """The engine moves no job any more, as a real one's loop can stop for good; requests are answered."""

    what: Literal["wedge"]


class Version(_Standing):
    """Answers as another version of the node does."""

    what: Literal["version"]
    version: Literal["3.2.0", "4.0.0"]


OfRequests = Slow | Refuse | Busy | Drop | LoseReply | Cut | Stall | Forget | ClockSkew
Rule = OfRequests | Fail | Wedge | Version
_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Annotated[Rule, Field(discriminator="what")]])


class Faults:
    """The rules that stand now, and how often each one was met."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = list(rules)
        self._met = [0] * len(self._rules)

    def replace(self, rules: Iterable[Rule]) -> None:
        self._rules = list(rules)
        self._met = [0] * len(self._rules)

    def reply(self) -> list[dict[str, Any]]:
        return [
            {"rule": rule.model_dump(exclude_unset=True), "met": met}
            for rule, met in zip(self._rules, self._met, strict=True)
        ]

    def due(self, *, route: str | None = None, command: str | None = None) -> list[OfRequests]:
        """What befalls this request; asking counts."""
        return [
            rule
            for index, rule in enumerate(self._rules)
            if isinstance(rule, OfRequests)
            and rule.concerns(route=route, command=command)
            and self._acts(index, rule)
        ]

    def fails_at(self, stage: Stage) -> bool:
        """Whether the job that has come to this stage fails there; asking counts."""
        return any(
            isinstance(rule, Fail) and rule.stage == stage and self._acts(index, rule)
            for index, rule in enumerate(self._rules)
        )

    def holds_the_engine(self) -> bool:
        """Whether the engine passes by a job that it would move; asking counts."""
        held = False
        for index, rule in enumerate(self._rules):
            if isinstance(rule, Wedge):
                self._met[index] += 1
                held = True
        return held

    @property
    def version(self) -> str | None:
        return next((rule.version for rule in self._rules if isinstance(rule, Version)), None)

    def _acts(self, index: int, rule: _Rule) -> bool:
        self._met[index] += 1
        acted = self._met[index] - rule.after
        return acted > 0 and (rule.times is None or acted <= rule.times)


def read_rules(value: Any) -> list[Rule]:
    """Rules from JSON; `SettingsError` says all that is wrong with them, each with its place."""
    try:
        return _RULES.validate_python(value)
    except ValidationError as error:
        raise SettingsError(f"these faults cannot be read — {'; '.join(_complaints(error))}") from None


def load_rules(path: Path) -> list[Rule]:
    """Rules from a JSON file that holds a list of them."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"the faults in {path} cannot be read — {error}") from error
    return read_rules(value)


def _complaints(error: ValidationError) -> Iterator[str]:
    for misfit in error.errors(include_url=False, include_input=False):
        if not misfit["loc"]:
            yield "they must be a list of rules"
            continue
        # (index of the rule, its kind, field)
        number, *field = (part for part in misfit["loc"])
        place = f"rule {number}" + "".join(f", {part}" for part in field)
        reason = "is no field of this kind of rule" if misfit["type"] == "extra_forbidden" else misfit["msg"]
        yield f"{place}: {reason}"
