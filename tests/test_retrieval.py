"""The Chroma store: on disk, damaged in every way, and checked on every retrieval."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluator.embedding import EndpointEmbedder
from evaluator.errors import BadQuestion, BadRubric, StoreFailed
from evaluator.retrieval import RubricStore

RUBRICS = Path(__file__).parent.parent / "rubrics"


def reopen(store, **changes):
    """A second store on the same folder, as another run of the program would open it."""
    store._chroma.forget()
    embedder = changes.get("embedder", store._chroma._embedder)
    return RubricStore(store._bank, store._rubrics_dir, embedder, store._chroma.folder)


@pytest.fixture
def small_store(bank, embedder, tmp_path):
    """Two rubrics of our own to edit."""
    folder = tmp_path / "rubrics"
    folder.mkdir()
    for name in ("q02-vanishing-exploding-gradients.yaml", "q23-dropout.yaml"):
        shutil.copy(RUBRICS / name, folder)
    return RubricStore(bank, folder, embedder, tmp_path / "chroma")


def test_every_rubric_comes_back_from_chroma_as_its_file_has_it(store, rubrics):
    for no, rubric in rubrics.items():
        assert store.rubric(no) == rubric
    assert len(store.notices) == 1 and "was empty; it has been built" in store.notices[0]


def test_questions_with_the_same_text_have_their_own_rubrics(store):
    assert store.rubric(1).hash != store.rubric(8).hash
    assert (store.rubric(1).question, store.rubric(8).question) == (1, 8)


def test_a_question_is_found_by_meaning(store):
    matches = store.find("why do deep nets lose gradients")
    assert matches[0].question.no == 2 and matches[0].has_rubric
    assert [m.similarity for m in matches] == sorted((m.similarity for m in matches), reverse=True)
    assert len(store.find("dropout", most=50)) == 50


def test_both_twins_are_offered_by_meaning(store):
    assert {match.question.no for match in store.find("overfitting and underfitting", most=2)} == {1, 8}
    for text in (store._bank[1].text, "How do you diagnose overfitting and underfitting?"):
        with pytest.raises(BadQuestion, match=r"fits 2 questions: 1 \(Intermediate.*8 \(Advanced"):
            store.resolve(text)


@pytest.mark.parametrize(
    ("text", "no"),
    [
        ("2", 2),
        (" #23 ", 23),
        ("What are vanishing and exploding gradients, and how do you fix them?", 2),
        ("explain dropout", 23),
    ],
)
def test_a_text_close_enough_is_resolved_and_says_how_close(store, text, no):
    match = store.resolve(text)
    assert match.question.no == no
    assert 0.6 <= match.similarity <= 1


@pytest.mark.parametrize(
    "text", ["How do I cook rice?", "What is positional encoding in transformers?", "Explain k-means clustering", "x"]
)
def test_a_text_that_fits_no_question_names_the_nearest(store, text):
    with pytest.raises(BadQuestion, match=r"No rubric for this question; nearest are \d+ "):
        store.resolve(text)


def test_an_empty_search_and_a_question_without_rubric_are_bad_input(small_store):
    with pytest.raises(BadQuestion, match="empty"):
        small_store.find("  ")
    with pytest.raises(BadRubric, match=r"no rubric for question 3 yet.*2, 23"):
        small_store.rubric(3)


def test_only_what_changed_is_indexed_again(small_store, monkeypatch):
    assert small_store.index_all() == (50, [])
    again = reopen(small_store)
    assert again.index_all() == (0, [])
    path = small_store._rubrics_dir / "q23-dropout.yaml"
    path.write_text(path.read_text().replace("\nversion: 1\n", "\nversion: 2\n"))
    assert again.index_all() == (1, [])


def test_an_edited_rubric_is_never_served_from_the_old_index(small_store):
    old = small_store.rubric(23)
    path = small_store._rubrics_dir / "q23-dropout.yaml"
    path.write_text(path.read_text().replace("\nversion: 1\n", "\nversion: 2\n"))
    assert (old.version, small_store.rubric(23).version) == (1, 2)
    path.write_text("schema: 1\n")
    with pytest.raises(BadRubric):
        small_store.rubric(23)
    assert small_store.rubric(2).question == 2
    path.unlink()
    with pytest.raises(BadRubric, match="no rubric for question 23"):
        small_store.rubric(23)


def test_a_file_with_faults_is_left_out_with_a_notice_and_harms_no_other(small_store):
    (small_store._rubrics_dir / "q39-broken.yaml").write_text("schema: 1\nquestion: 39\n")
    written, faults = small_store.index_all()
    assert faults and any("q39-broken" in notice for notice in small_store.notices)
    assert small_store.rubric(23).question == 23


def damage_delete(folder):
    shutil.rmtree(folder)


def damage_delete_database(folder):
    (folder / "chroma.sqlite3").unlink()


def damage_truncate(folder):
    path = folder / "chroma.sqlite3"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_cut_tail(folder):
    path = folder / "chroma.sqlite3"
    path.write_bytes(path.read_bytes()[:-5000])


def damage_empty(folder):
    (folder / "chroma.sqlite3").write_bytes(b"")


def damage_garbage(folder):
    (folder / "chroma.sqlite3").write_bytes(b"\x07" * 200_000)


def damage_scramble(folder):
    path = folder / "chroma.sqlite3"
    data = bytearray(path.read_bytes())
    for start in range(len(data) // 3, len(data) - 4096, 20_000):
        data[start : start + 2000] = bytes(2000)
    path.write_bytes(data)


def damage_segments(folder):
    for path in folder.glob("*/*"):
        path.write_bytes(b"")


DAMAGES = [value for name, value in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_store_costs_a_rebuild_and_never_a_wrong_rubric(small_store, damage):
    wanted = {no: small_store.rubric(no) for no in (2, 23)}
    small_store.find("dropout")
    small_store._chroma.forget()
    damage(small_store._chroma.folder)
    again = reopen(small_store)
    assert {no: again.rubric(no) for no in (2, 23)} == wanted
    assert again.find("dropout")[0].question.no == 23
    assert len(again.find("dropout", most=50)) == 50
    if damage != damage_segments:  # a small store may live in the database alone
        assert any("rebuilt" in notice or "was empty" in notice for notice in again.notices)


def test_rows_lost_from_inside_are_noticed(small_store):
    wanted = small_store.rubric(2)
    small_store._chroma.collection("criteria").delete(ids=["q02/product-of-jacobians"])
    assert small_store.rubric(2) == wanted
    assert "6 of 7 rubric points" in small_store.notices[-1]


def test_rows_changed_inside_are_noticed(small_store):
    wanted = small_store.rubric(2)
    rows = small_store._chroma.collection("criteria")._collection
    got = rows.get(ids=["q02/product-of-jacobians"], include=["metadatas"])["metadatas"][0]
    rows.update(
        ids=["q02/product-of-jacobians"], metadatas=[{**got, "criterion": got["criterion"].replace('"weight": 3', '"weight": 9')}]
    )
    assert small_store.rubric(2) == wanted
    assert "is not what was stored" in small_store.notices[-1]


def test_a_store_that_cannot_be_written_is_one_clear_line(bank, model, tmp_path):
    (tmp_path / "file").write_text("")
    store = RubricStore(bank, RUBRICS, model, tmp_path / "file" / "chroma")
    with pytest.raises(StoreFailed, match="EVALUATOR_DATA_DIR"):
        store.rubric(2)


def test_another_embedder_gets_its_own_collections(small_store, loopback):
    small_store.index_all()
    other = reopen(small_store, embedder=EndpointEmbedder(loopback.url, "m"))
    assert other.rubric(2) == small_store.rubric(2)
    assert reopen(small_store).index_all() == (0, [])


CHILD = """
import sys
from pathlib import Path
import numpy as np
from evaluator.questions import load_questions
from evaluator.retrieval import RubricStore

class Letters:
    name = "letters"
    def embed(self, texts):
        return np.array([[1.0 + text.count(chr(97 + n)) for n in range(26)] for text in texts])

store = RubricStore(load_questions(Path("data/questions.jsonl")), Path(sys.argv[1]), Letters(), Path(sys.argv[2]))
print(store.rubric(2).hash, store.rubric(23).hash, len(store.find("dropout", most=50)), [notice for notice in store.notices if "damaged" in notice])
"""


def test_two_processes_may_build_and_use_one_store_at_once(small_store, tmp_path):
    command = [sys.executable, "-c", CHILD, str(small_store._rubrics_dir), str(tmp_path / "shared")]
    both = [subprocess.Popen(command, cwd=RUBRICS.parent, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outs = [process.communicate(timeout=120)[0].strip() for process in both]
    assert outs == [f"{small_store.rubric(2).hash} {small_store.rubric(23).hash} 50 []"] * 2


def test_a_chroma_server_serves_the_same_rubrics(bank, embedder, rubrics, tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chroma = str(Path(sys.executable).with_name("chroma"))
    command = [chroma, "run", "--path", str(tmp_path / "served"), "--host", "127.0.0.1", "--port", str(port)]
    store = RubricStore(bank, RUBRICS, embedder, url=f"http://127.0.0.1:{port}")
    with pytest.raises(StoreFailed, match="Chroma server"):
        store.rubric(2)
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 30
        while not store._chroma.answers() and time.monotonic() < ends:
            time.sleep(0.1)
        assert store.rubric(2) == rubrics[2]
        assert store.find("dropout")[0].question.no == 23
    finally:
        server.terminate()
        server.wait(timeout=20)
