"""Every setting, read from the environment and from `.env`; nothing else of this program looks there."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from evaluator.errors import BadSettings

_ROOT = Path(__file__).resolve().parent.parent
_BUNDLED = Path(__file__).resolve().parent / "bundled"
_HOME = _ROOT if (_ROOT / "data" / "questions.jsonl").is_file() else _BUNDLED


PROVIDERS = {
    "anthropic": "langchain-anthropic",
    "google_genai": "langchain-google-genai",
    "mistralai": "langchain-mistralai",
    "ollama": "langchain-ollama",
}
"""LLM providers beside OpenAI-compatible servers, and the package that each one needs."""


def _named(name: str) -> AliasChoices:
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """One field for each variable; the descriptions are what the documentation says."""

    model_config = SettingsConfigDict(
        env_prefix="EVALUATOR_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    grader: Literal["auto", "llm", "embedded", "stub"] = Field(
        "auto",
        description="Who grades. auto: the LLM when a key, an address or a provider's model is configured, else the embedded "
        "grader.",
    )
    model: str = Field(
        "gpt-4.1-mini",
        min_length=1,
        description="The LLM's name, as its server knows it; anthropic:NAME, google_genai:NAME, mistralai:NAME or ollama:NAME "
        "for another provider.",
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=_named("OPENAI_API_KEY"), description="Key of the LLM's server. Local servers need none."
    )
    openai_base_url: str = Field(
        "",
        validation_alias=_named("OPENAI_BASE_URL"),
        description="Address of an OpenAI-compatible server, usually ending in /v1.",
    )
    temperature: float | None = Field(
        0.0, ge=0, le=2, description='Sampling temperature; "none" for models that refuse the parameter.'
    )
    timeout: float = Field(60.0, gt=0, le=600, description="Seconds one request to the LLM may take.")
    deadline: float = Field(120.0, gt=0, le=3600, description="Seconds one grading may take with all its tries.")
    tries: int = Field(3, ge=1, le=10, description="How often a request is made when the server is busy or out of reach.")
    max_tokens: int = Field(
        4_000, ge=200, le=100_000, description="Tokens one reply may have; three times as many after one that was cut off."
    )
    second_look: Literal["off", "doubtful", "thorough"] = Field(
        "doubtful",
        description="off: no second look; doubtful: the LLM looks again at doubtful rubric points; thorough: also where the "
        "embedded grader strongly disagrees.",
    )
    second_model: str = Field("", description="Another model, on the same server or provider:NAME, for those second looks.")
    exemplars: int = Field(3, ge=0, le=5, description="How many exemplars with known levels the LLM is shown.")
    exemplar_choice: Literal["fixed", "similar"] = Field(
        "fixed", description="The same exemplars for every answer to a question, or those most similar to the answer."
    )
    cache: bool = Field(True, description="Whether an LLM's verified verdicts are kept, so that no grading is paid for twice.")
    prices_file: Path = Field(_HOME / "data" / "prices.yaml", description="What tokens cost, for the cost in reports.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="What is logged to standard error. info: a line for each request; debug: prompts and replies too."
    )
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("mock-interview-evaluator"),
        description="Folder for what the program keeps, the Chroma store among it. Default: the user's data folder.",
    )
    questions_file: Path = Field(_HOME / "data" / "questions.jsonl", description="The question bank.")
    rubrics_dir: Path = Field(_HOME / "rubrics", description="The folder of rubric files.")
    chroma_url: str = Field("", description="Address of a Chroma server, to use instead of the store in the data folder.")
    embeddings_url: str = Field("", description="Address of an OpenAI-compatible embeddings endpoint, for search by meaning.")
    embeddings_model: str = Field("text-embedding-3-small", description="The model that endpoint is asked for.")
    embeddings_key: SecretStr = Field(SecretStr(""), description="Key of that endpoint, if it needs one.")

    @field_validator("temperature", mode="before")
    @classmethod
    def _none_in_words(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() == "none" else value

    @field_validator("openai_base_url", "chroma_url", "embeddings_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("data_dir", "questions_file", "rubrics_dir", "prices_file")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser()

    @property
    def has_llm(self) -> bool:
        """Whether there is a key, an address, or another provider by name, which has its own."""
        return bool(self.openai_api_key.get_secret_value() or self.openai_base_url or self.provider != "openai")

    @property
    def provider(self) -> str:
        return provider_of(self.model)

    @property
    def chosen_grader(self) -> Literal["llm", "embedded", "stub"]:
        """What `auto` comes to."""
        if self.grader != "auto":
            return self.grader
        return "llm" if self.has_llm else "embedded"


def provider_of(model: str) -> str:
    """The provider that a model's name begins with, or "openai": `qwen3:8b` is a model's own name, colon and all."""
    provider, colon, name = model.partition(":")
    return provider if colon and name and provider in PROVIDERS else "openai"


def without_password(address: str) -> str:
    """An address as it may be shown: without user, password and query."""
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2].partition('?')[0]}"


def variable(field: str) -> str:
    """The environment variable of a field: `grader` -> EVALUATOR_GRADER."""
    return field.upper() if field.startswith("openai_") else f"EVALUATOR_{field.upper()}"


def read_settings(**changes: object) -> Settings:
    """The settings, with changes by field name on top. Raises BadSettings naming each variable, never its value."""
    try:
        return Settings(**changes)  # type: ignore[arg-type]
    except ValidationError as fault:
        problems = "; ".join(
            f"{_variable_in(error['loc'])}: {error['msg'].removeprefix('Value error, ')}" for error in fault.errors()
        )
        raise BadSettings(
            f"Settings: {problems}.", "Change it in the environment or in .env; docs/settings.md lists all."
        ) from None


@functools.cache
def _fields() -> dict[str, str]:
    return {variable(name).lower(): variable(name) for name in Settings.model_fields}


def _variable_in(loc: tuple[int | str, ...]) -> str:
    name = str(loc[0]) if loc else "?"
    return _fields().get(name.lower(), variable(name))
