"""A plan in words, for --dry-run."""

from __future__ import annotations

from collections.abc import Iterator

from evaluator.batch.job import Plan

_SECONDS_A_REPLY, _SECONDS_EMBEDDED = 5.0, 0.35


def describe_plan(plan: Plan, grader: str) -> Iterator[str]:
    counts = plan.counts
    yield f"{counts.rows:,} answers to {len(plan.questions)} questions, {counts.faults:,} rows that cannot be graded."
    yield from (f"  {fault}" for fault in plan.faults)
    if counts.faults > len(plan.faults):
        yield f"  ... and {counts.faults - len(plan.faults):,} more."
    if counts.rows > counts.distinct:
        yield f"{counts.rows - counts.distinct:,} answers are copies of others and graded with them."
    if counts.graded:
        yield f"{counts.graded:,} answers are graded already."
    if plan.found.outdated:
        yield f"{plan.found.outdated:,} reports were made otherwise: {'; '.join(plan.found.reasons)}."
    yield f"{plan.to_do:,} gradings to do, by {grader}."
    usage = plan.usage
    if usage.requests:
        tokens = f"{usage.prompt_tokens:,} prompt tokens, {usage.completion_tokens:,} reply tokens"
        yield f"At least {usage.requests:,} requests; about {tokens}."
        yield "Cost unknown: the price list does not name this model." if usage.cost is None else f"About ${usage.cost:.2f}."
        yield f"About {_span(plan.to_do * _SECONDS_A_REPLY / 32)} at {_SECONDS_A_REPLY:g} s a reply and 32 at a time."
    elif plan.to_do:
        yield f"About {_span(plan.to_do * _SECONDS_EMBEDDED)} on two cores."


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"
