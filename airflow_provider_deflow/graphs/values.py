# SPDX-License-Identifier: Apache-2.0
"""The single words of a graph document: what text is a slug, a node id, a DID, an image, an amount.

A shape that a regular expression can tell is checked by pydantic in one pass and published in the
JSON Schema. Whatever does not fit is refused with a code and a sentence that says what to do; that
sentence never repeats the value, which may be a secret put in the wrong place.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainSerializer, Strict, StringConstraints
from pydantic_core import PydanticCustomError

# pattern -> (code, message), for the one place that turns pydantic's errors into problems
REFUSALS: dict[str, tuple[str, str]] = {}

# An Ocean Node takes requests of 100 kB; the rest of a start needs some of it.
CODE_LIMIT_BYTES = 95_000
MAX_DURATION_LIMIT_SECONDS = 365 * 24 * 3600
DEFAULT_IMAGE = "python:3.12-slim"
DEFAULT_ENTRYPOINT = "python $ALGO"

_PYTHON = re.compile(r"(\S*/)?python[0-9.]*(\s.*)?", re.DOTALL)
_PRIVATE_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")


def refused(code: str, message: str) -> PydanticCustomError:
    """The error that a validator raises for a value that does not fit."""
    # pydantic fills braces of a template from a context; ours are text
    return PydanticCustomError(code, "{message}", {"message": message})


def shaped(pattern: str, code: str, message: str, at_most: int | None = None) -> StringConstraints:
    """Text of one shape, `at_most` so many characters; anything else is the problem `code` with `message`."""
    if REFUSALS.setdefault(pattern, (code, message)) != (code, message):
        raise ValueError(f"two shapes with the pattern {pattern}: their problems could not be told apart")
    return StringConstraints(pattern=pattern, max_length=at_most)


def runs_python(entrypoint: str) -> bool:
    """Whether an inline algorithm with this entrypoint is Python, to which we can add lines."""
    return _PYTHON.fullmatch(entrypoint.strip()) is not None


def _not_a_key(connection: str) -> str:
    if _PRIVATE_KEY.fullmatch(connection):
        raise refused(
            "bad_connection",
            "looks like a private key: remove it, keep it in an Airflow connection and name that",
        )
    return connection


def _no_way_up(node_id: str) -> str:
    if node_id in (".", ".."):
        raise refused("bad_node_id", "must not be . or ..: it names the node's folder in the results")
    return node_id


def _plain(number: float) -> Any:
    """1 for 1.0, so that equal numbers are equal text."""
    whole = int(number)
    return whole if whole == number else number


def _short_amount(amount: str) -> str:
    """5 for 5.0, so that equal amounts are equal text."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _at_least_one(globs: tuple[str, ...]) -> tuple[str, ...]:
    if not globs:
        raise refused("bad_files", "hands nothing over: list names or patterns, or remove the edge")
    return globs


def _fits_a_request(code: str) -> str:
    # One character is at most six bytes of JSON.
    if 6 * len(code) > CODE_LIMIT_BYTES:
        size = len(json.dumps(code, ensure_ascii=False).encode())
        if size > CODE_LIMIT_BYTES:
            raise refused(
                "code_too_long",
                f"is {size} bytes in a request, and an Ocean Node takes {CODE_LIMIT_BYTES}: "
                "keep the code in a file and name that by `file`, or publish it as an algorithm",
            )
    return code


def json_copy(value: Any) -> Any:
    """`value` as JSON would give it back; what JSON cannot hold is a problem."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise refused(
            "not_json",
            "holds what JSON cannot: NaN, infinity, half a Unicode character, a loop, or nesting without end",
        ) from None


T = TypeVar("T")
# JSON has lists only; inside, a sequence that nobody can change.
Many = Annotated[tuple[T, ...], Strict(False)]

Line = Annotated[str, shaped(r"^[^\x00-\x1f\x7f]*$", "bad_text", "must be one line of text", at_most=200)]
Prose = Annotated[str, shaped(r"^[^\x00]*$", "bad_text", "must not hold a NUL character", at_most=10_000)]
Slug = Annotated[
    str,
    shaped(
        "^[a-z0-9][a-z0-9_-]{0,99}$",
        "bad_slug",
        "must be 1 to 100 of a-z, 0-9, - and _, no - or _ first: it names the Dag and its file",
    ),
]
NodeId = Annotated[
    str,
    shaped(
        "^[A-Za-z0-9_.-]{1,100}$",
        "bad_node_id",
        "must be 1 to 100 of A-Z, a-z, 0-9, _ . and -: it becomes an Airflow task's id",
    ),
    AfterValidator(_no_way_up),
]
Label = Annotated[
    str, shaped(r"^[^\x00-\x1f\x7f]+$", "bad_text", "must be one line of text, not empty", at_most=256)
]
Tag = Annotated[
    str, shaped(r"^[^\x00-\x1f\x7f]{1,100}$", "bad_text", "must be one line of 1 to 100 characters")
]
ConnectionId = Annotated[
    str,
    shaped(
        "^[A-Za-z0-9_.-]{1,200}$",
        "bad_connection",
        "must be the id of an Airflow connection (A-Z a-z 0-9 _ . -), not a URL or a key",
    ),
    AfterValidator(_not_a_key),
]
EnvironmentId = Annotated[
    str,
    shaped(
        r"^\S{1,300}$", "bad_environment", "must be a compute environment's id, or null to have one chosen"
    ),
]
Did = Annotated[
    str,
    shaped(
        r"^(did:op:[0-9a-fA-F]{64}|did:ope:[0-9A-Za-z._:-]+|[^\x00-\x1f]*\{\{[^\x00-\x1f]*)$",
        "bad_did",
        "must be a DID: `did:op:` and 64 hexadecimal digits, or `did:ope:…`",
        at_most=300,
    ),
]
Image = Annotated[
    str,
    shaped(
        r"^[a-z0-9.-]+(:[0-9]{1,5}/[a-z0-9._-]+)?(/[a-z0-9._-]+)*"
        r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$",
        "bad_image",
        "must be a container image with its tag or checksum: `python:3.12-slim` or `name@sha256:…`",
    ),
]
Entrypoint = Annotated[
    str,
    shaped(
        r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$",
        "bad_algorithm",
        "must be a command such as `python $ALGO`, where $ALGO is the algorithm's file",
    ),
]
Code = Annotated[
    str,
    shaped(r"^[^\x00]*[^\s\x00][^\x00]*$", "bad_algorithm", "must be source code, and none is here"),
    AfterValidator(_fits_a_request),
]
VariableName = Annotated[
    str,
    shaped(
        "^[A-Za-z_][A-Za-z0-9_]{0,199}$",
        "bad_variable",
        "must name an environment variable: letters, digits and _, and no digit first",
    ),
]
VariableValue = Annotated[str, shaped(r"^[^\x00]*$", "bad_text", "must not hold a NUL character")]
Sha256 = Annotated[
    str,
    shaped(
        "^[0-9a-f]{64}$",
        "bad_upload",
        "must be the sha256 that `deflow graphs upload` printed: 64 of 0-9a-f",
    ),
]
FileName = Annotated[
    str,
    shaped(
        r"^[^\x00-\x1f\x7f/\\]*[^\x00-\x1f\x7f/\\.][^\x00-\x1f\x7f/\\]*$",
        "bad_upload",
        "must be a file's name, without folders",
        at_most=255,
    ),
]
Glob = Annotated[
    str,
    shaped(
        r"^[^\x00-\x1f\x7f/][^\x00-\x1f\x7f]*$",
        "bad_files",
        "must be a name or pattern below the outputs, such as `*` or `model/*.bin`",
        at_most=255,
    ),
]
Globs = Annotated[Many[Glob], AfterValidator(_at_least_one), Field(json_schema_extra={"minItems": 1})]
Amount = Annotated[
    str,
    shaped(
        r"^(0|[1-9][0-9]{0,29})(\.[0-9]{1,18})?$",
        "bad_budget",
        'must be an amount of whole tokens written as text, such as "5" or "0.25"',
    ),
    AfterValidator(_short_amount),
]
TokenAddress = Annotated[
    str, shaped("^0x[0-9a-fA-F]{40}$", "bad_budget", "must be a token's address: 0x and 40 digits of 0-9a-f")
]
ParameterName = Annotated[
    str,
    shaped(
        "^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        "bad_parameter",
        "must be letters, digits and _, and no digit first: it is written as {{ params.name }}",
    ),
]
ResourceName = Annotated[
    str,
    shaped(
        "^[A-Za-z0-9_.-]{1,64}$",
        "bad_resource",
        "must be the id of a compute resource, such as cpu, ram or disk",
    ),
]
Quantity = Annotated[
    float, Field(ge=0, le=1_000_000_000, allow_inf_nan=False), AfterValidator(_plain), PlainSerializer(_plain)
]
Coordinate = Annotated[
    float,
    Field(ge=-1_000_000_000, le=1_000_000_000, allow_inf_nan=False),
    AfterValidator(_plain),
    PlainSerializer(_plain),
]
DurationSeconds = Annotated[int, Field(ge=1, le=MAX_DURATION_LIMIT_SECONDS)]
Retries = Annotated[int, Field(ge=0, le=100)]
# Whatever JSON can hold, kept as it came.
Opaque = Annotated[Any, AfterValidator(json_copy)]
