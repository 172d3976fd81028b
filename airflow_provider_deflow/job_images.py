# SPDX-License-Identifier: Apache-2.0
"""A paid job's image, looked at before anything is paid for it.

An Ocean Node locks the money first and looks for the image then; what it does not find costs its payer the
lock until that expires. So its registry is asked by us before. What the registry does not say holds up
nothing: an Ocean Node may have an image already, or may log in where we cannot.

What was said is kept for a while for all processes of this host, so that a run's nodes, which mostly share an
image, ask once.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import choosing, image_registry
from airflow_provider_deflow.ocean.shared_state import SharedState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from airflow_provider_deflow.http import Targets
    from airflow_provider_deflow.ocean.image_registry import Answer, ImageName

# By what was said. A tag may move, and who was told that an image is missing goes and pushes it.
KEPT_SECONDS = {"there": 600.0, "missing": 30.0, "unknown": 60.0}


@dataclass(frozen=True)
class Images:
    """Images of jobs on one Ocean Node; `targets` are the registries that may be asked beside public ones."""

    folder: Path
    targets: Targets
    say: Callable[[str], None]
    _silent: set[str] = field(default_factory=set, init=False)

    def require(self, container: Mapping[str, Any], platform: str, environment: str) -> None:
        """That the image of a start's `container` is there, and for `platform`. Raises `SettingsError`."""
        if container.get("dockerfile"):
            return
        image = str(container.get("image") or "")
        name = image_registry.ImageName.of(
            image, str(container.get("checksum") or container.get("tag") or "latest")
        )
        if name is None:
            raise errors.SettingsError(f"{image!r} is no name of an image. Write it as `name:tag`.")
        answer = self._asked(name)
        if answer.state == "missing":
            raise errors.SettingsError(
                f"image {name} is not there, so nothing is paid — {name.registry} says: {answer.words}. "
                f"Correct the algorithm's image. {_UNLESS}"
            )
        if answer.state == "unknown":
            self.say(
                f"Image {name}: {name.registry} does not say whether it is there: {answer.words}. The start "
                "goes on; should the Ocean Node not find it either, what it locks comes back when the lock "
                "expires."
            )
        elif answer.platforms and platform and not any(_same(one, platform) for one in answer.platforms):
            raise errors.SettingsError(
                f"image {name} is for {', '.join(answer.platforms)}, and {environment} runs {platform}, so "
                "nothing is paid. Choose an image for that platform, or another compute environment. "
                f"{_UNLESS}"
            )

    def _asked(self, name: ImageName) -> Answer:
        """Kept, or asked for now, by one process at a time."""
        cell_name = f"image.{hashlib.sha256(str(name).encode()).hexdigest()[:24]}"
        try:
            with SharedState(self.folder).locked(cell_name, 2 * image_registry.LOOK_SECONDS) as cell:
                if kept := _kept(cell.read()):
                    return kept
                answer = self._looked_up(name)
                cell.write(json.dumps({"at": time.time(), **answer.to_json()}).encode())
                return answer
        except errors.OceanNodeBusy:
            return image_registry.Answer("unknown", words="other processes of this host still ask it")

    def _looked_up(self, name: ImageName) -> Answer:
        if name.registry in self._silent:
            return image_registry.Answer("unknown", words="it said nothing of another image just now")
        began = time.monotonic()
        answer = image_registry.look_up(name, self.targets)
        if answer.state == "unknown" and time.monotonic() - began > image_registry.LOOK_SECONDS / 2:
            self._silent.add(name.registry)
        return answer


_UNLESS = "If the Ocean Node has such an image of its own, set `check_images` of its connection to false."


def _kept(written: bytes) -> Answer | None:
    try:
        found = json.loads(written or b"{}")
        answer = image_registry.Answer.from_json(found)
        is_fresh = 0 <= time.time() - found["at"] < KEPT_SECONDS[answer.state]
    except (KeyError, TypeError, ValueError):
        return None
    return answer if is_fresh else None


def _same(one: str, other: str) -> bool:
    """As an Ocean Node compares them."""
    (os, _, machine), (other_os, _, other_machine) = one.partition("/"), other.partition("/")
    return os == other_os and choosing.machine(machine) == choosing.machine(other_machine)
