"""The command line, in process and with real files; a few runs in a process of their own."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.loopback import fail
from tests.test_report import FIELDS

ROOT = Path(__file__).parent.parent
ANSWER = "Gradients vanish because backprop multiplies many Jacobians smaller than one. Use residual connections."


@pytest.fixture
def run(run_cli, indexed):
    return run_cli


def test_grade_prints_a_report_as_json_with_quotes_at_their_offsets(run):
    code, out, _ = run("grade", "--question", "2", "-", "--json", stdin=ANSWER)
    report = json.loads(out)
    assert code == 0 and set(report) == FIELDS and len(report["criteria"]) == 7
    quotes = [quote for row in report["criteria"] for quote in row["evidence"]]
    assert quotes and all(ANSWER[quote["start"] : quote["end"]] == quote["quote"] for quote in quotes)


def test_grade_reads_a_file_and_prints_words_or_markdown(run, tmp_path):
    path = tmp_path / "answer.txt"
    path.write_bytes(b"\xef\xbb\xbf" + ANSWER.encode())
    code, out, _ = run("grade", "-q", "2", str(path))
    assert code == 0 and "of 100" in out and "embedded (local model, no LLM)" in out
    code, out, _ = run("grade", "-q", "2", str(path), "--markdown")
    assert code == 0 and out.startswith("# Question 2:")


def test_a_question_by_its_words_says_how_it_was_read(run):
    code, out, err = run(
        "grade", "-q", "explain dropout regularization", "--grader", "stub", "--json", stdin="Units are dropped at random."
    )
    assert code == 0 and json.loads(out)["question"] == 23
    assert "Read as question 23 (similarity 0." in err


BAD_INPUT = {
    "no such question": (["grade", "-q", "99"], b"x", "no question 99"),
    "no fitting question": (["grade", "-q", "how to cook rice"], b"x", "nearest are"),
    "twins": (["grade", "-q", "How can you diagnose overfitting and underfitting in deep learning?"], b"x", "fits 2 questions"),
    "empty question": (["grade", "-q", ""], b"x", "empty"),
    "missing file": (["grade", "-q", "2", "none.txt"], b"", "none.txt: cannot be read"),
    "a folder": (["grade", "-q", "2", "."], b"", "cannot be read"),
    "latin-1": (["grade", "-q", "2"], b"l\xe4uft", "not UTF-8"),
    "too long": (["grade", "-q", "2"], b"word " * 5000, "limit is 20,000"),
    "far too long": (["grade", "-q", "2"], b"x" * 1_000_001, "larger than"),
    "unknown category": (["questions", "list", "--category", "Cooking"], b"", "Use one of: Fundamentals"),
    "unknown number": (["questions", "show", "0"], b"", "no question 0"),
    "empty search": (["questions", "find", " "], b"", "empty"),
    "missing rubric file": (["rubrics", "check", "none.yaml"], b"", "no such file"),
    "no such rubric to test": (["rubrics", "test", "99"], b"", "Question 99 has no rubric"),
    "no key to test with": (["rubrics", "test", "2", "--grader", "llm"], b"", "OPENAI_API_KEY"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_clear_line_and_exit_code_2(run, tmp_path, monkeypatch, name):
    args, stdin, words = BAD_INPUT[name]
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*args, stdin=stdin)
    assert code == 2
    assert words in out + err
    assert "Traceback" not in err and len((out + err).strip().splitlines()) <= 2


def test_a_bad_setting_is_exit_code_2(run, monkeypatch):
    monkeypatch.setenv("EVALUATOR_TRIES", "many")
    code, _, err = run("questions", "list")
    assert code == 2 and "EVALUATOR_TRIES" in err


def test_a_grader_that_fails_is_exit_code_1_and_still_a_report(run, monkeypatch, loopback):
    loopback.script = [fail(401)]
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    code, out, _ = run("grade", "-q", "2", "--json", stdin=ANSWER)
    report = json.loads(out)
    assert code == 1 and (report["status"], report["score"], report["error"]["kind"]) == ("failed", None, "auth")
    assert report["signature"]["grader"] == "llm"


def test_the_llm_grades_when_an_address_is_set(run, monkeypatch, loopback):
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    code, out, _ = run("grade", "-q", "2", "--json", stdin=ANSWER)
    assert code == 0 and json.loads(out)["score"] == 100 and len(loopback.requests) == 1


def test_asking_for_the_llm_without_key_or_address_is_bad_input(run):
    code, _, err = run("grade", "-q", "2", "--grader", "llm", stdin=ANSWER)
    assert code == 2 and "OPENAI_API_KEY" in err


def test_control_characters_of_an_answer_never_reach_the_terminal(run):
    code, out, _ = run("grade", "-q", "2", "--grader", "stub", stdin=f"\x1b[2J\x07{ANSWER}")
    assert code == 0 and "\x1b" not in out and "\x07" not in out


def test_questions_list_shows_all_fifty_and_filters(run):
    code, out, err = run("questions", "list")
    assert code == 0 and len(out.splitlines()) == 50 and "50 questions" in err
    _, out, _ = run("questions", "list", "--category", "Fundamentals", "--difficulty", "Intermediate", "--json")
    assert [row["no"] for row in json.loads(out)] == [1]


def test_questions_show_and_find(run):
    assert "dropout" in run("questions", "show", "23")[1]
    code, out, _ = run("questions", "find", "why do deep nets lose gradients", "--json")
    assert code == 0 and json.loads(out)[0]["no"] == 2
    assert len(run("questions", "find", "dropout", "--most", "3")[1].splitlines()) == 3


def test_a_question_without_rubric_is_bad_input(run, monkeypatch, tmp_path):
    shutil.copy(ROOT / "rubrics" / "q23-dropout.yaml", tmp_path)
    monkeypatch.setenv("EVALUATOR_RUBRICS_DIR", str(tmp_path))
    code, _, err = run("grade", "-q", "3", stdin="x")
    assert code == 2 and "no rubric for question 3" in err
    _, out, err = run("questions", "list")
    assert "1 of them with a rubric" in err and [line[:3].strip() for line in out.splitlines() if line[4] == "*"] == ["23"]


def test_rubrics_show_and_index(run):
    assert "product-of-jacobians" in run("rubrics", "show", "2")[1]
    assert json.loads(run("rubrics", "show", "2", "--json")[1])["question"] == 2
    page = run("rubrics", "show", "2", "--markdown")[1]
    assert page.startswith("# Question 2: Describe the vanishing") and page.count("- Ask: ") == page.count("\n### ")
    assert "50 questions indexed anew" in run("rubrics", "index")[1] or "0 questions" in run("rubrics", "index")[1]


def test_rubrics_check_tells_faults_from_flaws_and_from_neither(run, tmp_path):
    path = tmp_path / "q23-x.yaml"
    text = (ROOT / "rubrics" / "q23-dropout.yaml").read_text()
    path.write_text(text)
    code, out, err = run("rubrics", "check", str(path))
    assert (code, out) == (0, "") and "1 rubric can be used; 0 faults and 0 flaws" in err
    data = yaml.safe_load(text)
    data["criteria"][0]["levels"][1]["anchor"] = "explained somewhat vaguely"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    code, out, err = run("rubrics", "check", str(path))
    line = 1 + next(number for number, row in enumerate(path.read_text().splitlines()) if "somewhat vaguely" in row)
    assert code == 1 and out.startswith(f"{path}:{line}: criteria[1].levels[2].anchor: is vague")
    assert run("rubrics", "check", "--faults-only", str(path))[0] == 0
    path.write_text("schema: 1\n")
    code, out, err = run("rubrics", "check", str(path))
    assert code == 2 and len(out.splitlines()) == 6 and "6 faults" in err


def test_rubrics_test_shows_expected_and_given_levels_and_fails_when_the_order_does(run):
    code, out, err = run("rubrics", "test", "23", "--grader", "stub")
    assert code == 1 and "strong 1" in out and "NOT ORDERED: strong" in out and "0 of 1 rubrics rank" in err
    code, out, err = run("rubrics", "test", "23", "10", "--grader", "stub", "--summary")
    assert code == 1 and out.count("NOT ORDERED") == 2 and len(out.splitlines()) == 2
    assert run("rubrics", "test", "23", "--grader", "stub", "--least", "0")[0] == 0
    code, out, _ = run("rubrics", "test", "23", "--grader", "stub", "--least", "0", "--json")
    assert code == 0 and json.loads(out)[0]["question"] == 23


def test_rubrics_test_says_when_exemplars_could_not_be_graded(run, monkeypatch, loopback):
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    loopback.script = [fail(400, message="no such format")]
    code, out, err = run("rubrics", "test", "23", "--grader", "llm", "--least", "0")
    assert code == 1 and "strong 1 was not graded: " in out and re.search(r"\d exemplars? could not be graded", err)


def test_rubrics_test_stops_when_a_grader_grades_nothing_at_all(run, monkeypatch, loopback, rubrics):
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    loopback.script = [fail(401, "invalid_api_key", "bad key") for _ in range(200)]
    code, out, err = run("rubrics", "test", "10", "23", "--grader", "llm")
    assert code == 1 and "Stopped" in err and "OPENAI_API_KEY" in out + err
    assert len(loopback.requests) == len(rubrics[10].exemplars)


def test_doctor_says_what_works_and_what_does_not(run, monkeypatch, loopback):
    code, out, _ = run("doctor")
    assert code == 0 and "FAIL" not in out and "not configured" in out
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    loopback.models = ["qwen3:8b"]
    code, out, _ = run("doctor", "--json")
    finding = next(row for row in json.loads(out) if row["name"] == "LLM server")
    assert code == 1 and "qwen3:8b" in finding["found"] and "EVALUATOR_MODEL" in finding["mend"]
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    code, out, _ = run("doctor")
    assert code == 1 and "FAIL LLM server: http://127.0.0.1:9/v1 cannot be reached" in out


def test_help_answers_at_once_and_loads_no_heavy_library():
    code = "import sys; sys.argv = ['evaluator', '--help']\ntry:\n import evaluator.cli as c; c.main()\nexcept SystemExit: pass\n"
    code += (
        "print([name for name in ('chromadb', 'langchain', 'openai', 'streamlit', 'numpy', 'pydantic') if name in sys.modules])"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip().endswith("[]"), done.stdout
    assert time.monotonic() - started < 10  # a hang, not a measure; benchmarks/ has the figure


def test_the_module_and_the_installed_command_are_the_same():
    command = str(Path(sys.executable).with_name("evaluator"))
    outs = [
        subprocess.run([*start, "--help"], capture_output=True, text=True, cwd=ROOT).stdout
        for start in ([command], [sys.executable, "-m", "evaluator"])
    ]
    assert outs[0] == outs[1] and "rubrics" in outs[0]


def test_an_answer_is_graded_from_any_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("grade", "-q", "2", "--json", stdin=ANSWER)
    assert code == 0 and json.loads(out)["question"] == 2
