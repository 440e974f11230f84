from pathlib import Path

import pytest

from evaluator.errors import BadSettings
from evaluator.settings import Settings, read_settings, variable


@pytest.mark.parametrize(
    ("env", "chosen"),
    [
        ({}, "embedded"),
        ({"OPENAI_API_KEY": "sk-x"}, "llm"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "llm"),
        ({"OPENAI_API_KEY": ""}, "embedded"),
        ({"OPENAI_API_KEY": "sk-x", "EVALUATOR_GRADER": "embedded"}, "embedded"),
        ({"EVALUATOR_GRADER": "stub"}, "stub"),
    ],
)
def test_auto_takes_the_llm_only_when_one_is_configured(monkeypatch, env, chosen):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert read_settings().chosen_grader == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVALUATOR_GRADER", "gpt"), ("EVALUATOR_TIMEOUT", "soon"), ("EVALUATOR_TRIES", "0"), ("OPENAI_BASE_URL", "localhost"),
        ("EVALUATOR_CHROMA_URL", "ftp://x"), ("EVALUATOR_TEMPERATURE", "3"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_by_its_variable_without_its_value(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        read_settings()
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_temperature_none_leaves_the_parameter_out(monkeypatch):
    monkeypatch.setenv("EVALUATOR_TEMPERATURE", "none")
    assert read_settings().temperature is None


def test_a_env_file_is_read_and_the_environment_wins(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    Path(".env").write_text("EVALUATOR_MODEL=qwen3:8b\nEVALUATOR_GRADER=stub\nOTHER=1\n")
    monkeypatch.setenv("EVALUATOR_GRADER", "embedded")
    settings = read_settings()
    assert (settings.model, settings.grader) == ("qwen3:8b", "embedded")


def test_a_key_shows_nowhere(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    settings = read_settings()
    assert "sk-secret" not in repr(settings) + str(settings.model_dump())


def test_every_setting_stands_in_the_documentation_and_the_example():
    root = Path(__file__).parent.parent
    for place in ("docs/settings.md", ".env.example"):
        text = (root / place).read_text()
        for name, field in Settings.model_fields.items():
            assert variable(name) in text, (place, name)
            if place.endswith(".md"):
                assert field.description in text, name
