import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.evidence import find_evidence, is_within, repeats

ANSWER = "Gradients “vanish” — because  back\u00adprop multiplies\nmany\u200b Jacobians. The naïve ﬁx isn’t enough."


@pytest.mark.parametrize(
    "quote",
    [
        'Gradients "vanish" - because',
        "BACKPROP multiplies many Jacobians",
        "…many Jacobians.",
        "the naive fix",
        "fix isn't enough",
    ],
)
def test_a_quote_is_found_through_other_signs_spacing_and_case(quote):
    found = find_evidence(quote, ANSWER)
    assert found is not None
    assert ANSWER[found.start : found.end] == found.quote


@pytest.mark.parametrize(
    "quote",
    [
        "gradients explode because",
        "multiplies few Jacobians",
        "Jacobians",
        "",
        "...",
        "radients “vanish",
        "Gradients many Jacobians",
    ],
)
def test_a_changed_stitched_cut_or_single_word_is_no_evidence(quote):
    assert find_evidence(quote, ANSWER) is None


@given(st.text(max_size=200), st.data())
def test_evidence_always_stands_at_its_offsets(answer, data):
    start = data.draw(st.integers(0, len(answer)))
    end = data.draw(st.integers(start, len(answer)))
    found = find_evidence(answer[start:end], answer)
    assert found is None or answer[found.start : found.end] == found.quote


@given(st.lists(st.sampled_from(["alpha", "Beta", "gamma,", "don't", "x2", "naïve"]), min_size=2, max_size=12), st.data())
def test_every_run_of_two_whole_words_is_found(words, data):
    start = data.draw(st.integers(0, len(words) - 2))
    end = data.draw(st.integers(start + 2, len(words)))
    assert find_evidence(" ".join(words[start:end]), "  ".join(words)) is not None


def test_the_question_repeated_is_recognised():
    assert is_within("vanishing and  exploding Gradient", "Describe the vanishing and exploding gradient problems")
    assert not is_within("gradients vanish", "Describe the vanishing and exploding gradient problems")


def test_a_pasted_reference_answer_is_recognised_and_no_exemplar_is_taken_for_one(rubrics):
    for rubric in rubrics.values():
        reference = rubric.reference_answer
        assert repeats(reference, reference)
        assert repeats(f"Well. {reference.upper()[: len(reference) * 2 // 3]} And so on, as I said.", reference)
        assert not any(repeats(exemplar.answer, reference) for exemplar in rubric.exemplars)
        assert not repeats(" ".join(reference.split()[:12]), reference)  # a phrase is not a paste
