# SPDX-License-Identifier: Apache-2.0
"""What benchmarks of money need: a chain, a MongoDB, a paid local Ocean Node, and a wallet for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo
import pytest

from tests import services
from tests.operators import paid


@contextmanager
def paying(**node: Any) -> Iterator[paid.Paid]:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        data = Path(name) / "mongod"
        data.mkdir()
        with (
            services.chain(Path(name)) as chain,
            services.mongod(data) as server,
            pymongo.MongoClient[dict[str, Any]](server.uri) as client,
            paid.paying(chain, Path(name), client["deflow"], patch, server.uri, tokens=1000, **node) as one,
        ):
            yield one
