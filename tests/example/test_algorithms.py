# SPDX-License-Identifier: Apache-2.0
"""The three algorithms on the real records, in a container; what they find, and that they find it fairly.

Not here: the same graph on a stack (tests/e2e), and how good the model could be.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from airflow_provider_deflow.example import graph, predict, select_features

if TYPE_CHECKING:
    from tests.example.conftest import Container

ABOUT = ["record", "site", "part", "diagnosis"]


@dataclass(frozen=True, slots=True)
class Finished:
    """The output folders of the three steps, and what the last one printed."""

    prepared: list[Path]
    selected: list[Path]
    predicted: Path
    log: str

    @property
    def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = json.loads((self.predicted / "metrics.json").read_text())
        return metrics


def computed(container: Container, hospital_files: dict[str, Path], folder: Path) -> Finished:
    """Each step after the other, without any Ocean Node."""
    document = graph.document(dict.fromkeys(hospital_files, "0" * 64))
    prepared = []
    for node in document["nodes"][:2]:
        name = node["data"]["datasets"][0]["name"]
        variables = node["data"]["environment_variables"]
        container.run("prepare.py", [hospital_files[name]], folder / node["id"], variables)
        prepared += (folder / node["id"] / "outputs").iterdir()
    container.run("select_features.py", prepared, folder / "select")
    selected = list((folder / "select/outputs").iterdir())
    log = container.run("predict.py", selected, folder / "predict")
    return Finished(prepared, selected, folder / "predict/outputs", log)


@pytest.fixture(scope="module")
def finished(
    container: Container, hospital_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    return computed(container, hospital_files, tmp_path_factory.mktemp("run"))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_prepared_files_hold_all_records_in_one_notation(finished: Finished) -> None:
    rows = [row for path in sorted(finished.prepared) for row in _rows(path)]
    cancer = load_breast_cancer()
    original = {
        tuple(f"{value:.6g}" for value in record): 1 - int(target)
        for record, target in zip(cancer.data, cancer.target, strict=True)
    }
    complete = [row for row in rows if "" not in row.values()]

    assert sorted(path.name for path in finished.prepared) == [
        "hospital-a-prepared.csv",
        "hospital-b-prepared.csv",
    ]
    assert (len(rows), len(complete)) == (569, 302)
    for row in complete:
        values = tuple(f"{float(row[name]):.6g}" for name in cancer.feature_names)
        assert original[values] == int(row["diagnosis"])


def test_each_hospital_keeps_its_share_of_malignant_records_for_the_test(finished: Finished) -> None:
    counts = {(row["site"], row["part"]): [0, 0] for path in sorted(finished.prepared) for row in _rows(path)}
    for path in finished.prepared:
        for row in _rows(path):
            counts[row["site"], row["part"]][int(row["diagnosis"])] += 1

    assert counts == {
        ("hospital-a", "train"): [117, 68],
        ("hospital-a", "test"): [63, 37],
        ("hospital-b", "train"): [115, 69],
        ("hospital-b", "test"): [62, 38],
    }


def test_the_figures_are_what_this_data_gives(finished: Finished) -> None:
    metrics = finished.metrics

    assert metrics["records"] == {"train": 369, "test": 200}
    assert metrics["auc"]["value"] == pytest.approx(0.989, abs=0.005)
    assert metrics["sensitivity"]["value"] == pytest.approx(0.96, abs=0.03)
    assert metrics["specificity"]["value"] == pytest.approx(0.984, abs=0.03)
    for name in ("auc", "sensitivity", "specificity"):
        low, high = metrics[name]["ci95"]
        assert 0.85 < low < metrics[name]["value"] < high < 1
    assert sum(metrics["confusion"].values()) == 200
    assert "worst texture" in [feature["name"] for feature in metrics["features"]]


def test_the_figures_follow_from_the_predictions(finished: Finished) -> None:
    rows = _rows(finished.predicted / "predictions.csv")
    labels = [int(row["diagnosis"]) for row in rows]
    called = [int(row["predicted"]) for row in rows]
    confusion = finished.metrics["confusion"]

    auc = roc_auc_score(labels, [float(row["probability"]) for row in rows])
    assert auc == pytest.approx(finished.metrics["auc"]["value"], abs=0.001)
    assert confusion["true_positive"] == sum(c and d for c, d in zip(called, labels, strict=True))
    assert confusion["false_positive"] == sum(c and not d for c, d in zip(called, labels, strict=True))


def test_a_person_finds_the_result_in_words_and_as_a_picture(finished: Finished) -> None:
    assert sorted(path.name for path in finished.predicted.iterdir()) == [
        "features.csv",
        "metrics.json",
        "predictions.csv",
        "report.png",
        "report.txt",
    ]
    picture = (finished.predicted / "report.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(picture[start : start + 4], "big") for start in (16, 20))
    assert (width, height) == (1540, 517)
    assert (finished.predicted / "report.txt").read_text() in finished.log


def test_the_same_input_gives_the_same_bytes(
    finished: Finished, container: Container, hospital_files: dict[str, Path], tmp_path: Path
) -> None:
    again = computed(container, hospital_files, tmp_path)

    for path in (*finished.selected, *finished.predicted.iterdir()):
        folder = again.predicted if path.parent == finished.predicted else again.selected[0].parent
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_test_records_teach_neither_the_selection_nor_the_model(finished: Finished, tmp_path: Path) -> None:
    inputs, selected, predicted = (tmp_path / name for name in ("inputs", "selected", "predicted"))
    for folder in (inputs, selected, predicted):
        folder.mkdir()
    for path in finished.prepared:
        _spoil_test_records(path, inputs / path.name)

    select_features.main(inputs, selected)
    predict.main(selected, predicted)

    selection = next(path for path in finished.selected if path.name == "selection.csv")
    assert (selected / "selection.csv").read_text() == selection.read_text()
    weights = (predicted / "features.csv").read_text()
    assert weights == (finished.predicted / "features.csv").read_text()
    metrics = json.loads((predicted / "metrics.json").read_text())
    assert metrics["threshold"] == finished.metrics["threshold"]
    assert metrics["auc"]["value"] < 0.6


def _spoil_test_records(source: Path, target: Path) -> None:
    rows = _rows(source)
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for number, row in enumerate(rows):
            spoilt = {name: str(1000 + number) for name in row if name not in ABOUT}
            writer.writerow(row | spoilt if row["part"] == "test" else row)


def test_an_image_without_matplotlib_gives_all_but_the_picture(
    finished: Finished, container: Container, tmp_path: Path
) -> None:
    hidden = [Path(matplotlib.__file__).parent]

    log = container.run("predict.py", finished.selected, tmp_path / "predict", hidden=hidden)

    assert "this image has no matplotlib: no report.png" in log
    outputs = tmp_path / "predict/outputs"
    assert not (outputs / "report.png").exists()
    assert (outputs / "metrics.json").read_bytes() == (finished.predicted / "metrics.json").read_bytes()


def test_wilson_interval_is_the_published_one() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263.
    assert predict.share(81, 263) == {"value": 0.308, "ci95": [0.2553, 0.3662]}


def test_delong_interval_is_the_one_worked_out_by_hand() -> None:
    # Placements 1, 1, 2/3 on both sides: AUC 8/9, variance 2 * (1/27) / 3, so logit 2.0794 ± 3.1183.
    scores = np.array([0.8, 0.6, 0.4, 0.5, 0.3, 0.1])
    labels = np.array([1, 1, 1, 0, 0, 0])

    assert predict.auc(scores, labels) == {"value": 0.8889, "ci95": [0.2614, 0.9945]}


def test_a_perfect_auc_has_no_interval_but_itself() -> None:
    scores, labels = np.array([0.9, 0.8, 0.2, 0.1]), np.array([1, 1, 0, 0])

    assert predict.auc(scores, labels) == {"value": 1.0, "ci95": [1.0, 1.0]}


def test_the_roc_curve_rises_where_a_sick_record_is_found() -> None:
    scores, labels = np.array([0.9, 0.5, 0.7, 0.1]), np.array([1, 1, 0, 0])

    at = np.array([0.0, 0.25, 0.5, 1.0])
    assert predict.roc(scores, labels, at).tolist() == [0.5, 0.5, 1.0, 1.0]
