"""What a million and a hundred million answers take, by arithmetic from what was measured on one machine of two cores.

Run: python -m benchmarks.scale
Nothing here is measured; each constant says which command measured it. docs/scale.md holds the output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ANSWERS = (1_000_000, 100_000_000)
SHARED, OWN, SCHEMA, REPLY = 3_377, 160, 198, 490
"""Tokens of a request: the same for all answers to a question (2,506 and three exemplars of 871); a 120-word answer; the schema;
and of a reply on seven points. benchmarks/prompt_size.py; replies as the dry run estimates them."""
DOUBTFUL, SECOND = 0.5, 1_312 + 160 + 120
"""Second looks an answer, assumed, and the tokens of one."""
CPU_MS = 2.5
"""Our own work on an answer. benchmarks/batch.py."""
EMBEDDED = 2.5
"""Answers a second on two cores. benchmarks/embedded_speed.py."""
BYTES = 4_300
"""Of the run folder, an answer. benchmarks/batch.py memory."""


@dataclass(frozen=True)
class Model:
    """US dollars for a million tokens (data/prices.yaml) and tokens a minute that a provider lets through, assumed."""

    name: str
    prompt: float
    cached: float
    reply: float
    a_minute: float


MODELS = (
    Model("gpt-4.1-mini", 0.40, 0.10, 1.60, 10e6),
    Model("gpt-4o-mini", 0.15, 0.075, 0.60, 10e6),
    Model("gpt-4.1", 2.00, 0.50, 8.00, 10e6),
)


def main() -> None:
    fresh, cached = OWN + SCHEMA + DOUBTFUL * SECOND, SHARED
    reply = REPLY + DOUBTFUL * REPLY / 7
    print(f"an answer: {1 + DOUBTFUL:g} requests, {fresh + cached:,.0f} prompt tokens,", end=" ")
    print(f"{cached:,} of them cacheable, {reply:,.0f} reply tokens")
    print()
    print("| | " + " | ".join(f"{count:,}" for count in ANSWERS) + " |")
    print("|---|" + "---|" * len(ANSWERS))
    row("thousand million tokens", lambda count: f"{count * (fresh + cached + reply) / 1e9:,.1f}")
    for model in MODELS:
        each = (fresh * model.prompt + cached * model.cached + reply * model.reply) / 1e6
        plain = ((fresh + cached) * model.prompt + reply * model.reply) / 1e6
        row(f"{model.name}, prefix cached", lambda count, each=each: f"${count * each:,.0f}")
        row(f"{model.name}, nothing cached", lambda count, plain=plain: f"${count * plain:,.0f}")
    row("time at 10 million tokens a minute", lambda count: days(count * (fresh + cached + reply) / 10e6 * 60))
    row("in flight then, at 5 s a reply", lambda count: f"{10e6 / 60 / (fresh + cached + reply) * (1 + DOUBTFUL) * 5:,.0f}")
    row("our own work on one core", lambda count: days(count * CPU_MS / 1000))
    row("embedded grader, one machine of two cores", lambda count: days(count / EMBEDDED))
    row("such machines for a week", lambda count: f"{count / EMBEDDED / (7 * 86_400):,.1f}")
    row("the run folder", lambda count: f"{count * BYTES / 1e9:,.1f} GB")


def row(name: str, value: Callable[[int], str]) -> None:
    print(f"| {name} | " + " | ".join(value(count) for count in ANSWERS) + " |")


def days(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours" if seconds < 2 * 86_400 else f"{seconds / 86_400:,.1f} days"


if __name__ == "__main__":
    main()
