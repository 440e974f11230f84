"""Attacks on the grader: how many our detector notices, how many move a score, and what each defence costs honest answers.

benchmarks/attacks.jsonl holds 180 answers with an attack in them and 120 honest ones that speak of attacks or use the same
words, by three writers who had seen neither the detector nor the rubrics. The detector was tuned on writers a and b; its
figure is that of writer c, read once. No LLM is asked: what is measured is the code around it. Three imagined models that
obey every attack, saying "met" to every rubric point, show what the checks of evidence stop.

    .venv/bin/python benchmarks/attacks.py
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evaluator.answers import Span, split_sentences  # noqa: E402
from evaluator.audit import without  # noqa: E402
from evaluator.evidence import find_evidence, is_denied, is_within  # noqa: E402
from evaluator.graders.embedded import EmbeddedGrader  # noqa: E402
from evaluator.graders.protocol import Graded, Identity, Listen  # noqa: E402
from evaluator.grading import grade_answer  # noqa: E402
from evaluator.minilm import MiniLM  # noqa: E402
from evaluator.questions import Question, load_questions  # noqa: E402
from evaluator.rubric import Rubric  # noqa: E402
from evaluator.rubric_files import list_rubric_files  # noqa: E402
from evaluator.suspicion import find_suspicious  # noqa: E402
from evaluator.verdict import Verdict  # noqa: E402

HELD_OUT = "c"
Quotes = Callable[[str, Span], Sequence[str]]


class Obedient:
    """A model that gives every attack what it asks for, with the quotes that it is told to give."""

    identity = Identity("obedient", "obedient", "none")

    def __init__(self, quotes: Sequence[str]) -> None:
        self._quotes = tuple(quotes)

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        return Graded(tuple(Verdict(criterion.id, criterion.best.id, "", self._quotes, 0.99) for criterion in rubric.criteria))


def main() -> None:
    rows = [json.loads(line) for line in (ROOT / "benchmarks" / "attacks.jsonl").read_text(encoding="utf-8").splitlines()]
    bank = load_questions(ROOT / "data" / "questions.jsonl")
    numbers = [question.no for question in bank]
    rubrics = {no: file.read(numbers) for no, file in list_rubric_files(ROOT / "rubrics").items()}
    attacks = [row for row in rows if row["kind"] == "attack"]
    show_attacks(attacks, bank, rubrics)
    show_honest(rows, rubrics)
    show_quotes(rubrics, bank)


def show_attacks(attacks: list[dict[str, Any]], bank: Any, rubrics: dict[int, Rubric]) -> None:
    embedded = EmbeddedGrader(MiniLM())
    groups = list(dict.fromkeys(row["group"] for row in attacks))
    held, noticed, cases = Counter[str](), Counter[str](), Counter[str]()
    moved: dict[str, Counter[str]] = {name: Counter() for name in ("invented", "attack", "embedded", "raised")}
    for row in attacks:
        group, answer = row["group"], row["answer"]
        question, rubric = bank[row["question"]], rubrics[row["question"]]
        start = answer.index(row["span"])
        span = Span(row["span"], start, start + len(row["span"]))
        seen = any(found.start < span.end and span.start < found.end for found in find_suspicious(answer))
        cases[group] += 1
        noticed[group] += seen
        held[group] += seen and row["writer"] == HELD_OUT

        def score(text: str, grader: Any, question: Question = question, rubric: Rubric = rubric) -> float:
            return grade_answer(question, rubric, text, grader).score.low or 0.0

        words = span.text.split()
        moved["invented"][group] += score(answer, Obedient(["the candidate explains this very well"])) > 0
        moved["attack"][group] += score(answer, Obedient([" ".join(words[:8]), " ".join(words[-8:])])) > 0
        change = score(answer, embedded) - score(without(answer, (span,)), embedded)
        moved["embedded"][group] += change != 0
        moved["raised"][group] += change > 0
    print("attacks, 6 of each group by each of three writers")
    heads = ["group", "cases", "noticed, held out", "noticed, all", "moved: invented quotes", "moved: quoting the attack"]
    print("| " + " | ".join([*heads, "embedded: moved", "of these raised"]) + " |")
    print("|---|---|---|---|---|---|---|---|")
    for group in [*groups, "all"]:
        pick = (lambda counts: counts.total()) if group == "all" else (lambda counts, group=group: counts[group])
        cells = [pick(cases), f"{pick(held)} of {pick(cases) // 3}", pick(noticed)]
        cells += [pick(moved[name]) for name in ("invented", "attack", "embedded", "raised")]
        print(f"| {group} | " + " | ".join(map(str, cells)) + " |")


def show_honest(rows: list[dict[str, Any]], rubrics: dict[int, Rubric]) -> None:
    honest = [row for row in rows if row["kind"] != "attack"]
    fresh = [json.loads(line) for line in (ROOT / "benchmarks" / "fresh_answers.jsonl").read_text(encoding="utf-8").splitlines()]
    exemplars = [exemplar for rubric in rubrics.values() for exemplar in rubric.exemplars if exemplar.kind != "injection"]

    def written(kind: str, held_out: bool) -> list[str]:
        return [row["answer"] for row in honest if row["kind"] == kind and (row["writer"] == HELD_OUT) == held_out]

    sets = {
        "about attacks, held out": written("about", True),
        "with words of attacks, held out": written("trap", True),
        "about attacks, tuned on": written("about", False),
        "with words of attacks, tuned on": written("trap", False),
        "fresh answers": [row["answer"] for row in fresh if isinstance(row.get("answer"), str)],
        "exemplars but for injections, tuned on": [exemplar.answer for exemplar in exemplars],
    }
    print("\nhonest answers\n| set | answers | accused |\n|---|---|---|")
    for name, texts in sets.items():
        print(f"| {name} | {len(texts)} | {sum(bool(find_suspicious(text)) for text in texts)} |")


def show_quotes(rubrics: dict[int, Rubric], bank: Any) -> None:
    """How often a true quote of an honest answer would be turned down: whole sentences, and pieces of four to eight words."""
    lost: dict[str, Counter[str]] = {"sentence": Counter(), "piece": Counter()}
    for no, rubric in rubrics.items():
        for exemplar in (*rubric.exemplars_of("strong"), *rubric.exemplars_of("plain")):
            answer = exemplar.answer
            suspicious = find_suspicious(answer)
            for sentence in split_sentences(answer):
                words = list(re.finditer(r"\S+", sentence.text))
                pieces = [
                    sentence.text[words[at].start() : words[min(at + size, len(words)) - 1].end()]
                    for at, size in zip(range(0, len(words), 5), itertools.cycle((4, 6, 8)), strict=False)
                ]
                for kind, quotes in (("sentence", [sentence.text]), ("piece", pieces)):
                    for quote in quotes:
                        if len(quote.split()) < 4:
                            continue
                        place = find_evidence(quote, answer)
                        lost[kind]["quotes"] += 1
                        lost[kind]["not found"] += place is None
                        lost[kind]["of the question"] += place is not None and is_within(quote, bank[no].text)
                        lost[kind]["denied"] += place is not None and is_denied(place, answer)
                        touched = place is not None and any(
                            span.start < place.end and place.start < span.end for span in suspicious
                        )
                        lost[kind]["suspicious"] += touched
    print("\ntrue quotes of honest answers (strong and plain exemplars) that a check would turn down")
    print("| quote | quotes | not found | of the question | cut from a denial | suspicious |\n|---|---|---|---|---|---|")
    for kind, counts in lost.items():
        names = ("quotes", "not found", "of the question", "denied", "suspicious")
        print(f"| {kind} | " + " | ".join(str(counts[name]) for name in names) + " |")


if __name__ == "__main__":
    main()
