"""Step 3 of 6. From the likeness of a point and an answer to how likely the point is made, denied, or neither.

A softmax over fourteen features, fitted by training/fit_head.py on answers that people labelled and on sentences written for
questions whose rubrics the reading model never read. The numbers stand in evaluator/model/card.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from evaluator.errors import EmbedderFailed
from evaluator.graders.embedded_likeness import Features
from evaluator.minilm import Array
from evaluator.reading import FOLDER

NAMES = tuple(field.name for field in fields(Features))


@dataclass(frozen=True, slots=True)
class Chances:
    """That a person would say so of the point; the three sum to 1."""

    made: float
    denied: float
    absent: float


@dataclass(frozen=True)
class Head:
    """`coefficients` (features + 1, 3), the bias last. The borders between levels are chances."""

    coefficients: Array
    met: float
    partly: float
    contradicted: float
    surest: float
    """No verdict claims more confidence."""
    on_topic: float
    """Relevance below which an answer seems to be about something else."""
    met_off_topic: float
    """What a point then takes to be met; nothing is partly met."""

    def chances(self, features: Features) -> Chances:
        scores = features.values() @ self.coefficients[:-1] + self.coefficients[-1]
        powers = np.exp(scores - scores.max())
        made, denied, absent = (float(value) for value in powers / powers.sum())
        return Chances(made, denied, absent)


def read_head(folder: Path = FOLDER) -> Head:
    """Raises EmbedderFailed when the card and this program disagree."""
    try:
        data = json.loads((folder / "card.json").read_text(encoding="utf-8"))["head"]
        rows = [data["coefficients"][name] for name in (*NAMES, "bias")]
        borders = [field.name for field in fields(Head)[1:]]
        return Head(np.array(rows, dtype=np.float64), *(float(data[name]) for name in borders))
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise EmbedderFailed(
            f"The reading model's card in {folder} does not fit this program ({fault!r}).", "Install this program anew."
        ) from fault
