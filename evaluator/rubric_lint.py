"""Step 2 of 6. Flaws of a rubric that can be graded with but should not be: what a careful second reader would say of it.

A fault (rubric_check.py) keeps a rubric from being used. A flaw does not; it makes the scores worth less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.embedding import Embedder
from evaluator.evidence import normalise
from evaluator.questions import Question
from evaluator.rubric import DEFAULT_LEVELS, Criterion, Rubric
from evaluator.rubric_check import Fault

AddressedIn = Callable[[str], dict[str, float]]
"""Grades a text by the rubric: the credit of each criterion id."""

EXPECTED = {"strong": (80, 100), "plain": (75, 100), "partial": (25, 75)}
"""The scores that an exemplar's own levels may give, by kind; all other kinds: at most WORTHLESS."""
WORTHLESS = 20

_TWO_FACTS = re.compile(
    r";|\b(?:and|but)\s+(?:that|also|how|why|names?|says?|gives?|explains?|mentions?|describes?)\b"
    r"|\bas well as\b|\bin addition\b|\bmoreover\b|\bfurthermore\b|\.\s+[A-Z]",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:good|great|excellent|poor|weak|bad|solid|decent|strong|nice|right|wrong|complete|full|incomplete)\s+"
    r"(?:answers?|explanations?|descriptions?|understanding|accounts?|discussions?|treatment|examples?|reasoning)\b"
    r"|\b(?:adequate(?:ly)?|sufficiently|appropriately|acceptably|reasonabl[ey]|thorough(?:ly)?|comprehensive(?:ly)?|"
    r"superficial(?:ly)?|in (?:some |enough |good )?detail|well explained|badly explained|correctly explained|"
    r"(?:basic|some|clear|deep|limited|partial) understanding|clearly|mostly|somewhat|partially|vaguely|mentions challenges)\b",
    re.IGNORECASE,
)
_FUNCTION_WORDS = """
    about after again against also although another answer because been before being between both could does doing done each
    else even ever every from further give gives given have having here into itself just like made make makes many might
    more most much must need needs only other others over same says should since some such than that their them then there
    these they thing things this those through under until upon very want what when where whether which while whom whose
    will with within without would your yours
"""
_STOP = frozenset(_FUNCTION_WORDS.split())
_STEM = 6
_GIVEN_AWAY = 0.5
_RUN = 5
_LEAST_LONGER = 1.2


def find_flaws(rubric: Rubric, question: Question, embedder: Embedder, addressed_in: AddressedIn) -> list[Fault]:
    """All flaws, in the order of the file's parts. Raises EmbedderFailed."""
    return [
        *_flaws_of_reference(rubric, addressed_in),
        *_flaws_of_wording(rubric, question),
        *_flaws_of_phrasings(rubric, embedder),
        *_flaws_of_exemplars(rubric),
    ]


def _flaws_of_reference(rubric: Rubric, addressed_in: AddressedIn) -> Iterator[Fault]:
    addressed = addressed_in(rubric.reference_answer)
    for criterion in rubric.criteria:
        if addressed[criterion.id] < 0.5:
            problem = f'does not speak of criterion "{criterion.id}", says the embedded grader'
            yield Fault(("reference_answer",), problem, "Say the point in a sentence of its own, or add that wording to accept")


def _flaws_of_wording(rubric: Rubric, question: Question) -> Iterator[Fault]:
    for number, criterion in enumerate(rubric.criteria):
        path = ("criteria", number)
        found = _TWO_FACTS.search(criterion.requirement)
        if found:
            problem = f'seems to hold two facts ("{found[0].strip()}")'
            yield Fault((*path, "requirement"), problem, "Keep one fact or one reasoned link; make the other a criterion")
        yield from _flaws_of_anchors(criterion, path)
        overlap = _overlap(criterion.probe, criterion.point, question.text)
        copied = _common_run(criterion.probe, [criterion.point, *criterion.accept])
        if overlap >= _GIVEN_AWAY or copied:
            share = f'"{copied}"' if copied else f"{overlap:.0%} of the requirement's own words"
            yield Fault((*path, "probe"), f"gives the point away ({share})", "Ask for it without its words")


def _flaws_of_anchors(criterion: Criterion, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if criterion.levels == DEFAULT_LEVELS:
        yield Fault((*path, "levels"), "anchors are the default ones", "Say what an answer at each level contains")
        return
    seen: set[str] = set()
    for number, level in enumerate(criterion.levels):
        where = (*path, "levels", number, "anchor")
        found = _VAGUE.search(level.anchor)
        if found:
            yield Fault(where, f'is vague ("{found[0]}")', "Name the content that makes the difference")
        elif len(level.anchor.split()) < 3:
            yield Fault(where, f'is too short to tell levels apart ("{level.anchor}")', "Name the content of this level")
        if normalise(level.anchor) in seen:
            yield Fault(where, "is the anchor of another level too", "Tell the levels apart by content")
        seen.add(normalise(level.anchor))


@dataclass(frozen=True, slots=True)
class Phrasing:
    """An accepted phrasing, by the positions of its criterion and of itself; `own` is its greatest cosine to another
    phrasing of that criterion, `other` its greatest to one of any other criterion, which stands at `nearest`."""

    criterion: int
    position: int
    own: float
    other: float
    nearest: tuple[int, int]

    @property
    def is_own(self) -> bool:
        """Whether the nearest of all phrasings is one of its own criterion."""
        return self.own > self.other


def compare_phrasings(rubric: Rubric, embedder: Embedder) -> list[Phrasing]:
    """Every accepted phrasing of the rubric against all others. Raises EmbedderFailed."""
    places = [(row, column) for row, criterion in enumerate(rubric.criteria) for column in range(len(criterion.accept))]
    vectors = embedder.embed([rubric.criteria[row].accept[column] for row, column in places])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    rows = np.array([row for row, _ in places])
    compared = []
    for index, (row, column) in enumerate(places):
        others = np.where(rows == row, -1.0, cosines[index])
        at = int(others.argmax())
        own = float(np.where(rows == row, cosines[index], -1.0).max())
        compared.append(Phrasing(row, column, own, float(others[at]), places[at]))
    return compared


def _flaws_of_phrasings(rubric: Rubric, embedder: Embedder) -> Iterator[Fault]:
    for phrasing in compare_phrasings(rubric, embedder):
        if not phrasing.is_own:
            other = rubric.criteria[phrasing.nearest[0]]
            words = _short(other.accept[phrasing.nearest[1]])
            problem = f'is nearer to "{other.id}" ({phrasing.other:.2f}, {words}) than to its own point ({phrasing.own:.2f})'
            mend = "Word the two points so that they cannot be taken for each other"
            yield Fault(("criteria", phrasing.criterion, "accept", phrasing.position), problem, mend)


def _flaws_of_exemplars(rubric: Rubric) -> Iterator[Fault]:
    phrases = [normalise(text) for criterion in rubric.criteria for text in _own_words(criterion)]
    for number, exemplar in enumerate(rubric.exemplars):
        low, high = EXPECTED.get(exemplar.kind, (0, WORTHLESS))
        score = rubric.expected_score(exemplar)
        if not low <= score <= high:
            problem = f"its levels give a score of {score:.0f}, which is not {exemplar.kind} ({low} to {high})"
            yield Fault(("exemplars", number, "levels"), problem, "Mend the levels, or choose another kind")
        answer = normalise(exemplar.answer)
        copied = next((phrase for phrase in phrases if len(phrase.split()) >= _RUN and phrase in answer), None)
        if copied:
            problem = f"repeats a phrasing of the rubric word for word ({_short(copied)})"
            yield Fault(("exemplars", number, "answer"), problem, "Say it as another person would")
    right = [len(exemplar.answer.split()) for exemplar in rubric.exemplars if exemplar.kind in ("strong", "plain")]
    wrong = [len(exemplar.answer.split()) for exemplar in rubric.exemplars_of("wrong")]
    if right and wrong and max(wrong) < _LEAST_LONGER * min(right):
        problem = f"length tells quality: the longest wrong one has {max(wrong)} words, the shortest strong one {min(right)}"
        yield Fault(("exemplars",), problem, "Write a longer wrong exemplar, or a shorter strong one")


def _own_words(criterion: Criterion) -> list[str]:
    return [criterion.point, *criterion.accept, *(misconception.claim for misconception in criterion.misconceptions)]


def _overlap(probe: str, point: str, question: str) -> float:
    """The share of the point's content words, those of the question aside, that stand in the probe."""
    own = _stems(point) - _stems(question)
    return len(own & _stems(probe)) / len(own) if len(own) >= 3 else 0.0


def _stems(text: str) -> set[str]:
    words = re.findall(r"[^\W_]+", normalise(text))
    return {word[:_STEM] for word in words if len(word) > 3 and word not in _STOP}


def _common_run(probe: str, texts: Sequence[str]) -> str:
    """The first run of words that the probe shares with one of the texts, or nothing."""
    words = re.findall(r"[^\W_]+", normalise(probe))
    for text in texts:
        joined = " " + " ".join(re.findall(r"[^\W_]+", normalise(text))) + " "
        for start in range(len(words) - _RUN + 1):
            run = " ".join(words[start : start + _RUN])
            if f" {run} " in joined:
                return run
    return ""


def _short(text: str) -> str:
    return f"“{text[:70]}…”" if len(text) > 70 else f"“{text}”"
