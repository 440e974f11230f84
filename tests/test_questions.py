import json

import pytest

from evaluator.errors import BadInput, BadQuestion
from evaluator.questions import load_questions


def test_the_bank_has_the_fifty_questions(bank):
    assert [question.no for question in bank] == list(range(1, 51))
    assert len(bank.categories) == 5 and bank.difficulties == ["Intermediate", "Advanced"]


def test_questions_1_and_8_share_a_text_and_stay_two(bank):
    assert bank[1].text == bank[8].text
    assert (bank[1].difficulty, bank[8].difficulty) == ("Intermediate", "Advanced")
    assert [question.no for question in bank.with_text("  " + bank[1].text.upper())] == [1, 8]


def test_a_number_outside_the_bank_is_refused_with_the_range(bank):
    with pytest.raises(BadQuestion, match="Numbers go from 1 to 50"):
        bank[51]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", "not JSON"),
        ('{"no": 0, "category": "a", "difficulty": "b", "question": "c"}', '"no" must be'),
        ('{"no": true, "category": "a", "difficulty": "b", "question": "c"}', '"no" must be'),
        ('{"no": 2, "category": "", "difficulty": "b", "question": "c"}', '"category" must be'),
        ('{"no": 1, "category": "a", "difficulty": "b", "question": "c"}', "question 1 stands twice"),
        ("[1]", '"no" must be'),
    ],
)
def test_a_bad_line_of_the_bank_is_named_with_its_number(tmp_path, line, words):
    path = tmp_path / "questions.jsonl"
    good = json.dumps({"no": 1, "category": "a", "difficulty": "b", "question": "c"})
    path.write_text(f"{good}\n\n{line}\n")
    with pytest.raises(BadInput, match=rf"questions\.jsonl:3: .*{words}"):
        load_questions(path)


def test_a_missing_or_empty_bank_is_one_clear_line(tmp_path):
    with pytest.raises(BadInput, match="EVALUATOR_QUESTIONS_FILE"):
        load_questions(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(BadInput, match="no question in it"):
        load_questions(tmp_path / "empty.jsonl")
