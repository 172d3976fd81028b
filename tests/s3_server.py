# SPDX-License-Identifier: Apache-2.0
"""A server that speaks S3 on this machine, and the Airflow connection that opens it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

# Whoever asks signs with these; the server holds nobody else's data.
_KEY_ID, _SECRET = "tests", "a secret of the tests' S3 only"
_REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    """A running one, with one bucket."""

    endpoint: str
    bucket: str

    @property
    def connection(self) -> str:
        """As Airflow takes it from an environment variable."""
        extra = {"endpoint_url": self.endpoint, "region_name": _REGION}
        return json.dumps({"conn_type": "aws", "login": _KEY_ID, "password": _SECRET, "extra": extra})

    def client(self) -> Any:
        """Amazon's own, as another program would use it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=_KEY_ID,
            aws_secret_access_key=_SECRET,
            region_name=_REGION,
        )


@contextmanager
def running(bucket: str = "deflow-tests") -> Iterator[S3Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        # An Ocean Node fetches nothing from an address of its own machine, but by this name it does.
        endpoint = f"http://localhost:{server.get_host_and_port()[1]}"
        one = S3Server(endpoint, bucket)
        one.client().create_bucket(Bucket=bucket)
        yield one
    finally:
        server.stop()
