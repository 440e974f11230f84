"""Step 3 of 6. Which grader, by the settings. Heavy libraries are imported only for the grader that needs them."""

from __future__ import annotations

from typing import Literal

from evaluator.errors import BadSettings
from evaluator.graders.protocol import Grader
from evaluator.minilm import MiniLM
from evaluator.settings import Settings


def build_grader(settings: Settings, model: MiniLM, name: Literal["llm", "embedded", "stub"] | None = None) -> Grader:
    """The named grader, or the one the settings choose. `model` is shared with the store. Raises BadSettings."""
    chosen = name or settings.chosen_grader
    if chosen == "stub":
        from evaluator.graders.stub import StubGrader

        return StubGrader()
    if chosen == "embedded":
        from evaluator.graders.embedded import EmbeddedGrader

        return EmbeddedGrader(model)
    if not settings.has_llm:
        raise BadSettings(
            "The LLM grader needs a key or an address.",
            "Set OPENAI_API_KEY or OPENAI_BASE_URL, or grade with EVALUATOR_GRADER=embedded.",
        )
    from evaluator.graders.llm import LLMGrader

    return LLMGrader(
        settings.model,
        settings.openai_api_key.get_secret_value(),
        settings.openai_base_url,
        temperature=settings.temperature,
        timeout=settings.timeout,
        deadline=settings.deadline,
        tries=settings.tries,
    )
