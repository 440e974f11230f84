"""Step 3 of 6. Which grader, by the settings. Heavy libraries are imported only for the grader that needs them."""

from __future__ import annotations

from typing import Literal

from evaluator.cache import VerdictCache
from evaluator.errors import BadSettings
from evaluator.graders.exemplars import RankExemplars
from evaluator.graders.protocol import Grader
from evaluator.minilm import MiniLM
from evaluator.prices import read_prices
from evaluator.settings import Settings


def build_grader(
    settings: Settings,
    model: MiniLM,
    name: Literal["llm", "embedded", "stub"] | None = None,
    cache: VerdictCache | None = None,
    rank_exemplars: RankExemplars | None = None,
) -> Grader:
    """The named grader, or the one the settings choose. `model` is shared with the store. Raises BadSettings.

    With a cache, an LLM's verified verdicts are kept in it, and what is known of servers.
    """
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
    from evaluator.graders.cached import CachedGrader
    from evaluator.graders.embedded import EmbeddedGrader
    from evaluator.graders.llm import LLMGrader, LLMOptions

    grader = LLMGrader(
        settings.model,
        settings.openai_api_key.get_secret_value(),
        settings.openai_base_url,
        LLMOptions(
            temperature=settings.temperature,
            timeout=settings.timeout,
            deadline=settings.deadline,
            tries=settings.tries,
            max_tokens=settings.max_tokens,
            second_look=settings.second_look,
            second_model=settings.second_model,
            exemplars=settings.exemplars,
        ),
        opinion=EmbeddedGrader(model),
        rank_exemplars=rank_exemplars if settings.exemplar_choice == "similar" else None,
        notebook=cache if settings.cache else None,
        prices=read_prices(settings.prices_file),
    )
    return CachedGrader(grader, cache) if cache is not None and settings.cache else grader
