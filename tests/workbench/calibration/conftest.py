"""The published judge-and-people data: 985 generated images, three raters, four judges (VIEScore, MIT)."""

import csv
import gzip
import json
import math
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeHuman:
    sc: np.ndarray  # (3 raters, 985), semantic consistency in {0, .5, 1}
    pq: np.ndarray  # (3 raters, 985), perceptual quality
    confidence: np.ndarray  # (873,), gpt4v_0shot where it scored both
    suitable: np.ndarray  # (873,), two of three raters: SC = 1 and PQ >= .5
    scores: dict  # (judge, criterion) to (985,), PQ the lower of its parts, NaN where it gave none


@pytest.fixture(scope="session")
def judge_human():
    root = os.environ.get("WORKBENCH_REAL_DATA")
    if not root:
        pytest.skip(
            "WORKBENCH_REAL_DATA is not set: the published judge-and-people data is not here"
        )
    folder = Path(root) / "judge_human"
    ratings = defaultdict(list)
    for rater in (1, 2, 3):
        with (folder / "human" / f"Text-To-Image_rater{rater}.tsv").open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                uid = row.pop("uid")
                for model, pair in row.items():
                    ratings[model, uid].append(json.loads(pair))
    table = np.array(list(ratings.values()), dtype=float)  # (985, 3, 2)
    ok = dict(
        zip(
            ratings, ((table[:, :, 0] == 1) & (table[:, :, 1] >= 0.5)).sum(axis=1) >= 2, strict=True
        )
    )
    scores = defaultdict(dict)
    place = {key: i for i, key in enumerate(ratings)}
    every = defaultdict(lambda: np.full(len(place), np.nan))
    with gzip.open(folder / "judge_scores.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            parts = json.loads(row["score"])
            key = row["t2i_model"], row["uid"]
            score = min(parts) if isinstance(parts, list) else parts
            every[row["judge"], row["criterion"]][place[key]] = score
            if row["judge"] == "gpt4v_0shot":
                scores[key][row["criterion"]] = score
    both = {k: v for k, v in scores.items() if len(v) == 2}
    return JudgeHuman(
        sc=table[:, :, 0].T,
        pq=table[:, :, 1].T,
        confidence=np.array([math.sqrt(v["SC"] / 10 * v["PQ"] / 10) for v in both.values()]),
        suitable=np.array([ok[k] for k in both]),
        scores=dict(every),
    )
