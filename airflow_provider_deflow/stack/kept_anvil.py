# SPDX-License-Identifier: Apache-2.0
"""anvil with its state kept in a file: `python -m ….kept_anvil ANVIL FOLDER PORT CHAIN_ID`.

anvil's own `--state` writes the whole chain anew at every interval, whether anything happened or not, and in
place: killed meanwhile it leaves half a file, with which it never starts again. So it is asked for its state
from here, when there is a new block, and the file changes from one whole state to the next.

Nothing is lost by the end of `deflow up`, and on Linux by a `kill -9` of this process either: anvil is told
to end then, and writes its state a last time. `kill -9` of anvil itself, or the end of the machine, loses
what came into blocks since the file was written: the last second, or, once the chain has grown so much that
writing takes longer than a tenth of that, ten times as long as writing takes. What was lost was confirmed
before: whoever remembers its transactions will not find them.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from airflow_provider_deflow.errors import ChainUnreachable
from airflow_provider_deflow.stack import anvil
from airflow_provider_deflow.stack.guard import stop_with_parent
from airflow_provider_deflow.stack.ports import LOOPBACK

INTERVAL_SECONDS = 1.0
_LEAST_PAUSE_PER_WRITING = 9
# Blocks may come while the state is put together, and be in it by half.
_TRIES = 5
# anvil that cannot read a state ends sooner than this.
_READING_SECONDS = 5.0


_LAST_WORDS = "last.json"
_STATE = "state.json"


class _Stopped(Exception):
    pass


class KeptState:
    """The chain as it is, and the file that follows it."""

    def __init__(self, rpc_url: str, file: Path) -> None:
        self._rpc_url = rpc_url
        self._file = file
        self._kept_block = ""

    def take_last_words(self) -> None:
        """What anvil wrote at its end, if it came to the end of that too, is the state from now on."""
        written = self._file.with_name(_LAST_WORDS)
        if _block(written) >= max(_block(self._file), 0):
            written.replace(self._file)
        written.unlink(missing_ok=True)

    def follow(self) -> None:
        """Write the file, unless it has the newest block; it is the old one or the new one at any moment."""
        if anvil.ask(self._rpc_url, "eth_blockNumber") == self._kept_block:
            return
        for _ in range(_TRIES):
            block = anvil.ask(self._rpc_url, "eth_blockNumber")
            packed: str = anvil.ask(self._rpc_url, "anvil_dumpState")
            if anvil.ask(self._rpc_url, "eth_blockNumber") == block:
                break
        partial = self._file.with_suffix(".new")
        with partial.open("wb") as file:
            file.write(gzip.decompress(bytes.fromhex(packed.removeprefix("0x"))))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._file)
        self._kept_block = block


def is_kept(folder: Path) -> bool:
    """Whether there is a chain to go on with."""
    return any((folder / name).exists() for name in (_STATE, _LAST_WORDS))


def _block(file: Path) -> int:
    """The newest one that a state has; -1 for half a state and none."""
    try:
        return int(json.loads(file.read_bytes())["best_block_number"])
    except (OSError, ValueError):
        return -1


def command(program: Path, folder: Path, port: int, chain_id: int) -> list[str]:
    """anvil with the state that `folder` has, and nothing of it written elsewhere."""
    state = folder / _STATE
    return [
        *(str(program), "--host", LOOPBACK, "--port", str(port), "--chain-id", str(chain_id)),
        # It would print its keys, and a line for each request; pages of strangers have no business here.
        *("--quiet", "--no-cors", "--cache-path", str(folder / "cache")),
        *("--dump-state", str(folder / _LAST_WORDS)),
        *(("--load-state", str(state)) if state.exists() else ()),
    ]


def main(program: Path, folder: Path, port: int, chain_id: int) -> int:
    """Run anvil until it ends, or until asked to stop."""
    folder.mkdir(exist_ok=True, mode=0o700)
    state = KeptState(f"http://{LOOPBACK}:{port}", folder / _STATE)
    state.take_last_words()
    began = time.monotonic()
    # In a session of its own, so that it gets one signal to end and not two, the second in its last words.
    process = subprocess.Popen(
        command(program, folder, port, chain_id), start_new_session=True, preexec_fn=stop_with_parent
    )
    try:
        signal.signal(signal.SIGTERM, _stop)
        status = _keep_until_it_ends(process, state)
    except _Stopped:
        process.terminate()
        process.wait()
        state.take_last_words()
        return 0
    print(f"anvil ended, with status {status}", file=sys.stderr)
    if time.monotonic() - began < _READING_SECONDS:
        print(
            f"if it cannot read {folder / 'state.json'}, remove that file: the chain then begins anew; "
            "`deflow up --no-chain` starts without it",
            file=sys.stderr,
        )
    return status or 1


def _keep_until_it_ends(process: subprocess.Popen[bytes], state: KeptState) -> int:
    pause = INTERVAL_SECONDS
    while True:
        try:
            return process.wait(pause)
        except subprocess.TimeoutExpired:
            began = time.monotonic()
            try:
                state.follow()
            except (ChainUnreachable, OSError) as error:
                print(f"the state is not kept now: {error}", file=sys.stderr)
                continue
            pause = max(INTERVAL_SECONDS, _LEAST_PAUSE_PER_WRITING * (time.monotonic() - began))


def _stop(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
