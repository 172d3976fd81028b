# SPDX-License-Identifier: Apache-2.0
"""The numbers an Ocean Node gives a job's progress, in its words and in a user's.

A number alone never says that a job succeeded: 70 and 71 also end jobs that failed. That is decided
in `compute`.
"""

from __future__ import annotations

# The node's own texts, to the letter; 40 really ends in a blank.
STATUS_TEXTS: dict[int, str] = {
    0: "Job started",
    1: "Job queued",
    2: "Job expired in queue",
    10: "Pulling algorithm image",
    11: "Pulling algorithm image failed",
    12: "Building algorithm image",
    13: "Building algorithm image failed",
    14: "Image has vulnerabilities",
    20: "Configuring volumes",
    21: "Volume creation failed",
    22: "Container creation failed",
    30: "Provisioning data",
    31: "Data provisioning failed",
    32: "Algorithm provisioning failed",
    33: "Data upload to container failed",
    40: "Running algorithm ",
    41: "Failed to run algorithm",
    42: "Error: disk quota exceeded",
    50: "Filtering results",
    60: "Publishing results",
    61: "Failed to get outputs folder from container",
    62: "Failed to upload results to storage",
    70: "Job finished",
    71: "Job settling",
}

EXPIRED_IN_QUEUE = 2
NO_ALGORITHM = 32
SETTLING = 71
FINISHED = 70

# 128 + SIGKILL and 128 + SIGTERM: exit codes of a container that the node stopped.
KILLED = frozenset({137, 143})

# What the job was doing, as the end of "while …" or "it is …".
STAGES: dict[int, str] = {
    0: "being accepted by the node",
    1: "waiting in the node's queue",
    2: "waiting in the node's queue",
    10: "pulling the algorithm's image",
    11: "pulling the algorithm's image",
    12: "building the algorithm's image",
    13: "building the algorithm's image",
    14: "scanning the algorithm's image",
    20: "preparing the job's volumes",
    21: "preparing the job's volumes",
    22: "creating the container",
    30: "fetching the datasets and the algorithm",
    31: "fetching the datasets",
    32: "preparing the algorithm",
    33: "copying the inputs into the container",
    40: "running the algorithm",
    41: "starting the algorithm",
    42: "running the algorithm",
    50: "collecting the results",
    60: "collecting the results",
    61: "collecting the results",
    62: "storing the results",
    70: "running the algorithm",
    71: "running the algorithm",
}
