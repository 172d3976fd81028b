# SPDX-License-Identifier: Apache-2.0
"""Predict the diagnosis, and say how well: a logistic regression, judged on records it never saw.

Medians, scales, the strength of the penalty and the threshold are learned from the training part alone (the
threshold from predictions made out of fold). Then the test part is looked at once. Every figure comes with
its 95 % confidence interval.

in   /data/inputs/selected.csv      the records of all hospitals with the chosen features
     /data/inputs/selection.csv     how often each feature was chosen
out  /data/outputs/metrics.json     the figures
     /data/outputs/features.csv     the chosen features with their weights
     /data/outputs/predictions.csv  one line per test record
     /data/outputs/report.txt       the figures in words
     /data/outputs/report.png       the same to look at; left out where the image has no matplotlib
"""

import csv
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", "7"))
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
ROC_RESAMPLES = 1000
WEIGHT_RESAMPLES = 100
Z = 1.959964  # 97.5 % point of the normal distribution: two-sided 95 %
ABOUT = ("record", "site", "part", "diagnosis")

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]
Record = dict[str, str]


# ---- figures ------------------------------------------------------------------------------------------


def figure(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": round(value, 4), "ci95": [round(low, 4), round(high, 4)]}


def placements(scores: Numbers, labels: Labels) -> tuple[Numbers, Numbers]:
    """For each sick record the share of healthy ones below it, and the reverse; ties count half."""
    sick, healthy = scores[labels == 1], scores[labels == 0]
    above = (sick[:, None] > healthy[None, :]) + 0.5 * (sick[:, None] == healthy[None, :])
    return above.mean(axis=1), above.mean(axis=0)


def auc(scores: Numbers, labels: Labels) -> dict[str, Any]:
    """AUC with DeLong's variance (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).

    The interval is taken on the logit scale, which keeps it within 0 and 1 (Pepe, The Statistical Evaluation
    of Medical Tests, 2003, section 5.2). A perfect AUC has no variance: its interval is the point itself.
    """
    of_sick, of_healthy = placements(scores, labels)
    value = float(of_sick.mean())
    variance = of_sick.var(ddof=1) / len(of_sick) + of_healthy.var(ddof=1) / len(of_healthy)
    if not 0 < value < 1:
        return figure(value, value, value)
    centre = np.log(value / (1 - value))
    reach = Z * np.sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + side * reach))) for side in (-1, 1))
    return figure(value, float(low), float(high))


def share(count: int, total: int) -> dict[str, Any]:
    """A proportion with Wilson's score interval (Wilson, JASA 22, 1927)."""
    value = count / total
    centre = (value + Z**2 / (2 * total)) / (1 + Z**2 / total)
    reach = Z / (1 + Z**2 / total) * np.sqrt(value * (1 - value) / total + Z**2 / (4 * total**2))
    return figure(value, max(0.0, float(centre - reach)), min(1.0, float(centre + reach)))


def confusion(scores: Numbers, labels: Labels, threshold: float) -> dict[str, int]:
    called = scores >= threshold
    return {
        "true_positive": int((called & (labels == 1)).sum()),
        "false_negative": int((~called & (labels == 1)).sum()),
        "true_negative": int((~called & (labels == 0)).sum()),
        "false_positive": int((called & (labels == 0)).sum()),
    }


def roc(scores: Numbers, labels: Labels, at: Numbers) -> Numbers:
    """Sensitivity at each false positive rate in `at`."""
    sick, healthy = scores[labels == 1], np.sort(scores[labels == 0])
    passed = np.searchsorted(healthy, sick, side="left") / len(healthy)
    false_positive_rates = np.sort(1 - passed)
    return np.searchsorted(false_positive_rates, at + 1e-12, side="right") / len(sick)


def roc_band(scores: Numbers, labels: Labels, at: Numbers) -> tuple[Numbers, Numbers]:
    """Pointwise 95 % band of the ROC curve: percentiles over stratified bootstrap samples."""
    random = np.random.default_rng(SEED)
    sick, healthy = scores[labels == 1], scores[labels == 0]
    again = np.sort(labels)[::-1]
    curves = []
    for _ in range(ROC_RESAMPLES):
        sample = np.concatenate([random.choice(sick, len(sick)), random.choice(healthy, len(healthy))])
        curves.append(roc(sample, again, at))
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    return low, high


# ---- the model ----------------------------------------------------------------------------------------


def read_rows(path: Path) -> list[Record]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def part_of(records: list[Record], part: str, features: list[str]) -> tuple[list[Record], Numbers, Labels]:
    rows = [record for record in records if record["part"] == part]
    table = np.array([[float(row[name] or "nan") for name in features] for row in rows])
    return rows, table, np.array([int(row["diagnosis"]) for row in rows])


def fit(table: Numbers, labels: Labels) -> tuple[Pipeline, float]:
    """The model with the best cross-validated log loss, and the threshold that suits it.

    The threshold has the highest sum of sensitivity and specificity (Youden, Cancer 3, 1950) among
    predictions made out of fold: halfway to the next lower one, so that it does not sit on a record.
    """
    model = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(solver="newton-cholesky")
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    grid = {"logisticregression__C": STRENGTHS}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=folds).fit(table, labels)
    strength = search.best_params_["logisticregression__C"]
    print(f"C={strength:g}, cross-validated log loss {-search.best_score_:.4f}")
    scores = cross_val_predict(search.best_estimator_, table, labels, cv=folds, method="predict_proba")[:, 1]
    candidates = np.unique(scores)
    youden = [(scores[labels == 1] >= c).mean() + (scores[labels == 0] < c).mean() for c in candidates]
    best = int(np.argmax(youden))
    threshold = (candidates[best] + candidates[max(best - 1, 0)]) / 2
    return search.best_estimator_, round(float(threshold), 4)


def weights_of(model: Pipeline, table: Numbers, labels: Labels) -> list[dict[str, Any]]:
    """The weight of each feature per standard deviation, with a bootstrap interval over training records."""
    random = np.random.default_rng(SEED)
    scaled = model[:-1].transform(table)
    samples = []
    for _ in range(WEIGHT_RESAMPLES):
        drawn = random.integers(0, len(labels), len(labels))
        again = clone(model[-1]).fit(scaled[drawn], labels[drawn])
        samples.append(again.coef_[0])
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    triples = zip(model[-1].coef_[0], low, high, strict=True)
    return [figure(*(float(number) for number in triple)) for triple in triples]


def judge(rows: list[Record], scores: Numbers, labels: Labels, threshold: float) -> dict[str, Any]:
    counts = confusion(scores, labels, threshold)
    sites = np.array([row["site"] for row in rows])
    return {
        "auc": auc(scores, labels),
        "sensitivity": share(counts["true_positive"], int((labels == 1).sum())),
        "specificity": share(counts["true_negative"], int((labels == 0).sum())),
        "threshold": threshold,
        "confusion": counts,
        "auc_by_site": {
            str(site): auc(scores[sites == site], labels[sites == site]) for site in np.unique(sites)
        },
    }


# ---- what is left behind ------------------------------------------------------------------------------


def in_words(metrics: dict[str, Any]) -> str:
    def line(name: str, figures: dict[str, Any]) -> str:
        low, high = figures["ci95"]
        return f"{name:<24}{figures['value']:.3f}   95 % CI {low:.3f} to {high:.3f}"

    counts, records = metrics["confusion"], metrics["records"]
    return "\n".join(
        [
            f"Judged on {records['test']} records kept apart from the {records['train']} to learn from",
            line("AUC", metrics["auc"]),
            *(line(f"  {site}", figures) for site, figures in metrics["auc_by_site"].items()),
            line("sensitivity", metrics["sensitivity"]),
            line("specificity", metrics["specificity"]),
            f"{counts['true_positive']} malignant found, {counts['false_negative']} missed; "
            f"{counts['true_negative']} benign cleared, {counts['false_positive']} called malignant",
            "weights per standard deviation, towards malignant:",
            *(line(f"  {feature['name']}", feature["weight"]) for feature in metrics["features"]),
        ]
    )


def write_tables(outputs: Path, metrics: dict[str, Any], rows: list[Record], scores: Numbers) -> None:
    with (outputs / "features.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["feature", "chosen_share", "weight", "weight_low", "weight_high"])
        for feature in metrics["features"]:
            weight = feature["weight"]
            writer.writerow([feature["name"], feature["chosen_share"], weight["value"], *weight["ci95"]])
    with (outputs / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["record", "site", "diagnosis", "probability", "predicted"])
        for row, score in zip(rows, scores, strict=True):
            predicted = int(score >= metrics["threshold"])
            writer.writerow([row["record"], row["site"], row["diagnosis"], f"{score:.4f}", predicted])


INK, MUTED, LINE, ACCENT, PALE = "#1f2933", "#66727f", "#d9dfe5", "#0b7285", "#cfe8ec"


def draw(path: Path, metrics: dict[str, Any], scores: Numbers, labels: Labels) -> None:
    """ROC curve, feature weights and confusion matrix in one picture."""
    os.environ.setdefault("MPLCONFIGDIR", "/tmp")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        print("this image has no matplotlib: no report.png")
        return

    look: Any = {"font.size": 10, "text.color": INK, "axes.labelcolor": MUTED, "axes.edgecolor": LINE}
    look |= {"xtick.color": MUTED, "ytick.color": MUTED, "axes.spines.top": False, "axes.spines.right": False}
    with rc_context(look):
        picture = Figure(figsize=(14, 4.7), layout="constrained")
        panels = picture.subplots(1, 3)
        draw_roc(panels[0], metrics, scores, labels)
        draw_weights(panels[1], metrics["features"])
        draw_confusion(panels[2], metrics)
        for panel in panels:
            panel.set_box_aspect(1)
        picture.savefig(path, dpi=110, facecolor="white")


def draw_roc(axes: Any, metrics: dict[str, Any], scores: Numbers, labels: Labels) -> None:
    rates = np.linspace(0, 1, 401)
    low, high = roc_band(scores, labels, rates)
    curve = roc(scores, labels, rates)
    corner = axes.inset_axes((0.28, 0.36, 0.68, 0.46), xlim=(-0.004, 0.2), ylim=(0.8, 1.005))
    for place in (axes, corner):
        place.fill_between(rates, low, high, color=PALE, step="post", label="95 % band")
        place.step(rates, curve, color=ACCENT, where="post", linewidth=2, label="test records")
        chosen = 1 - metrics["specificity"]["value"], metrics["sensitivity"]["value"]
        place.plot(*chosen, "o", color=INK, label=f"threshold {metrics['threshold']:.2f}")
    corner.set_title("the upper left corner", loc="left", fontsize=9, color=MUTED)
    corner.tick_params(labelsize=8)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1), ylim=(0, 1.02))
    start, end = metrics["auc"]["ci95"]
    title = f"AUC {metrics['auc']['value']:.3f}  ({start:.3f} to {end:.3f})"
    axes.set_title(title, loc="left", weight="bold")
    axes.legend(loc="lower right", frameon=False)


def draw_weights(axes: Any, features: list[dict[str, Any]]) -> None:
    ordered = sorted(features, key=lambda feature: feature["weight"]["value"])
    values = np.array([feature["weight"]["value"] for feature in ordered])
    ends = np.array([feature["weight"]["ci95"] for feature in ordered])
    places = np.arange(len(ordered))
    axes.barh(places, values, color=PALE, height=0.62)
    axes.hlines(places, ends[:, 0], ends[:, 1], color=ACCENT, linewidth=2)
    axes.plot(values, places, "o", color=ACCENT, markersize=5)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_yticks(places, [feature["name"] for feature in ordered])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel("weight per standard deviation, 95 % CI")
    axes.set_title("What speaks for malignant", loc="left", weight="bold")


def draw_confusion(axes: Any, metrics: dict[str, Any]) -> None:
    counts = metrics["confusion"]
    table = np.array(
        [
            [counts["true_positive"], counts["false_negative"]],
            [counts["false_positive"], counts["true_negative"]],
        ]
    )
    for row in range(2):
        for column in range(2):
            right = row == column
            box = {"facecolor": PALE if right else "#f4f6f8", "edgecolor": "white", "linewidth": 4}
            axes.add_patch(_rectangle(column, row, **box))
            centre = {"ha": "center", "va": "center"}
            axes.text(column + 0.5, row + 0.5, str(table[row, column]), fontsize=24, weight="bold", **centre)
    axes.set(xlim=(0, 2), ylim=(2, 0))
    axes.set_xticks([0.5, 1.5], ["malignant", "benign"])
    axes.set_yticks([0.5, 1.5], ["malignant", "benign"], rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="diagnosed")
    axes.tick_params(length=0, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    sensitivity, specificity = metrics["sensitivity"]["value"], metrics["specificity"]["value"]
    axes.set_title(f"sensitivity {sensitivity:.3f}, specificity {specificity:.3f}", loc="left", weight="bold")


def _rectangle(column: int, row: int, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column, row), 1, 1, **look)


def main(inputs: Path, outputs: Path) -> None:
    records = read_rows(inputs / "selected.csv")
    shares = {row["feature"]: float(row["chosen_share"]) for row in read_rows(inputs / "selection.csv")}
    features = [name for name in records[0] if name not in ABOUT]
    _, table, labels = part_of(records, "train", features)
    rows, test_table, test_labels = part_of(records, "test", features)
    print(f"{len(labels)} records to learn from, {len(test_labels)} to judge by, {len(features)} features")

    model, threshold = fit(table, labels)
    scores = model.predict_proba(test_table)[:, 1]
    weights = weights_of(model, table, labels)
    metrics: dict[str, Any] = {
        "model": "logistic regression",
        "records": {"train": len(labels), "test": len(test_labels)},
        **judge(rows, scores, test_labels, threshold),
        "features": [
            {"name": name, "chosen_share": shares[name], "weight": weight}
            for name, weight in zip(features, weights, strict=True)
        ],
    }
    (outputs / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (outputs / "report.txt").write_text(in_words(metrics) + "\n", encoding="utf-8")
    write_tables(outputs, metrics, rows, scores)
    print(in_words(metrics))
    draw(outputs / "report.png", metrics, scores, test_labels)


if __name__ == "__main__":
    main(Path("/data/inputs"), Path("/data/outputs"))
