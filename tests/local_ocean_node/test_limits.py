# SPDX-License-Identifier: Apache-2.0
"""The rate limit at a real node's 30 requests a minute."""

from __future__ import annotations

import re

import pytest
import requests

from airflow_provider_deflow.local_ocean_node.rate_limit import RateLimit
from tests.local_ocean_node.running import fast, recordings, running_ocean_node


@pytest.fixture(scope="module")
def limited_url(tmp_path_factory: pytest.TempPathFactory):
    with running_ocean_node(fast(tmp_path_factory.mktemp("limited"), requests_per_minute=30)) as url:
        yield url


def test_the_31st_request_of_a_minute_is_refused_whatever_it_is(limited_url: str):
    recorded = recordings("node")["rate-limit-4"]["response"]
    headers = {"x-forwarded-for": "203.0.113.7"}

    codes = [requests.get(f"{limited_url}/no/such/route", headers=headers).status_code for _ in range(30)]
    refused = requests.post(f"{limited_url}/directCommand", json={"command": "status"}, headers=headers)

    assert codes == [404] * 30
    assert refused.status_code == 429
    assert refused.headers["content-type"] == recorded["headers"]["content-type"]
    assert "retry-after" not in refused.headers
    (wait,) = re.fullmatch(r"Rate limit exceeded\. Try again in (\d+) seconds\.", refused.text).groups()
    assert 50 <= int(wait) <= 60


def test_another_caller_has_an_allowance_of_its_own(limited_url: str):
    for _ in range(31):
        requests.get(limited_url, headers={"x-forwarded-for": "203.0.113.8"})

    reply = requests.get(limited_url, headers={"x-forwarded-for": "203.0.113.8, 10.0.0.1"})

    assert reply.status_code == 200


def test_the_window_opens_with_the_first_request_and_refusals_do_not_extend_it(
    monkeypatch: pytest.MonkeyPatch,
):
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    limit = RateLimit(2)

    assert [limit.refusal("a") for _ in range(2)] == [None, None]
    now = 1040.0
    assert limit.refusal("a") == (429, "Rate limit exceeded. Try again in 20 seconds.")
    now = 1060.5
    assert limit.refusal("a") is None
