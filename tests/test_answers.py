import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.answers import MAX_CHARS, Answer, decode_answer, read_answer, split_sentences
from evaluator.errors import BadAnswer


@pytest.mark.parametrize(
    "text",
    ["", "  \n\t", "...", "?", "I don't know", "i dont know.", "Sorry, I don’t know!", "no idea", "N/A", "I do not really know this one",
     "pass", "Honestly, I have no clue.", "\u200b"],
)  # fmt: skip
def test_nothing_said_is_blank(text):
    assert Answer(text).is_blank


@pytest.mark.parametrize(
    "text",
    ["Dropout.", "I don't know the details, but gradients shrink", "None of the units can rely on others", "no", "I pass the gradient on"],
)  # fmt: skip
def test_whatever_says_something_is_not_blank(text):
    assert not Answer(text).is_blank


def test_an_answer_over_the_limit_is_refused_with_both_figures():
    with pytest.raises(BadAnswer, match=r"20,001.*20,000"):
        read_answer("a" * (MAX_CHARS + 1))
    assert read_answer("a" * MAX_CHARS).text == "a" * MAX_CHARS


def test_a_byte_order_mark_is_dropped_and_latin_1_is_refused_with_its_place():
    assert decode_answer(b"\xef\xbb\xbfhi", "a.txt") == "hi"
    with pytest.raises(BadAnswer, match=r"a\.txt: not UTF-8 text \(byte 0xe4 at position 1\)"):
        decode_answer(b"l\xe4", "a.txt")


@given(st.text(max_size=400))
def test_every_sentence_stands_at_its_offsets_and_none_overlap(text):
    spans = split_sentences(text)
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert all(one.end <= other.start for one, other in zip(spans, spans[1:], strict=False))


@given(st.text(max_size=300))
def test_no_letter_is_lost_between_sentences(text):
    kept = sum(sum(char.isalpha() for char in span.text) for span in split_sentences(text))
    assert kept == sum(char.isalpha() for char in text)


def test_list_entries_are_sentences_and_wrapped_lines_are_not():
    assert [s.text for s in split_sentences("Fixes:\n- use ReLU\n- clip gradients\n1. normalise")] == [
        "Fixes:", "use ReLU", "clip gradients", "normalise",
    ]  # fmt: skip
    wrapped = "the gradient that reaches an early layer is a product of\none Jacobian per layer. Then it shrinks."
    assert [s.text.split()[0] for s in split_sentences(wrapped)] == ["the", "Then"]


def test_an_abbreviation_ends_no_sentence():
    assert len(split_sentences("Use a gate, e.g. an LSTM. It helps.")) == 2


def test_a_sentence_may_end_in_a_contraction():
    assert [s.text.split()[0] for s in split_sentences("They don't. It can’t. So J. Smith said.")] == ["They", "It", "So"]
