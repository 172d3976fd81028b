# SPDX-License-Identifier: Apache-2.0
"""Select the features that keep being chosen: stability selection on the training part.

An L1-penalised linear classifier picks features; which ones depends on the records it happened to see. So it
is fitted on many random halves of the training part, and a feature counts when at least THRESHOLD of
the fits pick it (Meinshausen and Bühlmann, "Stability selection", JRSS B 72, 2010; halves taken in
complementary pairs after Shah and Samworth, JRSS B 75, 2013). How strong the penalty is comes from
cross-validation within the training part. Medians and scales are learned within each half or fold. Test
records pass through and are never looked at.

in   /data/inputs/*-prepared.csv     the prepared records of all hospitals
out  /data/outputs/selected.csv      the same records with the chosen features only
     /data/outputs/selection.csv     every feature, how often it was chosen, whether it stays
"""

import csv
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

SEED = int(os.environ.get("SEED", "7"))
PAIRS = 25
THRESHOLD = 0.7
STRENGTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
ABOUT = ("record", "site", "part", "diagnosis")

Numbers = NDArray[np.float64]


def read_records(inputs: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Feature names and the records of all hospitals, in the order of the file names."""
    records: list[dict[str, str]] = []
    features: list[str] = []
    for path in sorted(inputs.glob("*-prepared.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name not in ABOUT]
        if features and names != features:
            raise SystemExit(f"{path.name} has other features than the files before it")
        features = names
        records += rows
        print(f"{path.name}: {len(rows)} records")
    if not records:
        raise SystemExit(f"no records: {inputs} has no *-prepared.csv")
    return features, records


def numbers(records: list[dict[str, str]], features: list[str]) -> Numbers:
    """The measurements as a table, NaN where there is none."""
    return np.array([[float(record[name] or "nan") for name in features] for record in records])


def picker(strength: float) -> Pipeline:
    """Median for what is missing, equal scales, then a linear classifier that leaves features out."""
    classifier = LinearSVC(penalty="l1", dual=False, C=strength, max_iter=5000, random_state=SEED)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), classifier)


def choose_strength(table: Numbers, labels: NDArray[np.int64]) -> float:
    """The C (small = strong penalty) with the best cross-validated AUC."""
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    scores = []
    for strength in STRENGTHS:
        folded = cross_val_score(picker(strength), table, labels, scoring="roc_auc", cv=folds)
        scores.append(float(folded.mean()))
        print(f"C={strength:<5g} cross-validated AUC {scores[-1]:.4f}")
    return STRENGTHS[int(np.argmax(scores))]


def stability(table: Numbers, labels: NDArray[np.int64], strength: float) -> Numbers:
    """Share of the fits on random halves that give each feature a weight."""
    picked = np.zeros(table.shape[1])
    halves = StratifiedShuffleSplit(PAIRS, train_size=0.5, test_size=0.5, random_state=SEED)
    for pair in halves.split(table, labels):
        for half in pair:
            weights = picker(strength).fit(table[half], labels[half])[-1].coef_[0]
            picked += weights != 0
    return picked / (2 * PAIRS)


def write_rows(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main(inputs: Path, outputs: Path) -> None:
    features, records = read_records(inputs)
    train = [record for record in records if record["part"] == "train"]
    table = numbers(train, features)
    labels = np.array([int(record["diagnosis"]) for record in train])
    print(f"training part: {len(train)} of {len(records)} records, {int(labels.sum())} malignant")

    shares = stability(table, labels, choose_strength(table, labels))
    order = np.argsort(-shares, kind="stable")
    chosen = [features[index] for index in order if shares[index] >= THRESHOLD]
    if not chosen:
        raise SystemExit(f"no feature was picked by {THRESHOLD:.0%} of the {2 * PAIRS} fits: lower THRESHOLD")
    for index in order[: len(chosen)]:
        print(f"chosen {shares[index]:6.0%}  {features[index]}")
    print(f"{len(chosen)} of {len(features)} features stay")

    write_rows(
        outputs / "selected.csv",
        [*ABOUT, *chosen],
        [[record[name] for name in (*ABOUT, *chosen)] for record in records],
    )
    write_rows(
        outputs / "selection.csv",
        ["feature", "chosen_share", "chosen"],
        [[features[i], f"{shares[i]:.2f}", "yes" if features[i] in chosen else "no"] for i in order],
    )


if __name__ == "__main__":
    main(Path("/data/inputs"), Path("/data/outputs"))
