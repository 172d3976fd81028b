# SPDX-License-Identifier: Apache-2.0
"""The renderer knows four kinds of names; everything else is text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow.graphs.text import names_in, render

VALUES = {
    "params": {"x": 0.5, "name": "Ann", "flag": True, "nested": {"a": [1]}, "self": "{{ ds }}"},
    "ds": "2026-01-31",
    "ts": "2026-01-31T06:00:00+00:00",
    "run_id": "manual__1",
}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain", "plain"),
        ("{{ ds }}", "2026-01-31"),
        ("{{ds}}/{{  ts  }}/{{ run_id }}", "2026-01-31/2026-01-31T06:00:00+00:00/manual__1"),
        ("at {{ params.x }}", "at 0.5"),
        ("{{ params.name }}", "Ann"),
        ("{{ params.flag }}", "true"),
        ("{{ params.nested }}", '{"a": [1]}'),
        # What was filled in is not looked at again.
        ("{{ params.self }}", "{{ ds }}"),
        # Nothing else is known.
        ("{{ params.absent }}", "{{ params.absent }}"),
        ("{{ params }}", "{{ params }}"),
        ("{{ params.x.real }}", "{{ params.x.real }}"),
        ("{{ conn.ocean_wallet_default.password }}", "{{ conn.ocean_wallet_default.password }}"),
        ("{{ var.value.secret }}", "{{ var.value.secret }}"),
        ("{{ ''.__class__.__mro__ }}", "{{ ''.__class__.__mro__ }}"),
        ("{{ ds | upper }}", "{{ ds | upper }}"),
        ("{% for x in params %}{% endfor %}", "{% for x in params %}{% endfor %}"),
        ("{{ ds", "{{ ds"),
    ],
)
def test_a_text_is_filled_in_from_the_run_and_its_parameters_only(text, rendered):
    assert render(text, VALUES) == rendered


def test_names_are_what_stands_between_double_braces():
    assert names_in("{{ ds }}-{{params.x}} {{ a b }} {{ }}") == ["ds", "params.x", "a b", ""]
    assert names_in("{ds} {{ ds }") == []


@given(st.text() | st.text("{} .dspx\n"))
def test_rendering_never_raises(text):
    render(text, VALUES)
    render(text, {})
    names_in(text)
