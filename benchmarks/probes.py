"""How often the embedded grader is fooled: honest answers and attacks to all 50 questions, by writers who saw no grader.

Run: python -m benchmarks.probes     (--card also writes the sentence on accuracy into the model's card)
benchmarks/probes.jsonl holds for each question two honest answers with the points they make and the points they do not,
three statements negated and three reversed, a word salad, the question reworded and an answer to something else. The
question itself and the pasted reference answer are added here. Nothing is fitted or reworded on them.

A cell is one answer and one point of its rubric. "passes" is the share of cells that get credit although nothing was said
for the point. The reading model never read the rubrics of ten of the questions; their figures stand by themselves.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from evaluator.graders.embedded import EmbeddedGrader
from evaluator.grading import grade_answer
from evaluator.minilm import MiniLM
from evaluator.questions import load_questions
from evaluator.reading import FOLDER
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings
from training.splits import part_of_question

KINDS = ("negated", "reversed", "salad", "echo", "question", "off-topic")


def main() -> None:
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    files = list_rubric_files(settings.rubrics_dir)
    grader = EmbeddedGrader(MiniLM())
    lines = (Path(__file__).parent / "probes.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rubrics = {question.no: files[question.no].read([entry.no for entry in bank]) for question in bank}
    rows += [{"question": question.no, "kind": "question", "answer": question.text} for question in bank]
    rows += [{"question": no, "kind": "pasted", "answer": rubric.reference_answer} for no, rubric in rubrics.items()]
    cells: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    pasted = []
    for row in rows:
        no = row["question"]
        report = grade_answer(bank[no], rubrics[no], row["answer"], grader)
        credits = {verdict.criterion.id: verdict.credit or 0.0 for verdict in report.verdicts}
        if row["kind"] == "pasted":
            pasted.append("reference_pasted" in report.review_reasons)
        for criterion, credit in credits.items():
            if row["kind"] == "clean" and criterion in (*row["expressed"], *row["missing"]):
                cells["clean"].append((no, float(criterion in row["expressed"]), credit))
            elif row["kind"] in KINDS and criterion == row.get("criterion", criterion):
                cells[row["kind"]].append((no, 0.0, credit))
    parts = {"all 50 questions": lambda no: True, "the 10 never read": lambda no: part_of_question(no) == "test"}
    print(f"{len(rows)} probes")
    for title, inside in parts.items():
        print(title)
        clean = np.array([cell for cell in cells["clean"] if inside(cell[0])])
        told, credit = clean[:, 1] == 1, clean[:, 2]
        made, absent = np.mean(credit[told] >= 0.5), np.mean(credit[~told] < 0.5)
        print(f"  clean: balanced accuracy {(made + absent) / 2:.3f}")
        print(f"         found {made:.2f} of {told.sum()} points made, left {absent:.2f} of {(~told).sum()} that were not")
        groups = clean[:, 0]
        draws = []
        rng = np.random.default_rng(0)
        for _ in range(1000):
            chosen = rng.choice(np.unique(groups), len(np.unique(groups)))
            at = np.concatenate([np.flatnonzero(groups == no) for no in chosen])
            draws.append((np.mean(credit[at][told[at]] >= 0.5) + np.mean(credit[at][~told[at]] < 0.5)) / 2)
        if "--card" in sys.argv and title.startswith("all"):
            write_accuracy(
                made, absent, float(np.mean([cell[2] > 0 for kind in ("negated", "reversed") for cell in cells[kind]]))
            )
        print(f"         95 % interval {np.percentile(draws, 2.5):.3f} to {np.percentile(draws, 97.5):.3f}")
        for kind in KINDS:
            credit = np.array([cell[2] for cell in cells[kind] if inside(cell[0])])
            print(f"  {kind:10} passes {np.mean(credit > 0):.3f}, in full {np.mean(credit == 1):.3f}, of {len(credit)} cells")
    print(f"pasted reference answers recognised: {sum(pasted)} of {len(pasted)}")


def write_accuracy(made: float, absent: float, fooled: float) -> None:
    path = FOLDER / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card["accuracy"] = (
        f"On answers by other writers it credits {made:.0%} of the points that are made, {1 - absent:.0%} of those that are not, "
        f"and {fooled:.0%} of statements turned into their opposite."
    )
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(card["accuracy"])


if __name__ == "__main__":
    main()
