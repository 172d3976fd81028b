# SPDX-License-Identifier: Apache-2.0
"""Images: `python` of whatever tag runs on this node's own interpreter, all others are refused.

A refusal begins with the real node's words for an image it cannot find, so that clients understand it.
"""

from __future__ import annotations

import platform
import re
from typing import Any

from airflow_provider_deflow.local_ocean_node.javascript import as_text, dumps, or_null
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_PYTHON = re.compile(r"((docker\.io/)?library/)?python([:@].*)?")
_PROGRAM = "data/transformations/algorithm"


def image_of(algorithm: dict[str, Any]) -> str:
    """The image an algorithm names: by checksum if it has one, else by tag."""
    container = _container_of(algorithm)
    if container is None:
        raise Refusal(500, f"Unable to extract docker image null from algoritm: {dumps(algorithm)}")
    name = as_text(container["image"]) if "image" in container else "undefined"
    if container.get("checksum"):
        return f"{name}@{container['checksum']}"
    return f"{name}:{container.get('tag') or 'latest'}"


def _container_of(algorithm: dict[str, Any]) -> dict[str, Any] | None:
    """None for nothing; what is no object has no fields."""
    meta = algorithm.get("meta")
    container = or_null(meta.get("container")) if isinstance(meta, dict) else None
    return container if container is None or isinstance(container, dict) else {}


def require_no_build(algorithm: dict[str, Any], *, free: bool, queued: bool) -> None:
    """No environment here lets free jobs build images, and no image can be built for paid ones."""
    container = _container_of(algorithm) or {}
    if container.get("additionalDockerFiles") and queued:
        raise Refusal(500, "additionalDockerFiles cannot be used with queued jobs")
    if not container.get("dockerfile"):
        return
    if free:
        raise Refusal(500, "Building image is not allowed for free jobs")
    raise Refusal(
        500, "This local Ocean Node has no engine to build images with: name an image python instead"
    )


def require_image(image: str) -> None:
    if not _PYTHON.fullmatch(image):
        raise Refusal(
            500,
            f"Cannot find image {image} for {platform.machine()}. Maybe it does not exist or it's build for "
            "other arhitectures. (This local Ocean Node runs images named python, on its own interpreter.)",
        )


def pull_log(image: str) -> str:
    name, _, tag = image.partition(":")
    return (
        f"{tag or 'latest'} : Pulling from {name}\n"
        f"Status: {image} stands for this node's own interpreter, Python {platform.python_version()}\n"
        f"Successfully pulled image: {image}\n"
    )


def command_of(algorithm: dict[str, Any]) -> tuple[str, ...]:
    """The entry point split at blanks, without quoting; the image's own is `python3`."""
    entrypoint = algorithm["meta"]["container"].get("entrypoint")
    if not entrypoint:
        return ("python3",)
    return tuple(as_text(entrypoint).replace("$ALGO", _PROGRAM, 1).split(" "))
