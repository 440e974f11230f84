"""Flaws of a rubric: each is found where it is planted, and a sound rubric has none."""

from dataclasses import replace

import pytest

from evaluator.rubric import DEFAULT_LEVELS, Level
from evaluator.rubric_lint import compare_phrasings, find_flaws


@pytest.fixture
def flaws_of(bank, embedder, embedded):
    def find(rubric):
        question = bank[rubric.question]
        return find_flaws(rubric, question, embedder, lambda text: embedded.addressed(question, rubric, text))

    return find


def with_criterion(rubric, at=0, **changes):
    criteria = list(rubric.criteria)
    criteria[at] = replace(criteria[at], **changes)
    return replace(rubric, criteria=tuple(criteria))


def with_exemplar(rubric, kind, **changes):
    exemplars = [replace(e, **changes) if e.kind == kind else e for e in rubric.exemplars]
    return replace(rubric, exemplars=tuple(exemplars))


def two_facts(rubric):
    return with_criterion(rubric, requirement=f"{rubric.criteria[0].requirement}; and that it is slow")


def default_anchors(rubric):
    return with_criterion(rubric, levels=DEFAULT_LEVELS)


def vague_anchor(rubric):
    first, _, best = rubric.criteria[0].levels
    return with_criterion(rubric, levels=(first, Level("partly", 0.5, "explains the mechanism somewhat"), best))


def same_anchor(rubric):
    first, middle, best = rubric.criteria[0].levels
    return with_criterion(rubric, levels=(first, middle, replace(best, anchor=middle.anchor)))


def borrowed_phrasing(rubric):
    borrowed = rubric.criteria[1].accept[0].rstrip(".") + " indeed."
    return with_criterion(rubric, accept=(*rubric.criteria[0].accept[1:], borrowed))


def telling_probe(rubric):
    return with_criterion(rubric, probe=f"Would you agree with this: {rubric.criteria[0].point}?")


def quoting_probe(rubric):
    return with_criterion(rubric, probe=f"Is it so? {rubric.criteria[0].accept[0]}")


def gap_in_the_reference_answer(rubric):
    return replace(rubric, reference_answer="A confusion matrix is a table.")


def generous_levels(rubric):
    worthless = rubric.exemplars_of("wrong")[0]
    return with_exemplar(rubric, "wrong", levels=dict.fromkeys(worthless.levels, "met"))


def copied_exemplar(rubric):
    return with_exemplar(rubric, "partial", answer=f"Well, {rubric.criteria[0].accept[0]} I think.")


def telling_length(rubric):
    return with_exemplar(rubric, "wrong", answer="It makes the weights zero.")


PLANTED = {
    two_facts: "two facts",
    default_anchors: "default ones",
    vague_anchor: "vague",
    same_anchor: "anchor of another level",
    borrowed_phrasing: "is nearer to",
    telling_probe: "gives the point away",
    quoting_probe: "gives the point away",
    gap_in_the_reference_answer: "does not speak of",
    generous_levels: "which is not wrong",
    copied_exemplar: "word for word",
    telling_length: "length tells quality",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_flaw_is_found_and_names_its_mend(rubrics, flaws_of, plant):
    found = flaws_of(plant(rubrics[10]))
    assert found and all(PLANTED[plant] in flaw.problem or "nearer" in flaw.problem for flaw in found)
    assert any(PLANTED[plant] in flaw.problem and flaw.mend for flaw in found)


def test_every_phrasing_is_compared_with_all_others_but_itself(rubrics, embedder):
    rubric = rubrics[10]
    compared = compare_phrasings(rubric, embedder)
    assert len(compared) == sum(len(criterion.accept) for criterion in rubric.criteria)
    assert all(phrasing.nearest[0] != phrasing.criterion for phrasing in compared)
    assert all(phrasing.own < 0.999 and phrasing.other < 0.999 for phrasing in compared)
