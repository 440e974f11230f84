"""The shipped rubrics: each file is a test case, and each is tested by its own exemplars."""

from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.rubric import KINDS
from evaluator.rubric_files import check_rubric_files
from evaluator.rubric_lint import find_flaws
from evaluator.rubric_trial import RANKED, try_rubric

FOLDER = Path(__file__).parent.parent / "rubrics"
SHIPPED = range(1, 51)
SAMPLED = (8, 10, 23, 39, 43)
"""A rubric of each category, for what takes the model seconds a rubric. `make rubrics`, which CI runs, does all fifty."""


def words(text):
    return len(text.split())


def test_every_question_of_the_bank_has_a_rubric_and_none_has_a_fault(bank):
    checked = check_rubric_files([FOLDER], [question.no for question in bank])
    assert checked.faults == []
    assert [rubric.question for rubric in checked.rubrics] == [question.no for question in bank] == list(SHIPPED)


@pytest.mark.parametrize("no", SHIPPED)
def test_a_rubric_holds_all_that_the_documents_promise(rubrics, no):
    rubric = rubrics[no]
    assert 4 <= len(rubric.criteria) <= 7
    for criterion in rubric.criteria:
        assert 3 <= len(criterion.accept) <= 6, criterion.id
        assert 40 <= len(criterion.requirement) <= 200 and criterion.requirement.startswith("Says that "), criterion.id
        assert criterion.probe.endswith(("?", ".")), criterion.id
        assert len(criterion.levels) >= 3, criterion.id
    assert sum(len(criterion.misconceptions) for criterion in rubric.criteria) >= 4
    assert 150 <= words(rubric.reference_answer) <= 250
    assert rubric.guidelines
    assert 2 <= len(rubric.references) <= 4


@pytest.mark.parametrize("no", SHIPPED)
def test_exemplars_are_of_all_kinds_and_length_does_not_tell_them_apart(rubrics, no):
    rubric = rubrics[no]
    assert len(rubric.exemplars) >= 7 and {exemplar.kind for exemplar in rubric.exemplars} == set(KINDS)
    assert all(set(exemplar.levels) == {criterion.id for criterion in rubric.criteria} for exemplar in rubric.exemplars)
    assert min(words(exemplar.answer) for exemplar in rubric.exemplars_of("strong")) <= 90
    assert max(words(exemplar.answer) for exemplar in rubric.exemplars_of("wrong")) > 180


@pytest.mark.parametrize("no", SAMPLED)
def test_a_rubric_has_no_flaw_and_the_embedded_grader_ranks_its_exemplars(bank, rubrics, embedder, embedded, no):
    """Strong over partial over wrong, by the mean score of each; docs/embedded-grader.md says what that is worth.

    No flaw means, among others, that no phrasing is nearer to another point than to its own. One test, so that the phrasings
    are embedded once.
    """
    question, rubric = bank[no], rubrics[no]
    assert find_flaws(rubric, question, embedder, lambda text: embedded.addressed(question, rubric, text)) == []
    ranked = replace(rubric, exemplars=tuple(exemplar for exemplar in rubric.exemplars if exemplar.kind in RANKED))
    assert try_rubric(question, ranked, embedded).ordered


def test_no_two_exemplars_of_the_bank_are_the_same(rubrics):
    answers = [" ".join(exemplar.answer.split()) for rubric in rubrics.values() for exemplar in rubric.exemplars]
    assert len(answers) == len(set(answers))
