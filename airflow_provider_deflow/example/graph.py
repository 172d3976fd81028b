# SPDX-License-Identifier: Apache-2.0
"""The disease prediction graph as a document: two hospitals, feature selection, prediction.

    hospital-a.csv → prepare-a ─┐
                                ├→ select-features → predict
    hospital-b.csv → prepare-b ─┘

The algorithms travel inside the document as source text, so it runs on any Ocean Node whose `image` has
scikit-learn. What the two hospitals do differently reaches the one `prepare` as environment variables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.example.data import HOSPITALS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.example.data import Hospital

SLUG = "disease-prediction"
IMAGE = "python:3.11"  # the local Ocean Node runs it on its own interpreter, which has scikit-learn


def document(
    uploads: Mapping[str, str], *, image: str = IMAGE, ocean_node: str = "ocean_node_default"
) -> dict[str, Any]:
    """The graph's document; `uploads` gives the sha256 of each hospital's file by its name."""
    names = [f"prepare-{hospital.site[-1]}" for hospital in HOSPITALS]
    sources = [
        _node(
            name,
            f"Prepare {hospital.site}",
            "prepare.py",
            image,
            (0, 160 * row),
            environment_variables=_notation(hospital),
            datasets=[{"upload": uploads[hospital.file_name], "name": hospital.file_name}],
        )
        for row, (name, hospital) in enumerate(zip(names, HOSPITALS, strict=True))
    ]
    selection = _node("select-features", "Select features", "select_features.py", image, (400, 80))
    prediction = _node("predict", "Predict", "predict.py", image, (800, 80))
    return {
        "slug": SLUG,
        "name": "Disease prediction",
        "description": (
            "Two hospitals prepare their records where they are, "
            "features are selected, and a model tells benign from malignant tumours."
        ),
        "tags": ["example"],
        "defaults": {"ocean_node": ocean_node, "max_duration_seconds": 300},
        "nodes": [*sources, selection, prediction],
        "edges": [
            *(
                _edge(name, "select-features", f"{hospital.site}-prepared.csv")
                for name, hospital in zip(names, HOSPITALS, strict=True)
            ),
            _edge("select-features", "predict", "selected.csv", "selection.csv"),
        ],
    }


def _node(
    node_id: str, label: str, source: str, image: str, position: tuple[int, int], **data: object
) -> dict[str, Any]:
    code = Path(__file__).with_name(source).read_text(encoding="utf-8")
    return {
        "id": node_id,
        "type": "compute",
        "position": {"x": position[0], "y": position[1]},
        "data": {
            "label": label,
            "algorithm": {"code": code, "image": image, "entrypoint": "python3 $ALGO"},
            "compute_resources": {"cpu": 1, "ram": 1},
            **data,
        },
    }


def _edge(source: str, target: str, *files: str) -> dict[str, Any]:
    return {
        "id": f"{source}-{target}",
        "source": source,
        "target": target,
        "data": {"handover": "auto", "files": list(files)},
    }


def _notation(hospital: Hospital) -> dict[str, str]:
    return {
        "SITE": hospital.site,
        "DELIMITER": hospital.delimiter,
        "DECIMAL_MARK": hospital.decimal_mark,
        "MISSING": hospital.missing,
        "LENGTH_UNIT": str(hospital.length_unit),
        "MALIGNANT": hospital.malignant,
        "BENIGN": hospital.benign,
    }
