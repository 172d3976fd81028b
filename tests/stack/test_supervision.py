# SPDX-License-Identifier: Apache-2.0
"""Whether supervisord can be asked: its socket's file is there a moment before it listens."""

from __future__ import annotations

import socket
from pathlib import Path

from airflow_provider_deflow.stack.supervision import takes_connections


def test_a_socket_is_ready_once_somebody_listens_not_once_its_file_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    assert not takes_connections(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert path.exists()
        assert not takes_connections(path)

        server.listen()

        assert takes_connections(path)
