"""LLM providers by name: Ollama's own protocol through LangChain, and a clear line where a package is missing."""

import importlib.util

import pytest

from evaluator.graders.llm import LLMGrader, LLMOptions
from evaluator.grading import grade_answer
from evaluator.questions import Question
from evaluator.settings import PROVIDERS, provider_of, read_settings
from tests.factory import small_rubric
from tests.loopback import verdict, write_verdicts

QUESTION = Question(2, "Fundamentals", "Advanced", "Does alpha hold?")
ANSWER = "I say that alpha holds and beta holds too."


@pytest.mark.parametrize(
    ("name", "provider"),
    [("gpt-4.1-mini", "openai"), ("qwen3:8b", "openai"), ("anthropic:claude-x", "anthropic"), ("ollama:qwen3:8b", "ollama"), ("ollama:", "openai"),
     ("anthropic", "openai"), ("mistral:7b", "openai")],
)  # fmt: skip
def test_only_known_providers_are_read_out_of_a_models_name(name, provider):
    assert provider_of(name) == provider


@pytest.mark.parametrize(
    "provider", [name for name, package in PROVIDERS.items() if not importlib.util.find_spec(package.replace("-", "_"))]
)
def test_a_missing_package_is_one_line_that_names_the_extra(run_cli, indexed, monkeypatch, provider):
    monkeypatch.setenv("EVALUATOR_MODEL", f"{provider}:some-model")
    code, out, err = run_cli("grade", "-q", "2", stdin="gradients vanish")
    assert code == 2 and len(err.strip().splitlines()) == 1
    assert f"mock-interview-evaluator[{provider}]" in err and PROVIDERS[provider] in err


def test_every_provider_is_an_extra_of_the_package():
    text = (pytest.importorskip("pathlib").Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert all(f'{name} = ["{package}>=' in text for name, package in PROVIDERS.items())


def test_another_provider_counts_as_configured():
    assert read_settings(model="ollama:qwen3").chosen_grader == "llm"
    assert read_settings(model="qwen3:8b").chosen_grader == "embedded"


@pytest.fixture
def ollama(loopback, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", loopback.url.removesuffix("/v1"))
    return LLMGrader("ollama:qwen3:8b", options=LLMOptions(tries=1))


def test_ollama_is_asked_in_its_own_protocol_with_a_tool(loopback, ollama):
    report = grade_answer(QUESTION, small_rubric(), ANSWER, ollama)
    assert (report.status, report.score.value, report.error) == ("final", 100, None)
    assert loopback.requests[0]["model"] == "qwen3:8b" and loopback.requests[0]["tools"][0]["function"]["name"] == "give_verdicts"
    assert report.signature["model"] == "ollama:qwen3:8b" and report.grader.title == "LLM (ollama:qwen3:8b)"
    assert report.usage.prompt_tokens == 900 and report.to_data()["usage"]["cost_usd"] == "unknown"


def test_its_verdicts_are_checked_like_any_others(loopback, ollama):
    loopback.model = write_verdicts(verdict("alpha", "met", ["alpha is a fact"]))
    report = grade_answer(QUESTION, small_rubric(), ANSWER, ollama)
    assert report.status == "provisional" and "no_evidence" in report.review_reasons


def test_a_reply_in_the_wrong_shape_is_asked_for_again(loopback, ollama):
    loopback.model = '{"verdicts": "all met"}'
    report = grade_answer(QUESTION, small_rubric(), ANSWER, ollama)
    assert (report.status, report.error.kind, len(loopback.requests)) == ("failed", "bad_reply", 2)


def test_an_ollama_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    report = grade_answer(QUESTION, small_rubric(), ANSWER, LLMGrader("ollama:qwen3", options=LLMOptions(tries=1)))
    assert (report.status, report.error.kind) == ("failed", "connection")
    assert "ollama" in report.error.message
