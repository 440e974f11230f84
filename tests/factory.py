"""Small rubrics for tests that need no real one."""

from __future__ import annotations

from typing import Any

from evaluator.rubric import KINDS, Rubric, rubric_from_data


def criterion(id: str, weight: float = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "requirement": f"Says that {id} holds",
        "weight": weight,
        "accept": [f"{id} holds", f"it is true of {id}", f"we have {id} here"],
        "misconceptions": [{"claim": f"{id} never holds", "correction": f"{id} does hold."}],
        "probe": "What else?",
        **more,
    }


def rubric_data(*criteria: dict[str, Any], **more: Any) -> dict[str, Any]:
    criteria = criteria or tuple(criterion(id) for id in ("alpha", "beta", "gamma", "delta"))
    levels = {entry["id"]: "missed" for entry in criteria}
    return {
        "schema": 1,
        "question": 2,
        "version": 1,
        "reference_answer": "alpha holds, beta holds, gamma holds and delta holds.",
        "guidelines": "Wording does not matter.",
        "criteria": list(criteria),
        "exemplars": [{"kind": kind, "answer": f"an answer of kind {kind}", "levels": dict(levels)} for kind in KINDS],
        "references": [{"title": "A work", "authors": "A. Uthor", "year": 2015, "arxiv": "1502.03167"}],
        **more,
    }


def small_rubric(*criteria: dict[str, Any]) -> Rubric:
    return rubric_from_data(rubric_data(*criteria))
