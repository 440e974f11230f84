"""What is configured, what works, and what each failure means. Nothing here changes anything but the rubric store's upkeep."""

from __future__ import annotations

import importlib.util
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from evaluator.assembly import Assembly
from evaluator.errors import EvaluatorError, GraderRefused, GraderUnreachable
from evaluator.prices import read_prices
from evaluator.rubric_files import check_rubric_files
from evaluator.settings import PROVIDERS, Settings, provider_of, without_password


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` says what is there; when it is not well, `mend` says what to do."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine(assembly: Assembly) -> list[Finding]:
    """Every part in the order an answer meets them. Never raises for a part that does not work."""
    settings = assembly.settings
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Python", lambda: f"{platform.python_version()} at {sys.executable}"),
        ("questions", lambda: f"{len(assembly.bank)} in {settings.questions_file}"),
        ("rubrics", lambda: _rubrics(assembly)),
        ("data folder", lambda: _data_folder(settings)),
        ("embedding model", lambda: _embedder(assembly)),
        ("rubric store", lambda: _store(assembly)),
        ("LLM server", lambda: _llm(settings)),
        ("prices", lambda: _prices(settings)),
        ("cache", lambda: _cache(assembly)),
        ("grader", lambda: _grader(assembly)),
    ]
    return [_finding(name, check) for name, check in checks]


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except EvaluatorError as fault:
        return Finding(name, False, fault.message, fault.mend)
    except OSError as fault:
        return Finding(name, False, str(fault), "Check the folder, its permissions and the room on the disk.")


def _rubrics(assembly: Assembly) -> str:
    folder = assembly.settings.rubrics_dir
    checked = check_rubric_files([folder], [question.no for question in assembly.bank])
    if checked.faults:
        problem = f"{len(checked.faults)} faults in {folder}, the first: {checked.faults[0]}"
        raise EvaluatorError(problem, "See all: evaluator rubrics check")
    return f"{len(checked.rubrics)} of {len(assembly.bank)} questions have one, in {folder}"


def _data_folder(settings: Settings) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.data_dir):
        return f"{settings.data_dir} can be written"


def _embedder(assembly: Assembly) -> str:
    vectors = assembly.embedder.embed(["a sentence"])
    return f"{assembly.embedder.name}, {vectors.shape[1]} dimensions"


def _store(assembly: Assembly) -> str:
    written, _ = assembly.store.index_all()
    place = assembly.settings.chroma_url or assembly.settings.data_dir / "chroma"
    news = f", {written} questions indexed just now" if written else ""
    return f"{len(assembly.store.numbers())} rubrics in {place}{news}"


def _llm(settings: Settings) -> str:
    if settings.provider != "openai":
        package = PROVIDERS[settings.provider]
        if importlib.util.find_spec(package.replace("-", "_")) is None:
            mend = f"pip install 'mock-interview-evaluator[{settings.provider}]' (or pip install {package})."
            raise EvaluatorError(f"{settings.model} needs the package {package}, which is not installed.", mend)
        return f"{settings.model} through {package}, with that package's own settings; not asked"
    if not settings.has_llm:
        return "not configured (no OPENAI_API_KEY, no OPENAI_BASE_URL); the embedded grader needs none"
    import httpx

    server = settings.openai_base_url or "https://api.openai.com/v1"
    shown = without_password(server)
    key = settings.openai_api_key.get_secret_value()
    try:
        reply = httpx.get(f"{server}/models", headers={"Authorization": f"Bearer {key or 'none'}"}, timeout=10)
    except httpx.HTTPError as fault:
        mend = "Check OPENAI_BASE_URL and that the server runs."
        raise GraderUnreachable(f"{shown} cannot be reached ({type(fault).__name__}).", mend) from fault
    if reply.status_code in (401, 403):
        raise GraderRefused(f"{shown} refused the key (HTTP {reply.status_code}).", "Check OPENAI_API_KEY.", kind="auth")
    if reply.status_code != 200:
        return f"{shown} answers (it does not list its models: HTTP {reply.status_code})"
    names = _model_names(reply)
    wanted = {"EVALUATOR_MODEL": settings.model}
    if settings.second_model and provider_of(settings.second_model) == "openai":
        wanted["EVALUATOR_SECOND_MODEL"] = settings.second_model
    for name, model in wanted.items():
        if names and model not in names:
            offered = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
            problem = f'{shown} does not list the model "{model}"; it offers: {offered}.'
            raise GraderRefused(problem, f"Set {name} to one of them.", kind="unknown_model")
    return f"{shown} answers and {'has' if names else 'may have'} {' and '.join(wanted.values())}"


def _model_names(reply: object) -> list[str]:
    try:
        return [str(row["id"]) for row in reply.json()["data"]]  # type: ignore[attr-defined]
    except (ValueError, KeyError, TypeError):
        return []


def _prices(settings: Settings) -> str:
    prices = read_prices(settings.prices_file).prices
    return f"{len(prices)} models in {settings.prices_file}"


def _cache(assembly: Assembly) -> str:
    kept = sum(count for _, count, _, _ in assembly.cache.stats())
    off = "" if assembly.settings.cache else "; switched off"
    return f"{kept} grading{'' if kept == 1 else 's'} in {assembly.cache.path}{off}"


def _grader(assembly: Assembly) -> str:
    return f"EVALUATOR_GRADER={assembly.settings.grader}, so {assembly.grader.identity.title} grades"
