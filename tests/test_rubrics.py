"""The shipped rubrics: each file is a test case, and each is tested by its own exemplars."""

from pathlib import Path

import pytest

from evaluator.evidence import normalise
from evaluator.rubric import KINDS
from evaluator.rubric_files import check_rubric_files

FOLDER = Path(__file__).parent.parent / "rubrics"
SHIPPED = (1, 2, 8, 10, 23, 39)


def test_all_shipped_rubrics_are_without_fault(bank):
    rubrics, faults = check_rubric_files([FOLDER], [question.no for question in bank])
    assert faults == []
    assert sorted(rubric.question for rubric in rubrics) == list(SHIPPED)


@pytest.mark.parametrize("no", SHIPPED)
def test_a_rubric_is_complete(rubrics, no):
    rubric = rubrics[no]
    assert 4 <= len(rubric.criteria) <= 7
    assert all(3 <= len(criterion.accept) <= 6 and criterion.probe for criterion in rubric.criteria)
    assert sum(len(criterion.misconceptions) for criterion in rubric.criteria) >= 4
    assert {exemplar.kind for exemplar in rubric.exemplars} == set(KINDS)
    assert 150 <= len(rubric.reference_answer.split()) <= 250
    assert len(rubric.references) >= 2


@pytest.mark.parametrize("no", SHIPPED)
def test_no_phrasing_serves_two_points(rubrics, no):
    phrases = [normalise(phrase) for criterion in rubrics[no].criteria for phrase in criterion.accept]
    assert len(phrases) == len(set(phrases))


@pytest.mark.parametrize("no", SHIPPED)
def test_length_does_not_tell_quality(rubrics, no):
    strong = min(len(exemplar.answer.split()) for exemplar in rubrics[no].exemplars_of("strong"))
    wrong = max(len(exemplar.answer.split()) for exemplar in rubrics[no].exemplars_of("wrong"))
    assert strong <= 100 < 180 <= wrong


def expected_score(rubric, exemplar):
    levels = {criterion.id: criterion.level(exemplar.levels[criterion.id]) for criterion in rubric.criteria}
    total = sum(criterion.weight for criterion in rubric.criteria)
    return 100 * sum(c.weight * (levels[c.id].credit if levels[c.id] else 0) for c in rubric.criteria) / total


@pytest.mark.parametrize("no", SHIPPED)
def test_the_exemplars_own_levels_rank_strong_over_partial_over_wrong(rubrics, no):
    for exemplar in rubrics[no].exemplars:
        low, high = {"strong": (85, 100), "plain": (80, 100), "partial": (30, 70)}.get(exemplar.kind, (0, 15))
        assert low <= expected_score(rubrics[no], exemplar) <= high, exemplar.kind
