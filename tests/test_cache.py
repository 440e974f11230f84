"""The cache of verified verdicts: what is kept, what is never met again, and what a killed or crowded program leaves behind."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.cache import VerdictCache
from evaluator.graders import prompt
from evaluator.graders.cached import CachedGrader
from evaluator.graders.llm import LLMGrader, LLMOptions
from evaluator.grading import grade_answer
from evaluator.questions import Question
from tests.factory import criterion, small_rubric
from tests.loopback import complete, fail, hang, verdict, write_verdicts

ROOT = Path(__file__).parent.parent
QUESTION = Question(2, "Fundamentals", "Advanced", "Does alpha hold?")
ANSWER = "I say that alpha holds and beta holds too."
RUBRIC = small_rubric()
KEY = "sk-not-for-the-cache"


@pytest.fixture
def cache(tmp_path):
    cache = VerdictCache(tmp_path / "data" / "cache.sqlite")
    yield cache
    cache.close()


@pytest.fixture
def grade(loopback, cache):
    def run(answer=ANSWER, rubric=RUBRIC, question=QUESTION, model="gpt-4.1-mini", url="", held=None, **options):
        grader = LLMGrader(model, KEY, url or loopback.url, LLMOptions(tries=1, **options), notebook=held or cache)
        return grade_answer(question, rubric, answer, CachedGrader(grader, held or cache))

    return run


def test_the_same_grading_is_asked_for_once(grade, loopback):
    first, second = grade(), grade()
    assert len(loopback.requests) == 1
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.usage.requests == 0 and second.to_data()["usage"]["cost_usd"] == 0
    same = ("score", "criteria", "review_reasons", "signature", "status")
    assert [first.to_data()[field] for field in same] == [second.to_data()[field] for field in same]


def test_misconceptions_and_suspicious_text_are_kept_too(grade, loopback):
    loopback.model = write_verdicts(
        verdict("alpha", "contradicted", ["alpha holds"], misconception=1), suspicious=["beta holds too"]
    )
    first, second = grade(), grade()
    assert second.from_cache and second.verdicts[0].misconception == first.verdicts[0].misconception is not None
    assert second.suspicious == first.suspicious != ()


CHANGES = {
    "answer": {"answer": ANSWER + " So there."},
    "one space of the answer": {"answer": ANSWER + " "},
    "rubric": {"rubric": small_rubric(criterion("alpha", 2), *(criterion(id) for id in ("beta", "gamma", "delta")))},
    "question": {"question": replace(QUESTION, text="Does alpha really hold?")},
    "model": {"model": "another"},
    "temperature": {"temperature": 0.5},
    "number of exemplars": {"exemplars": 0},
    "second look": {"second_look": "off"},
    "second model": {"second_model": "bigger"},
    "reply budget": {"max_tokens": 900},
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_asks_anew(grade, loopback, name):
    grade()
    assert not grade(**CHANGES[name]).from_cache
    assert len(loopback.requests) == 2
    assert grade().from_cache


def test_another_server_asks_anew(grade, loopback):
    grade()
    assert not grade(url=loopback.url.replace("127.0.0.1", "localhost")).from_cache


def test_an_edited_prompt_asks_anew(grade, loopback, monkeypatch):
    grade()
    monkeypatch.setattr("evaluator.graders.llm.prompt_hash", lambda: "edited")
    assert not grade().from_cache


def test_an_edited_schema_asks_anew(grade, loopback, monkeypatch):
    grade()
    monkeypatch.setattr("evaluator.graders.llm.reply_schema", lambda criteria: {**prompt.reply_schema(criteria), "title": "new"})
    assert not grade().from_cache


UNVERIFIED = {
    "a failure": fail(401),
    "a broken reply": complete("{}"),
    "a quote that is not there": complete(write_verdicts(verdict("alpha", "met", ["never said so"]))),
    "a refusal": complete("", refusal="no"),
    "a truncated reply": complete(write_verdicts(), finish="length"),
}


@pytest.mark.parametrize("name", UNVERIFIED)
def test_what_was_not_verified_is_not_kept(grade, loopback, cache, name):
    loopback.script = [UNVERIFIED[name]] * 9
    grade()
    loopback.script = []
    assert cache.stats() == []
    assert grade().status == "final" and not grade("another answer, alpha holds").from_cache


def test_a_failed_second_look_is_not_kept(grade, loopback, cache):
    loopback.script = [complete(write_verdicts(verdict("alpha", "partly", ["alpha holds"]))), fail(401)]
    assert "second_look_failed" in grade().review_reasons
    assert cache.stats() == []


def test_a_changed_cache_gives_no_credit_without_evidence(grade, loopback, cache):
    loopback.model = write_verdicts()
    grade()
    cache.close()
    with sqlite3.connect(cache.path) as db:
        (text,) = db.execute("SELECT graded FROM verdicts").fetchone()
        db.execute("UPDATE verdicts SET graded = ?", (text.replace('"missed"', '"met"'),))
    db.close()
    report = grade()
    assert report.from_cache and report.score.value is None


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]", "{}", '{"verdicts": [{"criterion": "omega"}]}', '{"verdicts": 3}'])
def test_a_row_that_is_not_ours_is_asked_for_anew(grade, loopback, cache, text):
    grade()
    cache.close()
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE verdicts SET graded = ?", (text,))
    db.close()
    assert grade().score.value == 100 and len(loopback.requests) == 2


def test_a_review_reason_that_does_not_exist_is_left_out(grade, loopback, cache):
    grade()
    cache.close()
    with sqlite3.connect(cache.path) as db:
        db.execute(
            'UPDATE verdicts SET graded = replace(graded, \'"review_reasons": []\', \'"review_reasons": ["hacked", "disputed"]\')'
        )
    db.close()
    assert grade().review_reasons == ("disputed",)


def test_neither_key_nor_prompt_is_in_the_file(grade, cache):
    grade()
    cache.close()
    data = b"".join(path.read_bytes() for path in cache.path.parent.iterdir())
    assert KEY.encode() not in data and b"You grade one answer" not in data


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_damaged_file_is_begun_anew_and_never_fails_a_grading(grade, cache, damage):
    cache.path.parent.mkdir(parents=True)
    cache.path.write_bytes(damage)
    assert grade().status == "final"
    assert grade().from_cache


def test_a_file_of_an_older_layout_is_begun_anew(grade, cache):
    grade()
    cache.close()
    with sqlite3.connect(cache.path) as db:
        db.execute("PRAGMA user_version = 77")
    db.close()
    assert not grade().from_cache and grade().from_cache


def test_a_place_that_cannot_be_written_only_means_that_nothing_is_kept(grade, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    held = VerdictCache(tmp_path / "file" / "cache.sqlite")
    assert grade(held=held).status == "final"
    assert not grade(held=held).from_cache
    assert held.stats() == [] and held.clear() == 0


def test_a_full_disk_only_means_that_nothing_is_kept(grade, cache):
    grade()
    cache._opened().execute("PRAGMA max_page_count = 1")  # SQLite's own "database or disk is full"
    cache._opened().execute("PRAGMA max_page_count = 8")
    assert grade("alpha holds, " * 1_500).status == "final"
    assert grade("alpha holds, " * 1_500).status == "final"


def test_stats_count_by_model_and_clear_forgets(grade, loopback, cache):
    grade()
    grade(answer="alpha holds for sure")
    grade(model="another")
    assert [row[:2] for row in cache.stats()] == [("another", 1), ("gpt-4.1-mini", 2)]
    assert cache.clear() == 3 and cache.stats() == []
    assert not grade().from_cache


# --- how servers want to be asked


def test_a_rung_found_once_is_remembered_by_another_process(grade, loopback, cache):
    loopback.refuses = {"json_schema": (400, "response_format is not supported")}
    grade()
    assert loopback.forms == ["json_schema", "tool"]
    grade("alpha holds, another grader object")
    assert loopback.forms[2:] == ["tool"]
    grade("alpha holds, on another server", url=loopback.url.replace("127.0.0.1", "localhost"))
    assert loopback.forms[3:] == ["json_schema", "tool"]
    grade("alpha holds, by another model", model="another")
    assert loopback.forms[5:] == ["json_schema", "tool"]


def test_a_rung_is_forgotten_after_a_week(grade, loopback, cache, monkeypatch):
    loopback.refuses = {"json_schema": (400, "response_format is not supported")}
    grade()
    monkeypatch.setattr("evaluator.cache.DIALECT_DAYS", -1)
    grade("alpha holds, a week later")
    assert loopback.forms == ["json_schema", "tool"] * 2


# --- several at once, and killed


def test_ten_processes_on_one_file_lose_nothing(tmp_path):
    path = tmp_path / "cache.sqlite"
    work = (
        "import sys; from pathlib import Path; from evaluator.cache import VerdictCache\n"
        "cache = VerdictCache(Path(sys.argv[1]))\n"
        "for n in range(30):\n"
        "    cache.put(f'{sys.argv[2]}-{n}', 2, 'm', {'n': n}); assert cache.get(f'{sys.argv[2]}-{n}') == {'n': n}\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", work, str(path), str(number)], cwd=ROOT) for number in range(10)]
    assert [run.wait(60) for run in runs] == [0] * 10
    assert VerdictCache(path).stats()[0][1] == 300


def test_ten_graders_in_threads_lose_nothing(grade, cache, loopback):
    with ThreadPoolExecutor(10) as pool:
        reports = list(pool.map(lambda number: grade(f"alpha holds, answer number {number}"), range(40)))
    assert all(report.score.value == 100 for report in reports)
    assert cache.stats()[0][1] == len(loopback.requests) == 40


@pytest.mark.parametrize("moment", ["asking", "keeping"])
def test_killed_in_the_middle_leaves_no_half_verdict(loopback, tmp_path, moment):
    """kill -9 while the model is thinking, and while verdicts are written one after another."""
    path = tmp_path / "data" / "cache.sqlite"
    work = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.test_cache import *\n"
        "held = VerdictCache(Path(sys.argv[1]))\n"
        "for n in range(10_000):\n"
        "    grader = CachedGrader(LLMGrader('m', '', sys.argv[2], LLMOptions(exemplars=0)), held)\n"
        "    grade_answer(QUESTION, RUBRIC, f'alpha holds, {n}', grader)\n"
        "    print(n, flush=True)\n"
    )
    if moment == "asking":
        loopback.script = [complete(loopback.model)] * 3 + [hang(5)] * 3
    run = subprocess.Popen(
        [sys.executable, "-c", work, str(path), loopback.url], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    done = 0
    while done < (3 if moment == "asking" else 12):
        done = int(run.stdout.readline()) + 1
    if moment == "asking":
        while len(loopback.requests) < 4:
            time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait(10)
    cache = VerdictCache(path)
    kept = cache.stats()[0][1]
    assert done <= kept <= done + 2
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for (text,) in db.execute("SELECT graded FROM verdicts"):
            assert len(json.loads(text)["verdicts"]) == 4
    db.close()


def test_a_killed_command_leaves_store_and_cache_as_they_were(loopback, tmp_path, indexed, run_cli, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    text = "Backprop multiplies many Jacobians."
    loopback.script = [hang(20)]
    run = subprocess.Popen(
        [sys.executable, "-m", "evaluator", "grade", "-q", "2", "-"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    run.stdin.write(text)
    run.stdin.close()
    while not loopback.requests:
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait(10)
    code, out, err = run_cli("grade", "-q", "2", "--json", stdin=text)
    report = json.loads(out)
    assert (code, err, report["status"], report["from_cache"]) == (0, "", "final", False)
    assert json.loads(run_cli("grade", "-q", "2", "--json", stdin=text)[1])["from_cache"]


def test_a_damaged_file_that_cannot_be_put_aside_only_means_that_nothing_is_kept(grade, cache):
    cache.path.parent.mkdir(parents=True)
    cache.path.write_bytes(b"no database at all" * 100)
    (cache.path.parent / f"{cache.path.name}.damaged").mkdir()
    assert grade().status == "final" and not grade().from_cache


def test_a_locked_file_holds_nobody_up_for_long(grade, cache):
    grade()
    with sqlite3.connect(cache.path) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert grade("alpha holds, while another process writes for ever").status == "final"
        assert time.monotonic() - started < 8
        other.rollback()
    other.close()
    assert grade().from_cache


@pytest.mark.parametrize("confidence", ['"nan"', "7", "-1", "1" + "0" * 400])
def test_a_confidence_that_is_none_is_asked_for_anew(grade, loopback, cache, confidence):
    grade()
    cache.close()
    with sqlite3.connect(cache.path) as db:
        (text,) = db.execute("SELECT graded FROM verdicts").fetchone()
        db.execute("UPDATE verdicts SET graded = ?", (text.replace('"confidence": 0.9', f'"confidence": {confidence}'),))
    db.close()
    assert grade().score.value == 100 and len(loopback.requests) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_grades_with_a_loop_of_its_own(loopback):
    work = (
        "import os, sys\nfrom tests.test_cache import *\n"
        "def once(): return grade_answer(QUESTION, RUBRIC, ANSWER, LLMGrader('m', '', sys.argv[1], LLMOptions(tries=1))).status\n"
        "assert once() == 'final'\nchild = os.fork()\n"
        "if child == 0:\n    os._exit(0 if once() == 'final' else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", work, loopback.url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_ctrl_c_while_a_model_thinks_stops_at_once_and_says_so(loopback, indexed, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    loopback.script = [hang(20)]
    command = [sys.executable, "-m", "evaluator", "grade", "-q", "2", "-"]
    run = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run.stdin.write("Backprop multiplies many Jacobians.")
    run.stdin.close()
    while not loopback.requests:
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    assert run.wait(15) == 130
    assert (run.stdout.read(), run.stderr.read().strip().splitlines()[-1][:8]) == ("", "Stopped.")
