"""Agreement between raters, and two runs side by side."""

import csv
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.agreement import (
    Pair,
    accuracy,
    correlation,
    kappa,
    mean_error,
    measure,
    precision,
    quadratic_kappa,
    recall,
)

CREDITS = st.sampled_from([0.0, 0.5, 1.0])
PAIRS = st.lists(st.builds(Pair, st.sampled_from("abcdefgh"), CREDITS, CREDITS), min_size=1, max_size=60)


def pairs_of(*rows):
    return [Pair(str(at), one, other) for at, (one, other) in enumerate(rows)]


def test_kappa_of_a_table_worked_out_by_hand():
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: accuracy .70, chance .50, kappa .40."""
    pairs = pairs_of(*[(1.0, 1.0)] * 20, *[(1.0, 0.0)] * 5, *[(0.0, 1.0)] * 10, *[(0.0, 0.0)] * 15)
    assert accuracy(pairs) == pytest.approx(0.7) and kappa(pairs) == pytest.approx(0.4)
    assert quadratic_kappa(pairs) == pytest.approx(0.4)
    assert precision(pairs) == pytest.approx(20 / 30) and recall(pairs) == pytest.approx(20 / 25)


def test_quadratic_kappa_forgives_near_misses_more_than_far_ones():
    near = pairs_of((0, 0), (0.5, 1), (1, 1), (0, 0), (1, 0.5), (0.5, 0.5))
    far = pairs_of((0, 0), (0, 1), (1, 1), (0, 0), (1, 0), (0.5, 0.5))
    assert quadratic_kappa(near) > quadratic_kappa(far)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_measures_are_symmetric_and_bounded_and_perfect_where_raters_are_one(pairs):
    turned = [Pair(pair.answer, pair.other, pair.one) for pair in pairs]
    for what in (accuracy, kappa, quadratic_kappa, mean_error, correlation):
        value, other = what(pairs), what(turned)
        assert (value is None) == (other is None) and (value is None or math.isclose(value, other, abs_tol=1e-9))
        assert value is None or value <= 1 + 1e-9
    assert precision(pairs) == recall(turned)
    same = [Pair(pair.answer, pair.one, pair.one) for pair in pairs]
    assert accuracy(same) == 1 and kappa(same) in (None, 1) and mean_error(same) == 0


def test_an_interval_holds_the_value_and_narrows_with_more_answers():
    few = [Pair(str(n), n % 2, (n // 2) % 2) for n in range(12)]
    many = [Pair(f"{n} {at}", pair.one, pair.other) for at in range(20) for n, pair in enumerate(few)]
    narrow, wide = measure(accuracy, many), measure(accuracy, few)
    assert wide.low <= wide.value <= wide.high and narrow.high - narrow.low < wide.high - wide.low
    assert measure(accuracy, few[:3]).low is None and measure(kappa, []).value is None


@pytest.fixture
def runs(tmp_path, run_cli):
    """A run of the stub grader over eight answers, in the folder `one`."""
    rows = [{"id": f"a{n}", "question": 2, "answer": f"Gradients shrink, says answer {n}."} for n in range(8)]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run_cli("batch", str(tmp_path / "answers.jsonl"), "-o", str(tmp_path / "one"), "--grader", "stub")[0] == 0
    return tmp_path


def test_a_run_agrees_with_itself_in_whatever_form_the_ratings_come(runs, run_cli):
    lines = [json.loads(line) for line in (runs / "one" / "scores.jsonl").read_text().splitlines()]
    names = [criterion["id"] for criterion in lines[0]["criteria"]]
    with (runs / "wide.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "score", *names])
        writer.writerows([line["id"], line["score"], *(c["level"] for c in line["criteria"])] for line in lines)
    for ratings in ("wide.csv", "one/criteria.csv"):
        code, out, err = run_cli("agreement", str(runs / "one"), str(runs / ratings), "--json")
        assert code == 0, err
        told = json.loads(out)
        assert told["ratings"] == told["covered"] and told["all_points"]["accuracy"]["value"] == 1
        assert told["all_points"]["kappa"]["value"] == 1
    assert "all points" in run_cli("agreement", str(runs / "one"), str(runs / "wide.csv"))[1]


def test_ratings_of_what_the_run_does_not_have_are_counted_and_not_held_against_it(runs, run_cli):
    (runs / "r.csv").write_text("id,criterion,level\na1,product-of-jacobians,met\nzz,product-of-jacobians,met\n")
    told = json.loads(run_cli("agreement", str(runs / "one"), str(runs / "r.csv"), "--json")[1])
    assert (told["ratings"], told["covered"], told["all_points"]["accuracy"]["value"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,criterion,level\na1,nothing-such,met\n", None),
        ("id,criterion,level\na1,product-of-jacobians,great\n", "is no level of"),
        ("id,criterion,level\na1,product-of-jacobians,1.5\n", "is no level of"),
        ("id,score\na1,110\n", "is no score"),
        ("id,score\n,10\n", "no id"),
        ("id,note\na1,x\n", "no rating in it"),
    ],
)
def test_ratings_that_cannot_be_read_are_named(runs, run_cli, text, said):
    (runs / "r.csv").write_text(text)
    code, out, err = run_cli("agreement", str(runs / "one"), str(runs / "r.csv"))
    if said is None:
        assert code == 0 and "0 of 1 ratings" in out
    else:
        assert code == 2 and said in err


def test_two_equal_runs_compare_as_equal_and_an_edited_answer_is_the_reason_given(runs, run_cli):
    text = (runs / "answers.jsonl").read_text()
    (runs / "answers.jsonl").write_text(text)
    run_cli("batch", str(runs / "answers.jsonl"), "-o", str(runs / "two"), "--grader", "stub")
    code, out, _ = run_cli("compare", str(runs / "one"), str(runs / "two"))
    assert code == 0 and "0 of 8 answers in both runs changed" in out
    (runs / "answers.jsonl").write_text(text.replace("Gradients shrink, says answer 3.", ""))
    run_cli("batch", str(runs / "answers.jsonl"), "-o", str(runs / "three"), "--grader", "stub")
    code, out, _ = run_cli("compare", str(runs / "one"), str(runs / "three"))
    assert code == 1 and "the answer was edited" in out and "a3 (question 2)" in out and "1 of 8" in out


def test_comparing_what_is_no_run_is_one_clear_line(runs, run_cli):
    (runs / "empty").mkdir()
    code, _, err = run_cli("compare", str(runs / "one"), str(runs / "empty"))
    assert code == 2 and "there is no run in it" in err
