"""What each block of the prompt costs, in tokens counted as characters / 4, over all rubrics of the bank.

.venv/bin/python benchmarks/prompt_size.py
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evaluator.graders.exemplars import choose_exemplars  # noqa: E402
from evaluator.graders.llm import LLMOptions  # noqa: E402
from evaluator.graders.prompt import reply_schema, write_messages, write_single  # noqa: E402
from evaluator.questions import load_questions  # noqa: E402
from evaluator.rubric_files import list_rubric_files  # noqa: E402


def main() -> None:
    bank = load_questions(ROOT / "data" / "questions.jsonl")
    numbers = [question.no for question in bank]
    blocks: dict[str, list[float]] = {}
    six: list[float] = []
    for no, file in list_rubric_files(ROOT / "rubrics").items():
        rubric, question = file.read(numbers), bank[no]
        system, task = (text for _, text in write_messages(question, rubric, ""))
        shown = write_messages(question, rubric, "", (), choose_exemplars(rubric, "", LLMOptions().exemplars))[1][1]
        single = write_single(question, rubric, rubric.criteria[0], "")
        rest = len(question.text) + len(rubric.guidelines) + len(rubric.reference_answer)
        row = {
            "rules (the same for all questions)": len(system),
            "question": len(question.text),
            "guidelines": len(rubric.guidelines),
            "reference answer": len(rubric.reference_answer),
            "rubric points with levels and misconceptions": len(task) - rest,
            "all of it, without exemplars and answer": len(system) + len(task),
            f"{LLMOptions().exemplars} exemplars": len(shown) - len(task),
            "schema, sent beside the prompt": len(json.dumps(reply_schema(rubric.criteria))),
            "a second look at one point, without the answer": sum(len(text) for _, text in single),
        }
        for name, chars in row.items():
            blocks.setdefault(name, []).append(chars / 4)
        if len(rubric.criteria) == 6:
            six.append((len(system) + len(task)) / 4)
    print("| block | tokens, median | least | most |\n|---|---|---|---|")
    for name, values in blocks.items():
        print(f"| {name} | {statistics.median(values):,.0f} | {min(values):,.0f} | {max(values):,.0f} |")
    print(f"\nrubrics of six points: {len(six)}, at most {max(six):,.0f} tokens without exemplars and answer")


if __name__ == "__main__":
    main()
