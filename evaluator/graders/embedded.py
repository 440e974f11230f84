"""Step 3 of 6. The embedded grader: two small local models compare the answer with the rubric's phrasings. No LLM, no network.

The sentences nearest to a point are found by similarity (embedded_likeness.py), read together with the point's accepted
phrasings and its known wrong claims by the reading model, and a softmax over fourteen numbers says how likely the point is
made, denied, or neither (embedded_head.py). docs/embedded-grader.md says how often it is right.
"""

from __future__ import annotations

from functools import cached_property

from evaluator.graders.embedded_head import Chances, Head, read_head
from evaluator.graders.embedded_likeness import Comparer, Likeness, Point
from evaluator.graders.embedded_places import Place, find_places
from evaluator.graders.protocol import Graded, Identity, Listen
from evaluator.minilm import MiniLM
from evaluator.questions import Question
from evaluator.reading import ReadingModel
from evaluator.rubric import CONTRADICTED, Criterion, Rubric
from evaluator.verdict import Verdict

_RULES = 2
"""Counts the changes to what is decided from the same model and head."""
_LONG_ANSWER = 60
_LEAST_SEEN = -2.0
"""Logit of the reading model below which it sees no contradiction, however much the words resemble a wrong claim."""
_MOST_QUOTED = 160
"""Characters of a phrasing that a reason shows."""


class EmbeddedGrader:
    """Shares one model; may be used by several threads."""

    def __init__(self, model: MiniLM, reading: ReadingModel | None = None) -> None:
        self._model = model
        self._reading = reading or ReadingModel()
        self._comparer = Comparer(model, self._reading)

    @cached_property
    def head(self) -> Head:
        return read_head(self._reading.folder)

    @property
    def identity(self) -> Identity:
        card = self._reading.card
        return Identity(
            name="embedded",
            title="embedded (local model, no LLM)",
            model=f"{self._model.name} + reading model {card.version} ({card.short_hash})",
            options=f"rules {_RULES}",
            accuracy=card.accuracy,
        )

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """Raises EmbedderFailed when a model is missing or damaged."""
        places, reasons = find_places(self._model, question.text, answer)
        if not places:
            reason = "Nothing in the answer could be compared with this point."
            missed = tuple(
                Verdict(criterion.id, criterion.worst.id, reason, confidence=self.head.surest) for criterion in rubric.criteria
            )
            return Graded(missed, review_reasons=reasons)
        likenesses = self.compare(question, rubric, places)
        if likenesses[0].features.relevance < self.head.on_topic:
            reasons = (*reasons, "off_topic")
        verdicts = tuple(
            decide(self.head, criterion, likeness, places)
            for criterion, likeness in zip(rubric.criteria, likenesses, strict=True)
        )
        found = any(verdict.level != criterion.worst.id for verdict, criterion in zip(verdicts, rubric.criteria, strict=True))
        if not found and len(answer.split()) >= _LONG_ANSWER:
            reasons = (*reasons, "no_single_match")
        return Graded(verdicts, review_reasons=reasons)

    def compare(self, question: Question, rubric: Rubric, places: list[Place]) -> list[Likeness]:
        """The likeness of each criterion to the answer with these places."""
        return self._comparer.compare([point_of(criterion) for criterion in rubric.criteria], places, question.text)

    def addressed(self, question: Question, rubric: Rubric, text: str) -> dict[str, float]:
        """How likely a text speaks of each criterion at all, right or wrong: criterion id to a chance. Raises EmbedderFailed."""
        places, _ = find_places(self._model, question.text, text)
        if not places:
            return {criterion.id: 0.0 for criterion in rubric.criteria}
        return {
            criterion.id: 1 - self.head.chances(likeness.features).absent
            for criterion, likeness in zip(rubric.criteria, self.compare(question, rubric, places), strict=True)
        }


def point_of(criterion: Criterion) -> Point:
    return Point((criterion.point, *criterion.accept), tuple(misconception.claim for misconception in criterion.misconceptions))


def decide(head: Head, criterion: Criterion, likeness: Likeness, places: list[Place]) -> Verdict:
    """The verdict that the likeness comes to, its reason said in terms of what was found."""
    chances = head.chances(likeness.features)
    features = likeness.features
    is_seen = max(features.contradicted, features.claim_expressed) > _LEAST_SEEN
    is_read_so = is_seen and features.contradicted > features.most_expressed
    if is_read_so and chances.denied >= head.contradicted and chances.denied > chances.made and criterion.misconceptions:
        return _contradicted(head, criterion, likeness, places, chances)
    phrasing = _short(point_of(criterion).phrasings[likeness.phrasing])
    quoted = [likeness.nearest] if likeness.beside is None else sorted((likeness.nearest, likeness.beside))
    quote = tuple(places[at].span.text for at in quoted)
    is_on_topic = features.relevance >= head.on_topic
    if chances.made >= (head.met if is_on_topic else head.met_off_topic):
        return Verdict(criterion.id, criterion.best.id, f"Close to: “{phrasing}”", quote, min(chances.made, head.surest))
    middle = [level for level in criterion.levels if 0 < level.credit < 1]
    if is_on_topic and chances.made >= head.partly and 2 * chances.denied <= chances.made and middle:
        reason = f"Related to, but not clearly the same as: “{phrasing}”"
        return Verdict(
            criterion.id, middle[len(middle) // 2].id, reason, quote, min(max(chances.made, 1 - chances.made), head.surest) / 2
        )
    reason = "No sentence comes close to this point."
    if chances.denied > chances.absent:
        reason = "The nearest sentence may say the opposite of this point."
        if not is_seen:
            reason = "The nearest sentence is like this point and like a known wrong claim; which of them it says is not clear."
    return Verdict(criterion.id, criterion.worst.id, reason, (), min(1 - chances.made, head.surest))


def _contradicted(head: Head, criterion: Criterion, likeness: Likeness, places: list[Place], chances: Chances) -> Verdict:
    misconception = criterion.misconceptions[likeness.claim] if likeness.claim >= 0 else None
    reason = (
        f"Close to a known wrong claim: “{_short(misconception.claim)}”"
        if misconception
        else f"Seems to say the opposite of: “{_short(criterion.point)}”"
    )
    quote = (places[likeness.wrong].span.text,)
    return Verdict(criterion.id, CONTRADICTED, reason, quote, min(chances.denied, head.surest), misconception)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_QUOTED else f"{text[: _MOST_QUOTED - 1].rstrip()}…"
