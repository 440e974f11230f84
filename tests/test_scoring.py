from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evaluator.scoring import Score, score_verdicts
from evaluator.verdict import CheckedVerdict
from tests.factory import criterion, small_rubric

CRITERIA = small_rubric(
    *(criterion(id, weight) for id, weight in zip(("a", "b", "c", "d", "e"), (1, 2, 3, 0.5, 10), strict=True))
).criteria
credits = st.lists(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]), min_size=5, max_size=5)


def verdicts(values):
    return [CheckedVerdict(c, "?", value, "") for c, value in zip(CRITERIA, values, strict=True)]


def test_the_score_is_the_weighted_share_of_the_credit():
    assert score_verdicts(verdicts([1.0, 1.0, 0.5, 0.0, 0.0])) == Score(27.3, 27.3, 27.3)
    assert score_verdicts(verdicts([1.0] * 5)).value == 100
    assert score_verdicts(verdicts([0.0] * 5)).value == 0


def test_nothing_scored_is_no_score_and_not_zero():
    assert score_verdicts(verdicts([None] * 5)) == Score(None, None, None)
    assert score_verdicts([]).value is None


@given(credits)
def test_a_score_lies_between_0_and_100_and_within_its_own_span(values):
    score = score_verdicts(verdicts(values))
    if score.value is not None:
        assert 0 <= score.low == score.value <= score.high <= 100


@given(credits, st.integers(0, 4))
def test_a_failed_criterion_never_raises_the_score(values, index):
    before = score_verdicts(verdicts(values)).value
    failed = verdicts(values)
    failed[index] = replace(failed[index], credit=None)
    after = score_verdicts(failed).value
    assert after is None or before is None or after <= before


@given(credits, st.permutations(range(5)))
def test_the_order_of_the_criteria_does_not_matter(values, order):
    given_ = verdicts(values)
    assert score_verdicts(given_) == score_verdicts([given_[index] for index in order])


@given(credits, st.integers(0, 4))
def test_more_credit_never_lowers_the_score(values, index):
    raised = [1.0 if position == index else value for position, value in enumerate(values)]
    before, after = score_verdicts(verdicts(values)).value, score_verdicts(verdicts(raised)).value
    assert before is None or after >= before
