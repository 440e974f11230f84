"""Step 3 of 6. The stub grader: the same levels for every answer, so that anyone can try everything without a model.

It ships with the product, says in every report that it is a stub, and its evidence is real text of the answer.
"""

from __future__ import annotations

from evaluator.answers import split_sentences
from evaluator.graders.protocol import Graded, Identity, Listen
from evaluator.questions import Question
from evaluator.rubric import Rubric
from evaluator.verdict import Verdict


class StubGrader:
    """Takes each criterion's levels in turn: the best for the first criterion, the next worse for the second, and round again."""

    identity = Identity(name="stub", title="stub (fixed levels, for trying things out)", model="none")

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        sentences = split_sentences(answer)
        verdicts = []
        for position, criterion in enumerate(rubric.criteria):
            level = criterion.levels[-1 - position % len(criterion.levels)]
            quotes = (sentences[position % len(sentences)].text,) if sentences and level.credit else ()
            reason = "The stub grader gives fixed levels and reads nothing."
            verdicts.append(Verdict(criterion.id, level.id, reason, quotes, confidence=None))
        return Graded(tuple(verdicts))
