"""run.json: what a run was made with and came to. It is what a later run over the same folder is held against."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from evaluator.graders.protocol import Identity
from evaluator.rubric import Rubric

_WORDS = {
    "grader": "the grader", "model": "the model", "server": "the server", "options": "the grader's options",
    "prompt_version": "the prompt", "prompt_hash": "the prompt", "rubric_version": "the rubric", "rubric_hash": "the rubric",
}  # fmt: skip


def versions() -> dict[str, str]:
    return {"evaluator": importlib.metadata.version("mock-interview-evaluator"), "python": platform.python_version()}


def signature_of(identity: Identity, rubric: Rubric) -> dict[str, Any]:
    """The signature that a report by this grader and this rubric has; see Report.signature."""
    return {
        "grader": identity.name,
        "model": identity.model,
        "server": identity.server or None,
        "options": identity.options or None,
        "prompt_version": identity.prompt_version or None,
        "prompt_hash": identity.prompt_hash or None,
        "rubric_version": rubric.version,
        "rubric_hash": rubric.hash,
    }


def differences(line: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """What changed since this line of scores.jsonl was made, in words."""
    had = line.get("signature") or {}
    question = line.get("question")
    changed = []
    for name, value in expected.items():
        if had.get(name) != value:
            of = f" of question {question}" if name.startswith("rubric") else ""
            changed.append(f"{_WORDS[name]}{of} was {_short(had.get(name))} and is {_short(value)}")
    return changed


def describe_grader(identity: Identity) -> dict[str, Any]:
    return {name: value for name, value in asdict(identity).items() if value}


def describe_rubrics(rubrics: Iterable[Rubric]) -> dict[str, dict[str, Any]]:
    return {str(rubric.question): {"version": rubric.version, "hash": rubric.hash} for rubric in rubrics}


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
