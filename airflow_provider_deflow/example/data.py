# SPDX-License-Identifier: Apache-2.0
"""The records of two hospitals, made from the breast cancer set that scikit-learn carries.

The set is the Breast Cancer Wisconsin (Diagnostic) data: 569 tumours, 30 measurements each, benign or
malignant (Wolberg, Mangasarian and Street, UCI Machine Learning Repository, 1993, CC BY 4.0).

The measurements and diagnoses are real. That they come from two hospitals is not: `write_csv` deals the
569 records out to two files, and lets each hospital write in its own way, so that there is something to
prepare. What is made up is all in `HOSPITALS` and in `MISSING_SHARE`: separators, the unit of lengths, the
words for the diagnosis, and the cells that are left empty.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEED = 569
MISSING_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Hospital:
    """How one hospital writes its records down."""

    site: str
    delimiter: str
    decimal_mark: str
    missing: str
    length_unit: float
    malignant: str
    benign: str

    @property
    def file_name(self) -> str:
        return f"{self.site}.csv"

    def written(self, feature: str, value: float) -> str:
        """One measurement in this hospital's unit and notation."""
        unit = self.length_unit ** dimension(feature)
        return format(value / unit, ".10g").replace(".", self.decimal_mark)


HOSPITALS = (
    Hospital("hospital-a", ",", ".", missing="", length_unit=1.0, malignant="malignant", benign="benign"),
    Hospital("hospital-b", ";", ",", missing="n/a", length_unit=0.001, malignant="M", benign="B"),
)


def dimension(feature: str) -> int:
    """1 for a length, 2 for an area, 0 for a ratio: how a feature follows the unit of length."""
    if "area" in feature:
        return 2
    return 1 if "radius" in feature or "perimeter" in feature else 0


def write_csv(folder: Path) -> dict[str, Path]:
    """Write each hospital's records to its file in `folder`; the same bytes every time."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    random = np.random.default_rng(SEED)
    order = random.permutation(len(cancer.data))
    is_missing = random.random(cancer.data.shape) < MISSING_SHARE
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for hospital, indices in zip(HOSPITALS, np.array_split(order, len(HOSPITALS)), strict=True):
        features = [str(name) for name in cancer.feature_names]
        rows = [
            [
                f"{hospital.site[-1].upper()}{number:03d}",
                *_cells(hospital, features, cancer.data[index], is_missing[index]),
                hospital.benign if cancer.target[index] == 1 else hospital.malignant,
            ]
            for number, index in enumerate(indices, start=1)
        ]
        path = folder / hospital.file_name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=hospital.delimiter, lineterminator="\n")
            writer.writerow(["record", *features, "diagnosis"])
            writer.writerows(rows)
        files[hospital.file_name] = path
    return files


def _cells(
    hospital: Hospital, features: Sequence[str], values: Sequence[float], is_missing: Sequence[bool]
) -> list[str]:
    return [
        hospital.missing if missing else hospital.written(feature, float(value))
        for feature, value, missing in zip(features, values, is_missing, strict=True)
    ]
