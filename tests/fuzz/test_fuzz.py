# SPDX-License-Identifier: Apache-2.0
"""A slice of the fuzz run, the same one each time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, seed, settings

from tests import services
from tests.conformance import local_nodes
from tests.fuzz.calls import Call, calls
from tests.fuzz.nodes import Fuzzed
from tests.fuzz.trial import errors_of_the_node, try_call
from tests.local_ocean_node.running import running_ocean_node


@pytest.mark.chain
def test_no_call_surprises_the_local_ocean_node(tmp_path: Path, chain: services.Chain) -> None:
    with running_ocean_node(local_nodes.recorded(tmp_path, chain)) as url, errors_of_the_node() as errors:
        local = Fuzzed(url, "python:3.11-slim")

        @seed(1)
        @settings(max_examples=300, database=None)
        @given(calls())
        def trial(call: Call) -> None:
            try_call(call, local, errors, None)

        trial()
        assert local.node.get("/").status_code == 200
