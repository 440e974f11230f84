"""Step 2 of 6, first half. The rubric: what an expert expects of one question, as frozen values.

A rubric is known by its hash as much as by its version, because people edit a file and forget the number. The hash is
over the content, not over the file, so layout and comments never change it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

UNSCORED = "unscored"
CONTRADICTED = "contradicted"
RESERVED_LEVELS = (UNSCORED, CONTRADICTED)
"""Outcomes any criterion can have beside its own levels; no rubric may use these ids for a level."""

KINDS = ("strong", "plain", "partial", "wrong", "salad", "off-topic", "injection")
"""Exemplars: strong; strong in plain words; partial; fluent but wrong; keyword salad; an expert on another subject;
a text that tries to steer the grader."""


@dataclass(frozen=True, slots=True)
class Level:
    """`credit` is the share of the criterion's weight, 0 to 1; `anchor` says what an answer at this level contains."""

    id: str
    credit: float
    anchor: str


DEFAULT_LEVELS = (
    Level("missed", 0.0, "the point is not made"),
    Level("partly", 0.5, "the point is made in part"),
    Level("met", 1.0, "the point is made"),
)


@dataclass(frozen=True, slots=True)
class Misconception:
    claim: str
    correction: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """`levels` stand worst to best. `requires` and `excludes` hold ids of other criteria of the same rubric."""

    id: str
    requirement: str
    weight: float
    levels: tuple[Level, ...]
    accept: tuple[str, ...]
    misconceptions: tuple[Misconception, ...]
    probe: str
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def level(self, id: str) -> Level | None:
        for level in self.levels:
            if level.id == id:
                return level
        return None

    @property
    def point(self) -> str:
        """The requirement as a statement of the fact itself: without the "Says that" it begins with."""
        text = re.sub(r"^(?:says|explains|states|notes|mentions) that\s+", "", self.requirement, flags=re.IGNORECASE)
        return text[:1].upper() + text[1:]

    @property
    def worst(self) -> Level:
        return self.levels[0]

    @property
    def best(self) -> Level:
        return self.levels[-1]


@dataclass(frozen=True, slots=True)
class Exemplar:
    """An answer with known levels: criterion id to level id, or to `contradicted`."""

    kind: str
    answer: str
    levels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reference:
    title: str
    authors: str
    year: int
    arxiv: str = ""
    doi: str = ""

    @property
    def link(self) -> str:
        if self.arxiv:
            return f"https://arxiv.org/abs/{self.arxiv}"
        return f"https://doi.org/{self.doi}" if self.doi else ""


@dataclass(frozen=True)
class Rubric:
    question: int
    version: int
    reference_answer: str
    guidelines: str
    criteria: tuple[Criterion, ...]
    exemplars: tuple[Exemplar, ...]
    references: tuple[Reference, ...]

    def criterion(self, id: str) -> Criterion:
        return next(criterion for criterion in self.criteria if criterion.id == id)

    def exemplars_of(self, kind: str) -> list[Exemplar]:
        return [exemplar for exemplar in self.exemplars if exemplar.kind == kind]

    def expected_score(self, exemplar: Exemplar) -> float:
        """The score, 0 to 100, that the exemplar's own levels give."""
        levels = [(criterion.weight, criterion.level(exemplar.levels[criterion.id])) for criterion in self.criteria]
        return 100 * sum(weight * level.credit for weight, level in levels if level) / sum(weight for weight, _ in levels)

    @cached_property
    def expected_scores(self) -> dict[str, float]:
        """The expected score of each exemplar, by its answer."""
        return {exemplar.answer: self.expected_score(exemplar) for exemplar in self.exemplars}

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits of the SHA-256 of the content."""
        return hashlib.sha256(json.dumps(self.to_data(), sort_keys=True).encode()).hexdigest()[:12]

    def to_data(self) -> dict[str, Any]:
        """Plain lists and dicts; `rubric_from_data` reads them back."""
        return {
            "question": self.question,
            "version": self.version,
            "reference_answer": self.reference_answer,
            "guidelines": self.guidelines,
            "criteria": [asdict(criterion) for criterion in self.criteria],
            "exemplars": [
                {"kind": exemplar.kind, "answer": exemplar.answer, "levels": dict(exemplar.levels)} for exemplar in self.exemplars
            ],
            "references": [asdict(reference) for reference in self.references],
        }


def rubric_from_data(data: Mapping[str, Any]) -> Rubric:
    """Builds a rubric from data that passed `rubric_check.find_faults`, or that `Rubric.to_data` wrote."""
    return Rubric(
        question=data["question"],
        version=data["version"],
        reference_answer=data["reference_answer"].strip(),
        guidelines=data.get("guidelines", "").strip(),
        criteria=tuple(_criterion(criterion) for criterion in data["criteria"]),
        exemplars=tuple(
            Exemplar(exemplar["kind"], exemplar["answer"].strip(), MappingProxyType(dict(exemplar["levels"])))
            for exemplar in data["exemplars"]
        ),
        references=tuple(Reference(**reference) for reference in data["references"]),
    )


def _criterion(data: Mapping[str, Any]) -> Criterion:
    return Criterion(
        id=data["id"],
        requirement=data["requirement"].strip(),
        weight=data["weight"],
        levels=tuple(Level(level["id"], float(level["credit"]), level["anchor"]) for level in data["levels"])
        if data.get("levels")
        else DEFAULT_LEVELS,
        accept=tuple(phrase.strip() for phrase in data["accept"]),
        misconceptions=tuple(Misconception(**entry) for entry in data.get("misconceptions", ())),
        probe=data["probe"].strip(),
        requires=tuple(data.get("requires", ())),
        excludes=tuple(data.get("excludes", ())),
    )
