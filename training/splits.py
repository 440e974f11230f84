"""The labelled data sets, and which part of each may train, may tune, or is kept for the published figures alone.

No question, document or topic of a test part is in another part. (The tuning parts of scientsbank, beetle and saf are other
answers to training questions.) The data sets are not in this repository, their licences differ (evaluator/model/README.md);
EVALUATOR_DATA names their folder, by default ../shared/data beside the checkout.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Part = Literal["train", "tune", "test"]

TEST_QUESTIONS = (5, 10, 15, 20, 25, 30, 35, 40, 45, 50)
"""Questions of the bank whose rubrics the model has never read: the published figures for unseen questions are theirs."""
TUNE_QUESTIONS = (4, 14, 24, 34, 44)


@dataclass(frozen=True, slots=True)
class Row:
    """A person said whether the answer expresses the point. `label3` is correct, contradictory or incorrect where known."""

    group: str
    question: str
    point: str
    accepts: tuple[str, ...]
    answer: str
    label: int
    label3: str | None


@dataclass(frozen=True, slots=True)
class Scored:
    """A whole answer with the score people gave it, 0 to 1."""

    group: str
    question: str
    reference: str
    answer: str
    score: float


def data_folder() -> Path:
    return Path(os.environ.get("EVALUATOR_DATA", Path(__file__).parents[2] / "shared" / "data"))


def part_of_question(no: int) -> Part:
    return "test" if no in TEST_QUESTIONS else "tune" if no in TUNE_QUESTIONS else "train"


def read_points(name: str, part: Part) -> list[Row]:
    """Rows of scientsbank, beetle, realsumm, pyrxsum or argkp."""
    return [
        Row(raw["qid"], raw["question"], raw["point"], tuple(raw["alts"]), raw["answer"], raw["label"], raw["label3"])
        for raw in _read(name)
        if _part(name, raw) == part
    ]


def read_scored(name: str, part: Part) -> list[Scored]:
    """Rows of mohler, saf or nnexam. All of nnexam is kept for testing."""
    return [
        Scored(raw["qid"], raw["question"], raw["reference"], raw["answer"], float(raw["score"]))
        for raw in _read(name)
        if _part(name, raw) == part
    ]


def read_inferences() -> list[tuple[str, str, str]]:
    """(premise, hypothesis, entailment | neutral | contradiction) of aux_nli; all of it may train."""
    return [(raw["answer"], raw["point"], raw["label3"]) for raw in _read("aux_nli")]


def _part(name: str, raw: dict) -> Part:
    split, chance = raw.get("split"), _chance(name, raw.get("group") or raw["qid"])
    if name == "scientsbank":
        return {"UQ": "test", "UA": "tune"}.get(split, "train")
    if name == "beetle":
        if _chance(name, raw["question"]) < 0.25:
            return "test"
        return "tune" if split == "UA" else "train"
    if name == "argkp":
        return "test" if split == "dev" else "tune" if chance < 0.12 else "train"
    if name in ("realsumm", "pyrxsum"):
        return "test" if chance < 0.3 else "tune" if chance < 0.4 else "train"
    if name == "nnexam":
        return "test"
    if name == "mohler":
        return "test" if _chance(name, raw["question"]) < 0.5 else "train"
    return "tune" if split == "UA" else "train"


def _chance(name: str, group: str) -> float:
    """A number in [0, 1) that is always the same for the same group."""
    return int.from_bytes(hashlib.sha256(f"{name}/{group}".encode()).digest()[:4], "big") / 2**32


def _read(name: str) -> list[dict]:
    path = data_folder() / f"{name}.jsonl.gz"
    if not path.exists():
        raise SystemExit(f"error: {path} is missing. Set EVALUATOR_DATA to the folder with the labelled data sets.")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
