"""A batch loses nothing: stopped, killed, run again, changed under its feet, crowded."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluator.batch.unit import grade_unit
from tests.loopback import complete, fail, grade_well, one_at_a_time

ROOT = Path(__file__).parent.parent
FINAL = ("scores.jsonl", "scores.csv", "criteria.csv", "failed.csv", "scores.svg", "summary.md")


def write_answers(path, count, questions=(2, 23)):
    rows = [
        {"id": f"a{n}", "question": questions[n % len(questions)], "candidate": f"c{n % 3}", "group": n % 4,
         "answer": f"Gradients shrink layer by layer in deep nets. This is answer {n}."}
        for n in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def files_of(folder):
    return {name: (folder / name).read_bytes() for name in FINAL}


def lines_of(folder):
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


@pytest.fixture
def place(tmp_path):
    write_answers(tmp_path / "answers.jsonl", 12)
    return tmp_path


@pytest.fixture
def batch(place, run_cli, monkeypatch, loopback):
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)

    def run(*more, out="run", file="answers.jsonl", grader="stub"):
        return run_cli("batch", str(place / file), "-o", str(place / out), "--grader", grader, *more)

    return run


def test_every_answer_has_one_line_in_the_order_of_the_file_and_its_columns_travel_through(place, batch):
    code, _, err = batch()
    lines = lines_of(place / "run")
    assert (code, [line["id"] for line in lines]) == (0, [f"a{n}" for n in range(12)]), err
    assert [(line["candidate"], line["more"]) for line in lines] == [(f"c{n % 3}", {"group": n % 4}) for n in range(12)]
    assert not [path.name for path in (place / "run").iterdir() if path.name.startswith(".") and path.name != ".lock"]
    manifest = json.loads((place / "run" / "run.json").read_text())
    assert manifest["state"] == "done" and manifest["counts"]["graded"] == 12


def test_the_same_command_again_asks_nothing_and_changes_no_byte(place, batch, loopback):
    batch(grader="llm")
    before, asked = files_of(place / "run"), len(loopback.requests)
    code, _, err = batch("--no-cache", grader="llm")
    assert (code, len(loopback.requests), files_of(place / "run")) == (0, asked, before), err
    assert asked == 12


def test_what_failed_is_tried_again_and_what_was_graded_is_not(place, batch, loopback):
    loopback.script = [fail(400, message="no")] * 3
    code, _, err = batch("--jobs", "1", grader="llm")
    assert code == 1 and "failed.csv" in err
    failed = [line["id"] for line in lines_of(place / "run") if line["status"] == "failed"]
    asked = len(loopback.requests)
    assert failed and (place / "run" / "failed.csv").read_text().count("\n") == len(failed) + 1
    assert batch(grader="llm")[0] == 0
    assert len(loopback.requests) == asked + len(failed)
    batch(out="fresh", grader="llm")
    assert files_of(place / "run") == files_of(place / "fresh")


def test_identical_answers_are_graded_once_and_each_has_its_line(place, batch, loopback):
    rows = write_answers(place / "answers.jsonl", 4)
    twins = [*rows, {**rows[0], "id": "twin", "candidate": "other"}]
    (place / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in twins))
    assert batch(grader="llm")[0] == 0
    assert len(loopback.requests) == 4
    first, *_, twin = lines_of(place / "run")
    assert twin["candidate"] == "other" and twin["criteria"] == first["criteria"]
    assert "twin" in (place / "run" / "summary.md").read_text()


def test_answers_that_are_nearly_the_same_are_grouped_in_the_summary_and_blank_ones_are_not(place, batch):
    rows = write_answers(place / "answers.jsonl", 2)
    nearly = {**rows[0], "id": "nearly", "answer": rows[0]["answer"].upper().replace(".", " !")}
    blank = [{**rows[0], "id": name, "answer": " "} for name in ("blank-1", "blank-2")]
    (place / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, nearly, *blank]))
    batch()
    summary = (place / "run" / "summary.md").read_text()
    assert "- a0, nearly\n" in summary and "- blank-1" not in summary


def test_the_plot_is_well_formed_and_shows_every_rubric_point(place, batch, rubrics):
    batch()
    tree = ElementTree.parse(place / "run" / "scores.svg")
    texts = {node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")}
    assert {criterion.id for no in (2, 23) for criterion in rubrics[no].criteria} <= texts


def test_a_twin_that_comes_later_is_not_asked_for(place, batch, loopback):
    rows = write_answers(place / "answers.jsonl", 4)
    batch(grader="llm")
    (place / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {**rows[0], "id": "twin"}]))
    assert batch("--no-cache", grader="llm")[0] == 0
    assert len(loopback.requests) == 4 and lines_of(place / "run")[-1]["id"] == "twin"


def test_bad_rows_are_listed_and_strict_grades_nothing(place, batch):
    with (place / "answers.jsonl").open("a") as file:
        file.write('{"id": "b1", "question": 99, "answer": "x"}\n')
    code, _, err = batch("--strict", out="strict")
    assert code == 2 and "row 13" in err and "question 99" in err and not (place / "strict" / "scores.jsonl").exists()
    code, _, err = batch()
    assert code == 1 and len(lines_of(place / "run")) == 12
    assert "13,b1,,bad_row,there is no question 99" in (place / "run" / "failed.csv").read_text()


def test_a_run_made_otherwise_is_refused_with_the_reason_until_it_is_told_what_to_do(place, batch, loopback, monkeypatch):
    batch(grader="llm")
    before = files_of(place / "run")
    monkeypatch.setenv("EVALUATOR_MODEL", "another")
    code, _, err = batch(grader="llm")
    assert code == 2 and "the model was gpt-4.1-mini and is another" in err and "--regrade changed" in err
    assert files_of(place / "run") == before
    asked = len(loopback.requests)
    assert batch("--regrade", "changed", grader="llm")[0] == 0
    assert len(loopback.requests) == asked + 12
    assert {line["signature"]["model"] for line in lines_of(place / "run")} == {"another"}
    assert batch("--new", grader="stub")[0] == 0
    assert {line["signature"]["grader"] for line in lines_of(place / "run")} == {"stub"}


def test_only_answers_to_an_edited_rubric_are_graded_anew(place, batch, loopback, monkeypatch):
    batch(grader="llm")
    folder = place / "rubrics"
    folder.mkdir()
    for path in (ROOT / "rubrics").glob("q*.yaml"):
        text = path.read_text()
        (folder / path.name).write_text(text.replace("version: 1", "version: 2", 1) if path.name.startswith("q02") else text)
    monkeypatch.setenv("EVALUATOR_RUBRICS_DIR", str(folder))
    code, _, err = batch(grader="llm")
    assert code == 2 and "rubric of question 2 was 1 and is 2" in err
    asked = len(loopback.requests)
    assert batch("--regrade", "changed", grader="llm")[0] == 0
    assert len(loopback.requests) == asked + 6


def test_reports_on_answers_that_are_gone_are_never_dropped(place, batch):
    batch()
    before = files_of(place / "run")
    write_answers(place / "answers.jsonl", 11)
    code, _, err = batch()
    assert code == 2 and 'id "a11"' in err and files_of(place / "run") == before


def test_a_changed_answer_is_graded_anew(place, batch, loopback):
    batch(grader="llm")
    rows = write_answers(place / "answers.jsonl", 12)
    rows[3]["answer"] = "Something else about gradients that shrink."
    (place / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert batch(grader="llm")[0] == 0
    assert len(loopback.requests) == 13 and len(lines_of(place / "run")) == 12


@pytest.mark.parametrize("torn", [1, 40, 3_000])
def test_a_torn_tail_is_mended(place, batch, torn):
    batch()
    before = files_of(place / "run")
    scores = place / "run" / "scores.jsonl"
    scores.write_bytes(scores.read_bytes()[:-torn])
    assert batch()[0] == 0
    assert files_of(place / "run") == before


def test_a_dry_run_counts_everything_and_touches_nothing(place, batch, loopback):
    rows = write_answers(place / "answers.jsonl", 12)
    extra = [{**rows[0], "id": "twin"}, {"id": "b", "question": 99, "answer": ""}]
    (place / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, *extra]))
    code, out, _ = batch("--dry-run", grader="llm")
    assert code == 0 and not loopback.requests and not (place / "run").exists()
    for words in (
        "13 answers",
        "1 rows that cannot",
        "question 99",
        "1 answers are copies",
        "12 gradings",
        "12 requests",
        "tokens",
    ):
        assert words in out
    batch("--max-requests", "5", "--jobs", "1", grader="llm")
    assert "7 gradings" in batch("--dry-run", grader="llm")[1]


def test_a_mean_score_under_the_line_fails_a_pipeline(batch):
    assert batch("--fail-under", "10")[0] == 0
    code, _, err = batch("--fail-under", "99")
    assert code == 1 and "under 99" in err


def test_a_bad_file_with_new_leaves_the_old_run_alone(place, batch):
    batch()
    before = files_of(place / "run")
    (place / "answers.jsonl").write_text("not json\n")
    assert batch("--new")[0] == 2 and files_of(place / "run") == before


def test_a_unit_graded_elsewhere_is_what_the_run_has_in_its_folder(place, batch):
    batch()
    lines = lines_of(place / "run")
    answers = {json.loads(line)["id"]: json.loads(line) for line in (place / "answers.jsonl").read_text().splitlines()}
    unit = {
        "question": 2,
        "answers": {line["answer_hash"]: answers[line["id"]]["answer"] for line in lines if line["question"] == 2},
        "settings": {"grader": "stub"},
    }
    graded = json.loads(json.dumps(grade_unit(json.loads(json.dumps(unit)))))
    expected = {line["answer_hash"]: line for line in lines}
    assert len(graded) == 6
    for entry in graded:
        assert expected[entry["key"]] == expected[entry["key"]] | entry["report"]


def test_limits_stop_the_run_cleanly_and_it_goes_on_from_there(place, batch, loopback):
    code, _, err = batch("--max-requests", "5", "--jobs", "1", grader="llm")
    assert code == 1 and "limit of 5 requests" in err and "goes on from here" in err
    assert len(loopback.requests) == 5
    assert batch(grader="llm")[0] == 0 and len(loopback.requests) == 12


def test_a_key_that_is_refused_stops_the_run_at_once(place, batch, loopback):
    loopback.model = grade_well
    loopback.script = [fail(401)] * 50
    code, _, err = batch("--jobs", "2", grader="llm")
    assert code == 1 and "refused the key" in err and len(loopback.requests) <= 3


def test_a_server_that_is_gone_stops_the_run_and_what_failed_is_asked_again_later(place, batch, loopback, monkeypatch):
    write_answers(place / "answers.jsonl", 60)
    monkeypatch.setenv("EVALUATOR_TRIES", "1")
    loopback.script = [complete(grade_well)] * 5 + [fail(503)] * 50
    code, _, err = batch("--jobs", "2", grader="llm")
    assert code == 1 and "10 answers in a row failed" in err and "goes on from here" in err
    assert len(loopback.requests) <= 5 + 10 + 2
    loopback.script = []
    assert batch("--jobs", "2", grader="llm")[0] == 0
    assert {line["status"] for line in lines_of(place / "run")} == {"final"}


def test_one_answer_finds_out_how_a_server_can_be_asked_and_the_others_wait_for_it(place, batch, loopback):
    loopback.refuses = {form: (400, f"{form} is not supported") for form in ("json_schema", "tool", "json_object_schema")}
    assert batch("--jobs", "12", grader="llm")[0] == 0
    assert loopback.forms[:3] == ["json_schema", "tool", "json_object_schema"]
    assert loopback.forms[3:] == ["json_object"] * 12


def test_a_request_that_hangs_is_made_anew_and_what_it_took_is_counted(place, batch, loopback):
    rows = write_answers(place / "answers.jsonl", 40)
    usual, seen = complete(grade_well), set()

    def hang_once(handler, body):
        text = body["messages"][-1]["content"]
        late_one = next((row["id"] for row in rows[10:13] if row["answer"] in text and row["id"] not in seen), None)
        if late_one:
            seen.add(late_one)
            time.sleep(8)
        usual(handler, body)

    loopback.script = [hang_once] * 60
    began = time.monotonic()
    assert batch("--jobs", "4", grader="llm")[0] == 0
    requests = len(loopback.requests)
    assert time.monotonic() - began < 8 and len(seen) == 3 and 43 <= requests <= 46  # a busy machine may make one more seem slow
    record = json.loads((place / "run" / "run.json").read_text())["usage"]
    assert record["requests"] == requests and record["prompt_tokens"] == requests * 900


@pytest.mark.parametrize("deadline", ["120", "0.8"])
def test_a_server_that_answers_one_after_the_other_gets_no_more_than_it_can_answer_in_time(
    place, batch, loopback, monkeypatch, deadline
):
    monkeypatch.setenv("EVALUATOR_TIMEOUT", "0.8")
    monkeypatch.setenv("EVALUATOR_DEADLINE", deadline)
    monkeypatch.setenv("EVALUATOR_SECOND_LOOK", "off")
    write_answers(place / "answers.jsonl", 24)
    loopback.script = [one_at_a_time(0.1)] * 400
    code, _, err = batch("--jobs", "16", grader="llm")
    lines = lines_of(place / "run")
    assert code == 0 and all(line["status"] == "final" for line in lines), err
    assert len(loopback.requests) <= 24 + 32


def test_a_folder_that_holds_something_else_is_left_alone(place, batch):
    (place / "run").mkdir()
    (place / "run" / "thesis.txt").write_text("mine")
    code, _, err = batch("--new")
    assert code == 2 and "thesis.txt" in err and (place / "run" / "thesis.txt").read_text() == "mine"


def late(seconds):
    def act(handler, body):
        time.sleep(seconds)
        complete(grade_well)(handler, body)

    return act


def start(place, url, out, *more):
    env = os.environ | {"OPENAI_BASE_URL": url, "EVALUATOR_DATA_DIR": str(place / "data"), "HOME": str(place)}
    command = [
        sys.executable,
        "-m",
        "evaluator",
        "batch",
        str(place / "answers.jsonl"),
        "-o",
        str(place / out),
        "--no-cache",
        *more,
    ]
    return subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_process_on_one_folder_stops_with_a_clear_line(place, batch, loopback):
    loopback.script = [late(3)] * 12
    first = start(place, loopback.url, "run", "--jobs", "2")
    try:
        while not loopback.requests:
            time.sleep(0.02)
            assert first.poll() is None, first.stderr.read()
        code, _, err = batch(grader="llm")
        assert code == 2 and "another process" in err
    finally:
        first.kill()
        first.wait()


def test_ctrl_c_finishes_what_was_begun_and_says_how_to_go_on(place, batch, loopback):
    loopback.script = [late(0.3)] * 12
    process = start(place, loopback.url, "run", "--jobs", "2")
    while len(loopback.requests) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1 and "goes on from here" in err, err
    assert len(lines_of(place / "run")) == len(loopback.requests) < 12
    loopback.script = []
    assert batch(grader="llm")[0] == 0 and len(loopback.requests) == 12


NURSERY = """
import os, sys
from evaluator import cli
import evaluator.assembly, evaluator.batch.job, evaluator.graders.llm, evaluator.graders.cached
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv = ["evaluator", *line.split("\\t")[:-1]]
        try:
            cli.main()
        finally:
            os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
"""Starts the command again and again without importing its libraries again and again."""


@pytest.fixture
def nursery(place, loopback):
    env = os.environ | {"OPENAI_BASE_URL": loopback.url, "EVALUATOR_DATA_DIR": str(place / "data"), "HOME": str(place)}
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY], env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    yield process
    process.stdin.close()
    process.wait(20)


def test_killed_at_twenty_random_moments_nothing_is_lost_and_the_files_are_the_same(place, batch, loopback, nursery):
    """Asked twice is at most what was in flight at each kill."""
    jobs, kills = 4, 20
    write_answers(place / "answers.jsonl", 120)
    assert batch(out="whole", grader="llm")[0] == 0
    whole = len(loopback.requests)
    rng = random.Random(6)
    loopback.model = lambda body: time.sleep(0.02) or grade_well(body)
    words = [
        "batch",
        str(place / "answers.jsonl"),
        "-o",
        str(place / "run"),
        "--no-cache",
        "--grader",
        "llm",
        "--jobs",
        str(jobs),
    ]
    for _ in range(kills):
        nursery.stdin.write("\t".join(words) + "\t\n")
        nursery.stdin.flush()
        child = int(nursery.stdout.readline())
        goal = len(loopback.requests) + rng.randint(0, 4)
        deadline = time.monotonic() + 20
        while len(loopback.requests) <= goal and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        assert nursery.stdout.readline() == "ended\n"
    kept = len({line["id"] for line in lines_of(place / "run")})
    assert 0 < kept < 120
    loopback.model = grade_well
    assert batch("--no-cache", grader="llm")[0] == 0
    assert files_of(place / "run") == files_of(place / "whole")
    assert len(loopback.requests) - whole <= 120 + jobs * kills
