# SPDX-License-Identifier: Apache-2.0
"""Recordings that the local Ocean Node answers otherwise, each with the reason.

Every one is tried all the same: one that comes to replay must be taken out.
"""

from __future__ import annotations

NO_BUILDS = "the local Ocean Node builds no images and refuses a dockerfile in the real words"
NO_REGISTRY = (
    "the local Ocean Node has no registry: the log says which interpreter stands for the image, and there "
    "is no digest"
)
NO_PRIVATE_IMAGE = "a registry with odd images: the local Ocean Node runs images named python only"

NOT_REPLAYED: dict[str, str] = {
    **dict.fromkeys(
        (
            "build-start",
            "build-at-12-first",
            "build-final",
            "build-result-imageLog",
            "build-result-algorithmLog",
            "build-later",
        ),
        NO_BUILDS,
    ),
    **dict.fromkeys(
        (
            "contract-imageLog",
            "algo-file-result-imageLog",
            "bucket-job-result-imageLog",
            "result-viewer",
            "result-head",
            "result-direct",
        ),
        NO_REGISTRY,
    ),
    "private-image-no-challenge-start": NO_PRIVATE_IMAGE,
    "private-image-no-challenge-final": NO_PRIVATE_IMAGE,
    "image-unknown-tag": "every tag of python stands for the one interpreter that there is",
    "bucket-job-result-algorithmLog": "it lists mounts, and a sandbox has others than a Docker container",
    "one-job-final": "its environment had cores that the machine lacked; here jobs get cores that exist",
    "no-db-status": "its buckets were configured but off; here a node has them or is silent",
    "root": "it lists the routes that it serves: none for peers, logs, administration and policies",
    "status-command-detailed": "there is no data base of DDOs whose schemas it could list",
    "rate-limit-over": "a minute later, and no test waits so long; test_limits turns the clock instead",
    "fileinfo-url-dead": "what it asks for, port 9 of this host, the guard against forged requests refuses",
}
