from __future__ import annotations

import io
import logging
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from evaluator import cli
from evaluator.graders.embedded import EmbeddedGrader
from evaluator.minilm import Array, MiniLM
from evaluator.questions import QuestionBank, load_questions
from evaluator.retrieval import RubricStore
from evaluator.rubric import Rubric
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import Settings
from tests.loopback import Loopback

ROOT = Path(__file__).resolve().parent.parent
OURS = ("EVALUATOR_", "OPENAI_", "STREAMLIT_")


HOSTILE = re.compile(r"test_hostile\.py::\w+\[(?P<group>[a-z ]+): ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how many hostile cases of each group passed."""
    passed, other = Counter[str](), Counter[str]()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            found = HOSTILE.search(getattr(report, "nodeid", "") or "")
            if found and getattr(report, "when", "") == "call":
                (passed if outcome == "passed" else other)[found["group"]] += 1
    if passed or other:
        groups = ", ".join(
            f"{group} {passed[group]}" + (f" ({other[group]} FAILED)" if other[group] else "") for group in passed | other
        )
        terminalreporter.write_line(f"hostile suite: {passed.total()} cases passed: {groups}")


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's reaches a test, and nothing is kept outside tmp_path."""
    for name in list(os.environ):
        if name.startswith(OURS) and not name.startswith("EVALUATOR_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("EVALUATOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    log = logging.getLogger("evaluator")
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def bank() -> QuestionBank:
    return load_questions(ROOT / "data" / "questions.jsonl")


@pytest.fixture(scope="session")
def rubrics(bank: QuestionBank) -> dict[int, Rubric]:
    numbers = [question.no for question in bank]
    return {no: file.read(numbers) for no, file in list_rubric_files(ROOT / "rubrics").items()}


@pytest.fixture(scope="session")
def model() -> MiniLM:
    return MiniLM()


class RememberingEmbedder:
    """The real model, asked once for each text, because many tests build a store of the same texts."""

    def __init__(self, model: MiniLM) -> None:
        self.name = model.name
        self._model = model
        self._known: dict[str, Array] = {}

    def embed(self, texts: Sequence[str]) -> Array:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._model.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


@pytest.fixture(scope="session")
def embedder(model: MiniLM) -> RememberingEmbedder:
    return RememberingEmbedder(model)


@pytest.fixture(scope="session")
def embedded(model: MiniLM) -> EmbeddedGrader:
    return EmbeddedGrader(model)


@pytest.fixture
def store(bank: QuestionBank, embedder: RememberingEmbedder, tmp_path: Path) -> RubricStore:
    return RubricStore(bank, ROOT / "rubrics", embedder, tmp_path / "chroma")


@pytest.fixture(scope="session")
def built_store(bank: QuestionBank, embedder: RememberingEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store built from the shipped rubrics, once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "built" / "chroma"
    store = RubricStore(bank, ROOT / "rubrics", embedder, folder)
    store.index_all()  # waits for another process that is building, and then finds everything done
    store._chroma.forget()
    return folder


@pytest.fixture
def indexed(built_store: Path, tmp_path: Path) -> None:
    """The data folder of the settings, with the store already built."""
    shutil.copytree(built_store, tmp_path / "data" / "chroma")


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Calls the command line in this process: exit code, standard output, standard error."""

    def call(*args: str, stdin: bytes | str = b"") -> tuple[int, str, str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["evaluator", *args])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call
