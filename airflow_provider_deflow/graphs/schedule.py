# SPDX-License-Identifier: Apache-2.0
"""When a graph runs by itself, and what its runs can be asked with.

Both are checked here as Airflow would check them later: cron by croniter, parameters by jsonschema.
Those libraries are imported only for a graph that has a schedule or a parameter's schema.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from airflow_provider_deflow.graphs import values
from airflow_provider_deflow.graphs.sources import Value
from airflow_provider_deflow.graphs.values import refused

CRON_PRESETS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"})


def _fires(cron: str) -> str:
    """`cron` with single blanks, when it is a preset or five fields that some date fits."""
    fields = cron.split()
    if fields and fields[0] in CRON_PRESETS and len(fields) == 1:
        return fields[0]
    from croniter import croniter

    try:
        # Airflow takes five fields; `R` would be another time at every reading.
        if len(fields) != 5 or len(cron) > 200 or any(field[0] in "RrHh" for field in fields):
            raise ValueError
        croniter(" ".join(fields), datetime(2026, 1, 1)).get_next(datetime)
    except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError):
        raise refused(
            "bad_schedule",
            "must be five cron fields that some date fits, such as `0 6 * * 1-5`, or one of "
            + " ".join(sorted(CRON_PRESETS)),
        ) from None
    return " ".join(fields)


def _time_zone(name: str) -> str:
    if name != "UTC":
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise refused(
                "bad_schedule", "must be the name of a time zone, such as UTC or Europe/Paris"
            ) from None
    return name


def _date(text: str) -> str:
    try:
        sane = 1970 <= datetime.fromisoformat(text).year < 3000
    except ValueError:
        sane = False
    if not sane:
        raise refused("bad_schedule", "must be a date such as 2026-01-31 or 2026-01-31T06:00:00+00:00")
    return text


def _asset(asset: str) -> str:
    try:
        parts = urlsplit(asset)
        sane = parts.scheme != "airflow" and parts.password is None and asset not in ("self", "context")
        if parts.scheme and not parts.scheme.startswith("x-") and parts.scheme != "file":
            sane = sane and parts.netloc != ""
    except ValueError:
        sane = False
    if not sane:
        raise refused(
            "bad_schedule",
            "must be an Airflow asset's name or URI, such as s3://bucket/key, without a password",
        )
    return asset


AssetUri = Annotated[
    str,
    values.shaped(r"^[\x21-\x7e]+$", "bad_schedule", "must be an Airflow asset's URI", at_most=1500),
    AfterValidator(_asset),
]


class Schedule(Value):
    """By the clock (`cron` in `timezone`), when Airflow assets change, or (neither) only when asked."""

    cron: Annotated[str, AfterValidator(_fires)] | None = None
    assets: values.Many[AssetUri] = ()
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    start_date: Annotated[str, AfterValidator(_date)] | None = None
    catchup: bool = False

    @property
    def is_set(self) -> bool:
        """Whether the graph starts by itself."""
        return self.cron is not None or bool(self.assets)

    @property
    def starts_at(self) -> datetime | None:
        """`start_date` as an aware time; one without an offset is meant in `timezone`."""
        if self.start_date is None:
            return None
        start = datetime.fromisoformat(self.start_date)
        return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(self.timezone))

    @model_validator(mode="after")
    def _catches_up_from_somewhere(self) -> Schedule:
        if self.catchup and self.start_date is None:
            raise refused(
                "bad_schedule", "cannot catch up without a start_date: give one, or set catchup to false"
            )
        return self


def _from_text(schedule: Any) -> Any:
    if schedule is None:
        return {}
    return {"cron": schedule} if isinstance(schedule, str) else schedule


AnySchedule = Annotated[Schedule, BeforeValidator(_from_text, json_schema_input_type=Schedule | str | None)]


class Parameter(Value):
    """A value that a run may be given; `None` as default means that a run must be given one."""

    default: values.Opaque = None
    json_schema: dict[str, values.Opaque] = Field(default_factory=dict, alias="schema")

    @model_validator(mode="after")
    def _default_fits(self) -> Parameter:
        if self.json_schema:
            _check_schema(self.json_schema, self.default)
        return self


def _check_schema(schema: dict[str, Any], default: Any) -> None:
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError
    from referencing import Registry

    if not _is_self_contained(schema):
        raise refused("bad_parameter", "has a schema that refers to another document: write it out")
    try:
        Draft202012Validator.check_schema(schema)
        # An empty registry: looking up a reference never goes to the network.
        validator = Draft202012Validator(schema, registry=Registry(), format_checker=FormatChecker())
        fits = default is None or validator.is_valid(default)
    except SchemaError as error:
        raise refused("bad_parameter", f"has a schema that is none: {error.message[:200]}") from None
    except (
        Exception
    ) as error:  # jsonschema lets its parts' own errors out: a bad pattern, an unknown reference
        raise refused("bad_parameter", f"has a schema that cannot be used ({type(error).__name__})") from None
    if not fits:
        raise refused("bad_parameter", "has a default that its own schema refuses: change one of them")


def _is_self_contained(schema: Any) -> bool:
    if isinstance(schema, dict):
        references = (schema.get(key, "#") for key in ("$ref", "$dynamicRef", "$recursiveRef"))
        return all(isinstance(one, str) and one.startswith("#") for one in references) and all(
            map(_is_self_contained, schema.values())
        )
    return all(map(_is_self_contained, schema)) if isinstance(schema, list) else True
