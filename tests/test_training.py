"""What the reading model learns from, and what is kept from it."""

import json
import random
from pathlib import Path

import pytest

from training import changes
from training.splits import TEST_QUESTIONS, TUNE_QUESTIONS, part_of_question

ROOT = Path(__file__).parent.parent
SENTENCES = (
    "Dropout reduces overfitting because units cannot rely on each other.",
    "The training loss is lower than the validation loss.",
    "A high learning rate makes the loss diverge before it settles.",
)


def read(path):
    return [json.loads(line) for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]


def test_no_sentence_was_written_for_a_question_whose_figures_are_published_as_unseen():
    assert not {row["question"] for row in read("training/contrasts.jsonl")} & set(TEST_QUESTIONS)
    assert {part_of_question(row["question"]) for row in read("training/spoken.jsonl")} == {"train"}
    answered = {row["question"] for row in read("training/answers.jsonl")}
    assert set(TUNE_QUESTIONS) < answered and not answered & set(TEST_QUESTIONS)
    assert not set(TEST_QUESTIONS) & set(TUNE_QUESTIONS)
    assert [part_of_question(no) for no in (5, 4, 1)] == ["test", "tune", "train"]


def test_no_text_that_measures_is_a_text_that_trains(rubrics):
    trained = {" ".join(row["text"].split()) for row in read("training/contrasts.jsonl")}
    trained |= {" ".join(row["answer"].split()) for name in ("exams", "answers") for row in read(f"training/{name}.jsonl")}
    trained |= {" ".join(part["text"].split()) for row in read("training/spoken.jsonl") for part in row["sentences"]}
    measured = {
        " ".join(row["answer"].split()) for path in ("probes", "fresh_answers") for row in read(f"benchmarks/{path}.jsonl")
    }
    measured |= {" ".join(exemplar.answer.split()) for rubric in rubrics.values() for exemplar in rubric.exemplars}
    assert not trained & measured


def test_sentences_and_probes_name_points_that_the_rubrics_have(rubrics):
    ids = {no: {criterion.id for criterion in rubric.criteria} for no, rubric in rubrics.items()}
    probes = read("benchmarks/probes.jsonl")
    for row in [*read("training/contrasts.jsonl"), *probes]:
        named = {*row.get("expressed", ()), *row.get("missing", ()), *([row["criterion"]] if "criterion" in row else [])}
        assert named <= ids[row["question"]], row
    for row in read("training/answers.jsonl"):
        assert set(row["levels"]) == ids[row["question"]], row
    for row in read("training/spoken.jsonl"):
        marks = ("made", "half", "denied", "with_before")
        assert {name for part in row["sentences"] for mark in marks for name in part[mark]} <= ids[row["question"]], row
    assert {row["question"] for row in probes} == set(ids) and len(probes) >= 300


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("change", [changes.negate, changes.reverse])
def test_a_rule_changes_what_is_said_or_says_that_it_cannot(sentence, change):
    made = {change(sentence, random.Random(seed)) for seed in range(40)}
    assert sentence not in made and any(made)


def test_a_negated_sentence_denies_with_a_word_for_it():
    made = {changes.negate(SENTENCES[1], random.Random(seed)) for seed in range(40)} - {None}
    words = ("not", "n't", "never", "hardly", "no longer", "myth", "deny", "wrong", "Nobody")
    assert made and all(any(word in text for word in words) for text in made)


def test_a_salad_has_the_words_and_not_the_order():
    little = set(" ".join(changes.GLUE).split())
    words = set(SENTENCES[0].rstrip(".").split())
    for seed in range(20):
        made = changes.salad(SENTENCES[0], random.Random(seed))
        assert made != SENTENCES[0] and set(made.replace(",", "").replace(";", "").split()) <= words | little


def test_two_statements_joined_keep_their_words():
    for seed in range(20):
        made = changes.join(SENTENCES[0], SENTENCES[1], random.Random(seed))
        assert made.lower().startswith(SENTENCES[0].rstrip(".").lower())
        assert made.lower().endswith(SENTENCES[1].lower())
