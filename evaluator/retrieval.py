"""Step 2 of 6, second half. Chroma: a question's rubric by its number, and questions by meaning.

The store is a copy of `rubrics/` and never trusted further than it can be checked: every rubric taken from it must have
all its criteria and the hash it was stored under. What is damaged, emptied or out of date is built again from the
files, with a notice. Rubrics are taken with exact `get`s; Chroma's nearest-neighbour search is used for search alone.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from evaluator.embedding import Embedder
from evaluator.errors import BadQuestion, BadRubric, EvaluatorError, StoreFailed
from evaluator.questions import Question, QuestionBank
from evaluator.retrieval_store import ChromaStore
from evaluator.rubric import Exemplar, Rubric, rubric_from_data
from evaluator.rubric_files import RubricFile, list_rubric_files

LAYOUT = 2
"""Raise when what is stored changes; everything is then indexed again."""

CLOSE_ENOUGH = 0.60
TOO_CLOSE_TO_CALL = 0.03
"""Cosine from which a free text counts as a question of the bank, and how far ahead of the next question it must be.
Measured with all-MiniLM-L6-v2 by benchmarks/question_search.py; the figures are in docs/retrieval.md."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Match:
    """A question found by meaning. `similarity` is a cosine, at most 1."""

    question: Question
    similarity: float
    has_rubric: bool


class _Damaged(Exception):
    """The store answers, and what it answers cannot be right."""


class RubricStore:
    """Questions and rubrics in Chroma. `notices` collects what the user should know (a rebuilt store, a skipped file)."""

    def __init__(
        self, bank: QuestionBank, rubrics_dir: Path, embedder: Embedder, folder: Path | None = None, url: str = ""
    ) -> None:
        """`folder` is where the store lives on disk, unless `url` names a Chroma server."""
        self._bank = bank
        self._rubrics_dir = rubrics_dir
        self._embedder = embedder
        self._chroma = ChromaStore(embedder, None if url else folder, url)
        self._lock = threading.RLock()
        self._fresh: tuple[tuple[int, str], ...] | None = None
        self.notices: list[str] = []

    # --- what others call

    def rubric(self, no: int) -> Rubric:
        """The rubric of one question. Raises BadQuestion, BadRubric or StoreFailed."""
        question = self._bank[no]
        file = list_rubric_files(self._rubrics_dir).get(no)
        if file is None:
            numbers = ", ".join(map(str, self.numbers())) or "none"
            raise BadRubric(f"There is no rubric for question {no} yet.", f"Questions with one: {numbers}.")

        def take() -> Rubric:
            stored = self._stored(no)
            if not stored:
                self._refresh()
                stored = self._stored(no)
            if stored.get("source") != _source(question, file):
                self._write([(question, file, self._read(file))])
                stored = self._stored(no)
            return self._assemble(stored, no)

        return self._mending(take)

    def numbers(self) -> list[int]:
        """The questions that have a rubric file."""
        return sorted(no for no in list_rubric_files(self._rubrics_dir) if no in self._bank)

    def find(self, text: str, most: int = 5) -> list[Match]:
        """Questions by meaning, nearest first, each by its own text or by its nearest rubric point."""
        if not text.strip():
            raise BadQuestion("The text to search for is empty.", 'Write some words: evaluator questions find "why dropout"')
        return self._search(text, ("questions", "criteria"))[:most]

    def resolve(self, text: str) -> Match:
        """The question a free text means: by number, by its exact text, or by meaning when close enough.

        Raises BadQuestion with the nearest ones when the text fits none, or fits several alike.
        """
        plain = text.strip().lstrip("#").strip()
        if plain.isascii() and plain.isdigit() and len(plain) < 7:
            question = self._bank[int(plain)]
            return Match(question, 1.0, question.no in self.numbers())
        if not plain:
            raise BadQuestion("The question is empty.", "Give a question's number, or its text.")
        same = [Match(question, 1.0, question.no in self.numbers()) for question in self._bank.with_text(text)]
        matches = same or self._search(text, ("questions",))
        best = matches[0]
        if best.similarity < CLOSE_ENOUGH:
            raise BadQuestion(f"No rubric for this question; nearest are {_listed(matches[:3])}.", "Give a question's number.")
        twins = [match for match in matches if match.similarity > best.similarity - TOO_CLOSE_TO_CALL]
        if len(twins) > 1:
            raise BadQuestion(f"This text fits {len(twins)} questions: {_listed(twins)}.", "Give the number of the one you mean.")
        return best

    def rank_exemplars(self, rubric: Rubric, answer: str) -> list[Exemplar]:
        """The rubric's exemplars, the most similar to the answer first. Those not seen before are indexed on the way.

        Raises StoreFailed or EmbedderFailed.
        """

        def rank() -> list[Exemplar]:
            collection = self._chroma.collection("exemplars")
            by_id = {_exemplar_id(rubric.question, exemplar): exemplar for exemplar in rubric.exemplars}
            known = set(collection.get(ids=list(by_id), include=[])["ids"])
            new = [id for id in by_id if id not in known]
            if new:
                collection.add_texts(texts=[by_id[id].answer for id in new], ids=new)
            got = collection.get(ids=list(by_id), include=["embeddings"])
            if len(got["ids"]) != len(by_id):
                raise _Damaged(f"{len(got['ids'])} of {len(by_id)} exemplars of question {rubric.question} are in it")
            likeness = np.asarray(got["embeddings"]) @ self._embedder.embed([answer])[0]
            return [by_id[got["ids"][at]] for at in np.argsort(-likeness, kind="stable")]

        return self._mending(rank)

    def index_all(self) -> tuple[int, list[str]]:
        """Brings the store in line with the files: how many questions were written anew, and the faults of files left out."""

        def refresh() -> tuple[int, list[str]]:
            self._fresh = None
            return self._refresh()

        return self._mending(refresh)

    # --- taking and checking

    def _stored(self, no: int) -> dict[str, Any]:
        got = self._chroma.collection("questions").get(ids=[_question_id(no)], include=["metadatas"])
        return dict(got["metadatas"][0]) if got["ids"] else {}

    def _assemble(self, stored: dict[str, Any], no: int) -> Rubric:
        if not stored.get("rubric"):
            raise _Damaged(f"the rubric of question {no} is not in it")
        head = json.loads(stored["rubric"])
        got = self._chroma.collection("criteria").get(where={"question": no}, include=["metadatas"])
        rows = sorted(got["metadatas"], key=lambda row: row["position"])
        if len(rows) != stored["criteria"]:
            raise _Damaged(f"question {no} has {len(rows)} of {stored['criteria']} rubric points")
        rubric = rubric_from_data({**head, "criteria": [json.loads(row["criterion"]) for row in rows]})
        if rubric.hash != stored["hash"]:
            raise _Damaged(f"the rubric of question {no} is not what was stored")
        return rubric

    def _search(self, text: str, collections: Sequence[str]) -> list[Match]:
        """Every question of the bank, nearest first."""

        def search() -> list[Match]:
            self._refresh()
            nearest: dict[int, float] = {}
            for name in collections:
                for no, similarity in self._nearest(name, text):
                    nearest[no] = max(similarity, nearest.get(no, -1.0))
            if len(nearest) != len(self._bank):
                raise _Damaged(f"{len(nearest)} of {len(self._bank)} questions are in it")
            with_rubric = self.numbers()
            ranked = sorted(nearest.items(), key=lambda entry: (-round(entry[1], 6), entry[0]))
            return [Match(self._bank[no], round(value, 4), no in with_rubric) for no, value in ranked]

        return self._mending(search)

    def _nearest(self, name: str, text: str) -> list[tuple[int, float]]:
        collection = self._chroma.collection(name)
        count = collection._collection.count()
        if count == 0:
            return []
        # Every row is asked for: a bank is small, and an approximate index drops near-duplicates.
        found = collection.similarity_search_with_score(text, k=count)
        if len(found) != count:
            raise _Damaged(f"its search sees {len(found)} of {count} {name}")
        return [(int(document.metadata["question"]), 1.0 - float(distance)) for document, distance in found]

    # --- writing

    def _refresh(self) -> tuple[int, list[str]]:
        """Indexes what changed since it was stored. Files with faults are left out and reported."""
        files = list_rubric_files(self._rubrics_dir)
        state = tuple((no, file.hash) for no, file in files.items())
        if state == self._fresh:
            return 0, []
        got = self._chroma.collection("questions").get(include=["metadatas"])
        stored = {id: row.get("source") for id, row in zip(got["ids"], got["metadatas"], strict=True)}
        if not stored and not self.notices:  # after damage there is a notice already
            self._notice(f"The rubric store was empty; it has been built from {self._rubrics_dir}.")
        changes: list[tuple[Question, RubricFile | None, Rubric | None]] = []
        faults: list[str] = []
        for question in self._bank:
            file = files.get(question.no)
            if stored.pop(_question_id(question.no), None) == _source(question, file):
                continue
            try:
                changes.append((question, file, self._read(file) if file else None))
            except BadRubric as fault:
                faults.extend(fault.faults or (str(fault),))
                changes.append((question, None, None))
        self._write(changes)
        if stored:
            self._chroma.collection("questions").delete(ids=list(stored))
        for line in faults:
            self._notice(f"Left out of the index: {line}")
        self._fresh = state
        return len(changes), faults

    def _read(self, file: RubricFile) -> Rubric:
        return file.read([question.no for question in self._bank])

    def _write(self, changes: Sequence[tuple[Question, RubricFile | None, Rubric | None]]) -> None:
        """The questions' own rows go first out and last in: a kill in between leaves rows missing, never a wrong one."""
        if not changes:
            return
        questions, criteria = self._chroma.collection("questions"), self._chroma.collection("criteria")
        ids = [_question_id(question.no) for question, *_ in changes]
        questions.delete(ids=ids)
        old = criteria.get(where={"question": {"$in": [question.no for question, *_ in changes]}}, include=[])["ids"]
        if old:
            criteria.delete(ids=old)
        rows: list[dict[str, Any]] = []
        points: list[tuple[str, str, dict[str, Any]]] = []
        for id, (question, file, rubric) in zip(ids, changes, strict=True):
            row: dict[str, Any] = {"question": question.no, "source": _source(question, file)}
            if rubric is not None:
                data = rubric.to_data()
                for position, (criterion, entry) in enumerate(zip(rubric.criteria, data.pop("criteria"), strict=True)):
                    more = {"question": question.no, "position": position, "criterion": json.dumps(entry)}
                    points.append((f"{id}/{criterion.id}", criterion.point, more))
                row |= {"rubric": json.dumps(data), "hash": rubric.hash, "criteria": len(rubric.criteria)}
            rows.append(row)
        if points:
            point_ids, texts, metadatas = zip(*points, strict=True)
            criteria.add_texts(texts=list(texts), metadatas=list(metadatas), ids=list(point_ids))
        questions.add_texts(texts=[question.text for question, *_ in changes], metadatas=rows, ids=ids)

    # --- damage

    def _mending(self, work: Callable[[], _Result]) -> _Result:
        """Does the work; when that fails, with handles opened anew, and then with a store built again from the files.

        Opening anew is often enough: after another process has written, Chroma's search goes on seeing the old rows.
        """
        place = self._chroma.url or self._chroma.folder
        mend = "Check that the folder can be written and the disk has room, or set EVALUATOR_DATA_DIR."
        try:
            with self._lock, self._chroma.lock():
                for handles in ("old", "new"):
                    try:
                        return work()
                    except BaseException as fault:  # noqa: BLE001  see _pass_on
                        _pass_on(fault)
                        problem = _words(fault)
                    if handles == "old":
                        self._chroma.forget()
                if self._chroma.url and not self._chroma.answers():
                    mend = "Start it (chroma run --path FOLDER), or check EVALUATOR_CHROMA_URL."
                    raise StoreFailed(f"The Chroma server {place} cannot be used ({problem}).", mend)
                self._fresh = None
                self._chroma.wipe()
                self._notice(f"The rubric store was damaged ({problem}); it has been rebuilt from {self._rubrics_dir}.")
                self._refresh()
                return work()
        except BaseException as fault:
            _pass_on(fault)
            raise StoreFailed(f"The store {place} cannot be used ({_words(fault)}).", mend) from fault

    def _notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)


def _pass_on(fault: BaseException) -> None:
    """Errors of ours are no damage. Chroma's Rust core panics with a BaseException of its own, so that is what is caught."""
    if isinstance(fault, EvaluatorError | KeyboardInterrupt | SystemExit | MemoryError):
        raise fault


def _question_id(no: int) -> str:
    return f"q{no:02d}"


def _exemplar_id(no: int, exemplar: Exemplar) -> str:
    return f"{_question_id(no)}/{hashlib.sha256(exemplar.answer.encode()).hexdigest()[:16]}"


def _source(question: Question, file: RubricFile | None) -> str:
    """What a question's rows were made from; when it differs, they are out of date."""
    return f"{LAYOUT} {file.hash if file else '-'} {question.text}"


def _listed(matches: Sequence[Match]) -> str:
    return "; ".join(
        f"{match.question.no} ({match.question.difficulty}, {match.similarity:.2f}) “{match.question.text[:60].rstrip()}…”"
        for match in matches
    )


def _words(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, _Damaged) else " ".join(f"{type(fault).__name__}: {fault}".split())[:160]
