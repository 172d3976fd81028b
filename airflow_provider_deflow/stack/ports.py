# SPDX-License-Identifier: Apache-2.0
"""Ports of the parts: the ones of the last start while they are free, else others that are.

All are on the loopback address. Between choosing and binding another program may take a port; then
the part fails to start and says so.
"""

from __future__ import annotations

import json
import random
import socket

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack.home import Home, write_private

LOOPBACK = "127.0.0.1"
FIRST_CHOICE = {
    "airflow": 8080,
    "ocean-node": 8001,
    "mongod": 27027,
    "anvil": 8545,
    "postgresql": 25432,
    "redis": 26379,
}
# Below the ports that kernels give to outgoing connections, which come and go.
_OTHERS = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # As servers do: connections of an ended server that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose(home: Home, names: tuple[str, ...], wanted: dict[str, int]) -> dict[str, int]:
    """A free port for each name; what the user asked for is taken as it is or refused."""
    kept_in = home.root / "ports.json"
    kept: dict[str, int] = json.loads(kept_in.read_text()) if kept_in.exists() else {}
    chosen: dict[str, int] = {}
    for name in names:
        if name in wanted:
            if not is_free(wanted[name]):
                raise StackError(f"port {wanted[name]} is taken by another program — choose another --port")
            chosen[name] = wanted[name]
            continue
        first = kept.get(name) or FIRST_CHOICE.get(name)
        candidates = [*([first] if first else []), *random.sample(_OTHERS, 100)]
        port = next((port for port in candidates if port not in chosen.values() and is_free(port)), None)
        if port is None:
            raise StackError(f"no free port for {name} — is the loopback interface up?")
        chosen[name] = port
    write_private(kept_in, kept | chosen)
    return chosen
