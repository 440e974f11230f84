"""Step 2 of 6, second half. Chroma: a question's rubric by its number, and questions by meaning.

The store is a copy of `rubrics/` and never trusted further than it can be checked: every rubric taken from it must have
all its criteria and the hash it was stored under. What is damaged, emptied or out of date is built again from the
files, with a notice. Rubrics are taken with exact `get`s; Chroma's nearest-neighbour search is used for search alone.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from evaluator.embedding import Embedder, short_name
from evaluator.errors import BadQuestion, BadRubric, EvaluatorError, StoreFailed
from evaluator.questions import Question, QuestionBank
from evaluator.rubric import Rubric, rubric_from_data
from evaluator.rubric_files import RubricFile, list_rubric_files

LAYOUT = 1
"""Raise when what is stored changes; everything is then indexed again."""

CLOSE_ENOUGH = 0.60
TOO_CLOSE_TO_CALL = 0.03
"""Cosine from which a free text counts as a question of the bank, and how far ahead of the next question it must be.
Measured with all-MiniLM-L6-v2 by benchmarks/question_search.py; the figures are in docs/retrieval.md."""

_HNSW = {"hnsw": {"space": "cosine", "ef_search": 1000, "ef_construction": 500, "max_neighbors": 64}}
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
        self._folder = folder
        self._url = url
        self._collections: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._fresh: tuple[tuple[int, str], ...] | None = None
        self.notices: list[str] = []

    # --- what others call

    def rubric(self, no: int) -> Rubric:
        """The rubric of one question. Raises BadQuestion, BadRubric or StoreFailed."""
        question = self._bank[no]
        file = list_rubric_files(self._rubrics_dir).get(no)
        if file is None:
            raise BadRubric(
                f"There is no rubric for question {no} yet.", f"Questions with one: {', '.join(map(str, self.numbers()))}."
            )

        def take() -> Rubric:
            stored = self._stored(no)
            if stored.get("source") != self._source(file):
                self._index(question, file)
                stored = self._stored(no)
            return self._assemble(stored, no)

        return self._mending(take)

    def numbers(self) -> list[int]:
        """The questions that have a rubric file."""
        return sorted(no for no in list_rubric_files(self._rubrics_dir) if no in self._bank)

    def find(self, text: str, most: int = 5) -> list[Match]:
        """Questions by meaning, nearest first, each by its own text or by its nearest rubric point."""

        def search() -> list[Match]:
            self._refresh()
            nearest: dict[int, float] = {}
            with_rubric = self.numbers()
            for name, count in (("questions", len(self._bank)), ("criteria", 0)):
                for no, similarity in self._nearest(name, text, count):
                    nearest[no] = max(similarity, nearest.get(no, -1.0))
            ranked = sorted(nearest.items(), key=lambda entry: (-round(entry[1], 6), entry[0]))
            return [Match(self._bank[no], round(value, 4), no in with_rubric) for no, value in ranked[:most]]

        if not text.strip():
            raise BadQuestion("The text to search for is empty.", 'Write some words: evaluator questions find "why dropout"')
        return self._mending(search)

    def resolve(self, text: str) -> Match:
        """The question a free text means: by number, by its exact text, or by meaning when close enough.

        Raises BadQuestion with the nearest ones when the text fits none, or fits several alike.
        """
        plain = text.strip().lstrip("#").strip()
        if plain.isascii() and plain.isdigit() and len(plain) < 7:
            question = self._bank[int(plain)]
            return Match(question, 1.0, question.no in self.numbers())
        same = self._bank.with_text(text)
        if len(same) == 1:
            return Match(same[0], 1.0, same[0].no in self.numbers())
        matches = [Match(question, 1.0, True) for question in same] or self._by_text(text)
        best = matches[0]
        if best.similarity < CLOSE_ENOUGH:
            raise BadQuestion(f"No rubric for this question; nearest are {_listed(matches[:3])}.", "Give a question's number.")
        twins = [match for match in matches if match.similarity > best.similarity - TOO_CLOSE_TO_CALL]
        if len(twins) > 1:
            raise BadQuestion(f"This text fits {len(twins)} questions: {_listed(twins)}.", "Give the number of the one you mean.")
        return best

    def index_all(self) -> tuple[int, list[str]]:
        """Brings the store in line with the files: how many questions were written anew, and the faults of files left out."""

        def refresh() -> tuple[int, list[str]]:
            self._fresh = None
            return self._refresh()

        return self._mending(refresh)

    # --- taking and checking

    def _stored(self, no: int) -> dict[str, Any]:
        got = self._collection("questions").get(ids=[_question_id(no)], include=["metadatas"])
        return dict(got["metadatas"][0]) if got["ids"] else {}

    def _assemble(self, stored: dict[str, Any], no: int) -> Rubric:
        if not stored.get("rubric"):
            raise _Damaged(f"the rubric of question {no} is not in it")
        head = json.loads(stored["rubric"])
        got = self._collection("criteria").get(where={"question": no}, include=["metadatas"])
        rows = sorted(got["metadatas"], key=lambda row: row["position"])
        if len(rows) != stored["criteria"]:
            raise _Damaged(f"question {no} has {len(rows)} of {stored['criteria']} rubric points")
        rubric = rubric_from_data({**head, "criteria": [json.loads(row["criterion"]) for row in rows]})
        if rubric.hash != stored["hash"]:
            raise _Damaged(f"the rubric of question {no} is not what was stored")
        return rubric

    def _nearest(self, name: str, text: str, expected: int) -> list[tuple[int, float]]:
        collection = self._collection(name)
        count = collection._collection.count()
        if count < expected:
            raise _Damaged(f"{count} of {expected} questions are in it")
        if count == 0:
            return []
        # Every row is asked for: a bank is small, and an approximate index drops near-duplicates.
        found = collection.similarity_search_with_score(text, k=count)
        if len(found) != count:
            raise _Damaged(f"its search sees {len(found)} of {count} {name}")
        return [(int(document.metadata["question"]), 1.0 - float(distance)) for document, distance in found]

    def _by_text(self, text: str) -> list[Match]:
        def search() -> list[Match]:
            self._refresh()
            with_rubric = self.numbers()
            nearest = sorted(self._nearest("questions", text, len(self._bank)), key=lambda row: (-round(row[1], 6), row[0]))
            return [Match(self._bank[no], round(value, 4), no in with_rubric) for no, value in nearest]

        return self._mending(search)

    # --- writing

    def _refresh(self) -> tuple[int, list[str]]:
        """Indexes what changed since it was stored. Files with faults are left out and reported."""
        files = list_rubric_files(self._rubrics_dir)
        state = tuple((no, file.hash) for no, file in files.items())
        if state == self._fresh:
            return 0, []
        got = self._collection("questions").get(include=["metadatas"])
        stored = dict(zip(got["ids"], got["metadatas"], strict=True))
        written = 0
        faults: list[str] = []
        for question in self._bank:
            file = files.get(question.no)
            if stored.get(_question_id(question.no), {}).get("source") == self._source(file, question):
                continue
            try:
                self._index(question, file)
                written += 1
            except BadRubric as fault:
                faults.extend(fault.faults or (str(fault),))
                self._index(question, None)
        gone = [id for id in stored if id not in {_question_id(question.no) for question in self._bank}]
        if gone:
            self._collection("questions").delete(ids=gone)
        for line in faults:
            self._notice(f"Left out of the index: {line}")
        self._fresh = state
        return written, faults

    def _index(self, question: Question, file: RubricFile | None) -> None:
        rubric = file.read([question.no for question in self._bank]) if file else None
        criteria, id = self._collection("criteria"), _question_id(question.no)
        # The question's row goes first out and last in: a kill in between leaves a row that is out of date, never a wrong one.
        self._collection("questions").delete(ids=[id])
        old = criteria.get(where={"question": question.no}, include=[])["ids"]
        if old:
            criteria.delete(ids=old)
        row: dict[str, Any] = {"question": question.no, "source": self._source(file, question)}
        if rubric is not None:
            data = rubric.to_data()
            criteria.add_texts(
                texts=[" ".join((criterion.requirement, *criterion.accept)) for criterion in rubric.criteria],
                metadatas=[
                    {"question": question.no, "position": position, "criterion": json.dumps(criterion)}
                    for position, criterion in enumerate(data.pop("criteria"))
                ],
                ids=[f"{id}/{criterion.id}" for criterion in rubric.criteria],
            )
            row |= {"rubric": json.dumps(data), "hash": rubric.hash, "criteria": len(rubric.criteria)}
        self._collection("questions").add_texts(texts=[question.text], metadatas=[row], ids=[id])

    def _source(self, file: RubricFile | None, question: Question | None = None) -> str:
        question = question or (self._bank[file.question] if file else None)
        return f"{LAYOUT} {file.hash if file else '-'} {question.text if question else '-'}"

    # --- the store itself

    def _collection(self, name: str) -> Any:
        if name not in self._collections:
            from langchain_chroma import Chroma

            client = self._collections.get("client") or self._open()
            self._collections["client"] = client
            self._collections[name] = Chroma(
                client=client,
                collection_name=f"{name}-{short_name(self._embedder)}",
                embedding_function=_LangChainEmbeddings(self._embedder),  # type: ignore[arg-type]
                collection_configuration=_HNSW,  # type: ignore[arg-type]
            )
        return self._collections[name]

    def _open(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        quiet = Settings(anonymized_telemetry=False)
        if self._url:
            address = urlsplit(self._url)
            port = address.port or (443 if address.scheme == "https" else 8000)
            return chromadb.HttpClient(address.hostname or "", port, ssl=address.scheme == "https", settings=quiet)
        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(str(self._folder), settings=quiet)

    def _mending(self, work: Callable[[], _Result]) -> _Result:
        """Does the work; when the store proves damaged, builds it again from the files and does the work once more."""
        with self._lock:
            try:
                return work()
            except EvaluatorError:
                raise
            except BaseException as fault:  # Chroma's Rust core panics with a BaseException
                if isinstance(fault, KeyboardInterrupt | SystemExit | MemoryError):
                    raise
                problem = _words(fault)
            if self._url:
                self._forget()
                if not self._collections_answer():
                    raise StoreFailed(
                        f"The Chroma server {self._url} cannot be used ({problem}).", "Start it: chroma run --path FOLDER"
                    )
            try:
                self._rebuild(problem)
                return work()
            except EvaluatorError:
                raise
            except BaseException as fault:
                if isinstance(fault, KeyboardInterrupt | SystemExit | MemoryError):
                    raise
                place = self._url or self._folder
                mend = "Check that the folder can be written and the disk has room, or set EVALUATOR_DATA_DIR."
                raise StoreFailed(f"The store {place} cannot be rebuilt ({_words(fault)}).", mend) from fault

    def _collections_answer(self) -> bool:
        try:
            self._open().heartbeat()
            return True
        except Exception:  # noqa: BLE001  whatever Chroma raises, the server does not answer
            return False

    def _rebuild(self, problem: str) -> None:
        self._forget()
        if self._url:
            client = self._open()
            for name in ("questions", "criteria"):
                full = f"{name}-{short_name(self._embedder)}"
                if full in [collection.name for collection in client.list_collections()]:
                    client.delete_collection(full)
        elif self._folder is not None and self._folder.exists():
            aside = self._folder.with_name(f"{self._folder.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            self._folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        self._notice(f"The rubric store was damaged ({problem}); it has been rebuilt from {self._rubrics_dir}.")
        self._refresh()

    def _forget(self) -> None:
        """Drops every handle, also those that Chroma keeps for the whole process."""
        self._collections.clear()
        self._fresh = None
        if not self._url:
            from chromadb.api.shared_system_client import SharedSystemClient

            SharedSystemClient.clear_system_cache()

    def _notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)


class _LangChainEmbeddings:
    """The two methods LangChain asks of an embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in self._embedder.embed(list(texts))]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def _question_id(no: int) -> str:
    return f"q{no:02d}"


def _listed(matches: Sequence[Match]) -> str:
    return "; ".join(
        f"{match.question.no} ({match.question.difficulty}, {match.similarity:.2f}) “{match.question.text[:60].rstrip()}…”"
        for match in matches
    )


def _words(fault: BaseException) -> str:
    return " ".join(f"{type(fault).__name__}: {fault}".split())[:160] if not isinstance(fault, _Damaged) else str(fault)
