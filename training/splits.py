"""The labelled data sets, and which part of each may train, may tune, or is kept for the published figures alone.

No question, document or topic of a part is in another part. The data sets are not in this repository, their licences differ
(evaluator/model/README.md); EVALUATOR_DATA names their folder, by default ../shared/data beside the checkout.
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
    """(premise, hypothesis, entailment | neutral | contradiction) of aux_nli; all may train but SICK, which forbids commerce."""
    return [(raw["answer"], raw["point"], raw["label3"]) for raw in _read("aux_nli") if raw["dataset"] != "sick"]


def _part(name: str, raw: dict) -> Part:
    """Tuning and test parts stand apart by question, document or topic: what was trained on says nothing about trust."""
    asked, group = _chance(name, raw["question"]), _chance(name, raw.get("group") or raw["qid"])
    if name == "nnexam" or (name, raw.get("split")) in (("scientsbank", "UQ"), ("argkp", "dev")):
        return "test"
    chance, test, tune = {
        "scientsbank": (asked, 0.0, 0.15),
        "beetle": (asked, 0.25, 0.45),
        "argkp": (group, 0.0, 0.12),
        "mohler": (asked, 0.5, 0.75),
        "saf": (asked, 0.0, 0.25),
    }.get(name, (group, 0.3, 0.4))
    return "test" if chance < test else "tune" if chance < tune else "train"


def _chance(name: str, group: str) -> float:
    """A number in [0, 1) that is always the same for the same group."""
    return int.from_bytes(hashlib.sha256(f"{name}/{group}".encode()).digest()[:4], "big") / 2**32


def _read(name: str) -> list[dict]:
    path = data_folder() / f"{name}.jsonl.gz"
    if not path.exists():
        raise SystemExit(f"error: {path} is missing. Set EVALUATOR_DATA to the folder with the labelled data sets.")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
