# SPDX-License-Identifier: Apache-2.0
"""Prepare one hospital's records: one notation, one unit, one word for each diagnosis, one split.

Runs next to the records. Every step looks at one record alone, so nothing here learns from the data;
what has to be learned (medians, scales) waits for the training part, further down the graph. The split
into training and test part is made here once, stratified by diagnosis and fixed by SEED, so that no later
step can mix the two. How the hospital writes comes from environment variables.

in   /data/inputs/*.csv                        the hospital's records
out  /data/outputs/<SITE>-prepared.csv         record, site, part, diagnosis (1 = malignant), features
"""

import csv
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from sklearn.model_selection import train_test_split

SITE = os.environ.get("SITE", "hospital")
DELIMITER = os.environ.get("DELIMITER", ",")
DECIMAL_MARK = os.environ.get("DECIMAL_MARK", ".")
MISSING = os.environ.get("MISSING", "")
LENGTH_UNIT = float(os.environ.get("LENGTH_UNIT", "1"))
DIAGNOSES = {os.environ.get("MALIGNANT", "malignant"): 1, os.environ.get("BENIGN", "benign"): 0}
SEED = int(os.environ.get("SEED", "7"))
TEST_SHARE = 0.35


def read_records(inputs: Path) -> list[dict[str, str]]:
    """All records of all CSV files given."""
    records: list[dict[str, str]] = []
    for path in sorted(inputs.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            records += csv.DictReader(file, delimiter=DELIMITER)
    if not records:
        raise SystemExit(f"no records: {inputs} has no CSV file with rows")
    return records


def measurement(feature: str, text: str) -> str:
    """One cell in the common unit and notation; empty where the hospital has no value."""
    if text == MISSING:
        return ""
    dimension = 2 if "area" in feature else int("radius" in feature or "perimeter" in feature)
    value = float(text.replace(DECIMAL_MARK, ".")) * LENGTH_UNIT**dimension
    return format(value, ".8g")


def diagnosis(record: dict[str, str]) -> int:
    """1 for malignant, 0 for benign."""
    word = record["diagnosis"]
    if word not in DIAGNOSES:
        known = " and ".join(DIAGNOSES)
        raise SystemExit(f"record {record['record']}: unknown diagnosis {word!r}, known are {known}")
    return DIAGNOSES[word]


def main(inputs: Path, outputs: Path) -> None:
    records = read_records(inputs)
    features = [name for name in records[0] if name not in ("record", "diagnosis")]
    labels = [diagnosis(record) for record in records]
    names = [record["record"] for record in records]
    _, test = train_test_split(names, test_size=TEST_SHARE, stratify=labels, random_state=SEED)
    is_test = set(test)

    missing = 0
    path = outputs / f"{SITE}-prepared.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["record", "site", "part", "diagnosis", *features])
        for record, label in zip(records, labels, strict=True):
            cells = [measurement(feature, record[feature]) for feature in features]
            missing += cells.count("")
            part = "test" if record["record"] in is_test else "train"
            writer.writerow([record["record"], SITE, part, label, *cells])

    print(f"{SITE}: {len(records)} records, {sum(labels)} malignant, {len(features)} features")
    print(f"{SITE}: {missing} cells without a value, left empty")
    print(f"{SITE}: {len(records) - len(test)} records to train on, {len(test)} kept for the test")


if __name__ == "__main__":
    main(Path("/data/inputs"), Path("/data/outputs"))
