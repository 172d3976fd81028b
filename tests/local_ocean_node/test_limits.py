# SPDX-License-Identifier: Apache-2.0
"""The rate limit at a real node's 30 requests a minute."""

from __future__ import annotations

import re
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from airflow_provider_deflow.local_ocean_node import rate_limit
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
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: now))
    limit = RateLimit(2, 10)

    assert [limit.refusal("a") for _ in range(2)] == [None, None]
    now = 1040.0
    assert limit.refusal("a") == (429, "Rate limit exceeded. Try again in 20 seconds.")
    now = 1060.5
    assert limit.refusal("a") is None


def test_callers_of_the_past_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: now))
    limit = RateLimit(30, 2)

    assert [limit.refusal(caller) for caller in "ab"] == [None, None]
    now = 1030.0
    assert limit.refusal("c") == (403, "Too many active connections (3/2) in the last minute.")
    now = 1060.5
    assert limit.refusal("a") is None
    assert list(limit._windows) == ["c", "a"]


def test_no_more_callers_a_minute_than_allowed(tmp_path: Path):
    def ask(url: str, caller: str) -> tuple[int, str]:
        reply = requests.get(f"{url}/no/such/route", headers={"x-forwarded-for": caller})
        return reply.status_code, reply.text

    with running_ocean_node(fast(tmp_path, callers_per_minute=2)) as url:
        codes = [ask(url, caller)[0] for caller in ("a", "b", "a")]
        third = ask(url, "c")
        # Whoever came before pays for it too.
        first = ask(url, "a")

    assert codes == [404] * 3
    assert third == first == (403, "Too many active connections (3/2) in the last minute.")


def test_forwarded_for_counts_as_written_over_all_its_lines(tmp_path: Path):
    def ask(url: str, *callers: str) -> int:
        connection = HTTPConnection(url.removeprefix("http://"))
        connection.putrequest("GET", "/no/such/route")
        for caller in callers:
            connection.putheader("x-forwarded-for", caller)
        connection.endheaders()
        with closing(connection):
            return connection.getresponse().status

    with running_ocean_node(fast(tmp_path, requests_per_minute=1)) as url:
        assert [ask(url, "a", "b"), ask(url, "a"), ask(url, "a, b")] == [404, 404, 429]
