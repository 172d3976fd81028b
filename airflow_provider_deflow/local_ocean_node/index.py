# SPDX-License-Identifier: Apache-2.0
"""What the node has read from its chains, in SQLite: assets, escrow events, access lists.

It can always be read again, so it is a file of its own; a chain that has become another one (a development
chain begun anew) is forgotten. Every call is on the loop's thread, as for the store.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS chains (
    chain_id INTEGER PRIMARY KEY, genesis TEXT NOT NULL, block INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ddos (
    did TEXT PRIMARY KEY, chain_id INTEGER NOT NULL, collection TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS states (
    did TEXT PRIMARY KEY, chain_id INTEGER NOT NULL, nft TEXT NOT NULL, tx TEXT NOT NULL,
    valid INTEGER NOT NULL, error TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (tx TEXT PRIMARY KEY, chain_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS escrow_events (
    id TEXT PRIMARY KEY, chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL,
    record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS access_lists (
    chain_id INTEGER NOT NULL, address TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (chain_id, address));
"""
_OF_A_CHAIN = ("chains", "ddos", "states", "orders", "escrow_events", "access_lists")

# As a real node's data base has them, one per form of a DDO; searches answer once for each.
COLLECTIONS = ("op_ddo_short", "op_ddo_v4.1.0", "op_ddo_v4.3.0", "op_ddo_v4.5.0", "op_ddo_v4.7.0")


class Index:
    """The node's knowledge of its chains."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        self._connection.close()

    # how far a chain has been read

    def block(self, chain_id: int, genesis: str) -> int | None:
        """The last block read; None when nothing is known of the chain that begins with `genesis`."""
        row = self._row("SELECT genesis, block FROM chains WHERE chain_id = ?", chain_id)
        if row and row[0] == genesis:
            return int(row[1])
        for table in _OF_A_CHAIN:
            self._connection.execute(f"DELETE FROM {table} WHERE chain_id = ?", (chain_id,))
        return None

    def last_block(self, chain_id: int) -> int:
        row = self._row("SELECT block FROM chains WHERE chain_id = ?", chain_id)
        return int(row[0]) if row else 0

    def save_block(self, chain_id: int, genesis: str, block: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO chains VALUES (?, ?, ?)", (chain_id, genesis, block))

    # assets

    def ddo(self, did: Any) -> dict[str, Any] | None:
        row = self._row("SELECT document FROM ddos WHERE did = ?", str(did))
        return json.loads(row[0]) if row else None

    def save_ddo(self, document: dict[str, Any]) -> None:
        """In the collection of its form: only assets in use are in that of their version."""
        state = document["indexedMetadata"]["nft"]["state"]
        collection = f"op_ddo_v{document['version']}" if state == 0 else "op_ddo_short"
        self._connection.execute(
            "INSERT OR REPLACE INTO ddos VALUES (?, ?, ?, ?)",
            (document["id"], document["chainId"], collection, json.dumps(document)),
        )

    def ddos(self, collection: str) -> list[dict[str, Any]]:
        rows = self._connection.execute(
            "SELECT document FROM ddos WHERE collection = ? ORDER BY rowid", (collection,)
        )
        return [json.loads(document) for (document,) in rows]

    def save_state(
        self, chain_id: int, did: str, nft: str, *, tx: str = " ", valid: bool = True, error: str = " "
    ) -> None:
        """What became of an asset's last event. A blank stands for nothing, as on a real node."""
        self._connection.execute(
            "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?, ?)", (did, chain_id, nft, tx, valid, error)
        )

    def state(self, column: str, value: str) -> dict[str, Any] | None:
        """By `did`, `nft` or `tx`, whatever the letters' case."""
        row = self._row(
            f"SELECT did, chain_id, nft, tx, valid, error FROM states WHERE {column} = ? COLLATE NOCASE",
            value,
        )
        if row is None:
            return None
        did, chain_id, nft, tx, valid, error = row
        return {
            "id": did,
            "chainId": chain_id,
            "did": did,
            "nft": nft,
            "txId": tx,
            "valid": bool(valid),
            "error": error,
        }

    def note_order(self, chain_id: int, tx: str) -> bool:
        """Whether it was unknown: a transaction counts once."""
        done = self._connection.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)", (tx, chain_id))
        return done.rowcount == 1

    # escrow

    def save_escrow_event(self, record: dict[str, Any], log_index: int) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO escrow_events VALUES (?, ?, ?, ?, ?)",
            (record["id"], record["chainId"], record["block"], log_index, json.dumps(record)),
        )

    def escrow_events(self) -> list[dict[str, Any]]:
        rows = self._connection.execute(
            "SELECT record FROM escrow_events ORDER BY chain_id, block, log_index"
        )
        return [json.loads(record) for (record,) in rows]

    # access lists

    def access_list(self, chain_id: int, address: str) -> dict[str, Any] | None:
        row = self._row(
            "SELECT record FROM access_lists WHERE chain_id = ? AND address = ?", chain_id, address.lower()
        )
        return json.loads(row[0]) if row else None

    def save_access_list(self, record: dict[str, Any]) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO access_lists VALUES (?, ?, ?)",
            (record["chainId"], record["contractAddress"], json.dumps(record)),
        )

    def access_lists(self) -> list[dict[str, Any]]:
        rows = self._connection.execute("SELECT record FROM access_lists ORDER BY rowid")
        return [json.loads(record) for (record,) in rows]

    def _row(self, query: str, *values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()
