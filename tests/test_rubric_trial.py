"""Rubrics tested by their exemplars: what is counted, what is ranked, and what happens when a grader fails."""

import pytest

from evaluator.answers import split_sentences
from evaluator.errors import CannotGrade
from evaluator.graders.protocol import Graded, Identity
from evaluator.rubric import CONTRADICTED
from evaluator.rubric_trial import describe, summarise, summarise_all, try_rubric
from evaluator.suspicion import find_suspicious
from evaluator.verdict import Verdict


def honest_sentences(answer):
    attacks = find_suspicious(answer)
    return tuple(
        sentence.text
        for sentence in split_sentences(answer)
        if len(sentence.text.split()) > 1 and not any(span.start < sentence.end and sentence.start < span.end for span in attacks)
    )


class Knowing:
    """Gives each exemplar the levels of the exemplar that `choose` names; its evidence is what does not speak to the grader."""

    identity = Identity(name="knowing", title="knowing", model="none")

    def __init__(self, choose):
        self.choose = choose

    def grade(self, question, rubric, answer, listen=None):
        given = next(e for e in rubric.exemplars if e.answer == answer)
        levels = self.choose(rubric, given).levels
        verdicts = []
        for criterion in rubric.criteria:
            level = levels[criterion.id]
            wrong = criterion.misconceptions[0] if level == CONTRADICTED else None
            quotes = () if level == criterion.worst.id else honest_sentences(answer)
            verdicts.append(Verdict(criterion.id, level, "known", quotes, 0.9, wrong))
        return Graded(tuple(verdicts))


class Failing(Knowing):
    def grade(self, question, rubric, answer, listen=None):
        if rubric.exemplars[0].answer == answer:
            raise CannotGrade("The server is away.", "Start it.")
        return super().grade(question, rubric, answer)


class Nothing(Knowing):
    def grade(self, question, rubric, answer, listen=None):
        raise CannotGrade("The server is away.", "Start it.")


def itself(rubric, exemplar):
    return exemplar


def reversed_kinds(rubric, exemplar):
    other = {"strong": "wrong", "wrong": "strong"}.get(exemplar.kind, exemplar.kind)
    return rubric.exemplars_of(other)[0]


@pytest.fixture
def trial(bank, rubrics):
    return lambda grader, no=23: try_rubric(bank[no], rubrics[no], grader)


def test_a_grader_that_knows_the_levels_agrees_throughout(trial):
    known = trial(Knowing(itself))
    assert (known.agreement, known.credit_agreement, known.ordered, known.inversions, known.not_graded) == (1, 1, True, [], 0)
    expected = [known.rubric.expected_score(exemplar) for exemplar in known.rubric.exemplars]
    assert [report.score.value for report in known.reports] == pytest.approx(expected, abs=0.06)
    assert " > " not in describe(known).replace(summarise(known), "")


def test_a_grader_that_takes_wrong_for_strong_is_not_ordered(trial):
    upside_down = trial(Knowing(reversed_kinds))
    assert not upside_down.ordered and upside_down.inversions
    assert summarise(upside_down).startswith("NOT ORDERED")
    assert upside_down.agreement < 1


def test_contradicted_for_missed_differs_in_level_and_not_in_credit(trial):
    def harsher(rubric, exemplar):
        swap = {"missed": CONTRADICTED} if exemplar.kind != "injection" else {}  # of an attack nothing can be quoted
        levels = {
            id: swap.get(level, level) if rubric.criterion(id).misconceptions else level for id, level in exemplar.levels.items()
        }
        return type(exemplar)(exemplar.kind, exemplar.answer, levels)

    harsh = trial(Knowing(harsher))
    assert harsh.agreement < 1 and harsh.credit_agreement == 1 and harsh.ordered


def test_an_exemplar_that_cannot_be_graded_is_counted_and_has_no_score(trial):
    failed = trial(Failing(itself))
    assert failed.not_graded == 1 and failed.reports[0].score.value is None
    assert "1 not graded" in summarise(failed) and "could not be graded" in summarise_all([failed])
    assert failed.to_data()["exemplars"][0]["score"] is None


def test_a_grader_that_grades_nothing_ranks_nothing(trial):
    nothing = trial(Nothing(itself))
    assert not nothing.ordered and nothing.agreement is None
    assert summarise_all([nothing]).startswith("0 of 1 rubrics rank strong over partial over wrong (mean scores); 0 of them")
    assert "was not graded: The server is away." in describe(nothing)


def test_the_other_exemplars_of_a_failed_one_count(trial):
    failed = trial(Failing(itself))
    assert len(failed.cells) == len(failed.rubric.criteria) * (len(failed.rubric.exemplars) - 1)


def test_the_data_hold_every_level_expected_and_given(trial):
    known = trial(Knowing(itself))
    data = known.to_data()
    assert [entry["kind"] for entry in data["exemplars"]] == [exemplar.kind for exemplar in known.rubric.exemplars]
    assert all(pair["expected"] == pair["given"] for entry in data["exemplars"] for pair in entry["levels"].values())
