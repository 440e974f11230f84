"""Step 3 of 6. From a question to a reply that can be used: more room when it was cut off, the reason when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evaluator.errors import BadReply
from evaluator.graders.llm_call import Allowance, Caller, NewListener, RawReply
from evaluator.graders.preview import Preview
from evaluator.graders.prompt import Messages, reply_schema, write_repair
from evaluator.graders.protocol import Listen
from evaluator.graders.reply import Reply, read_reply
from evaluator.rubric import Criterion

MORE_ROOM = 3
"""How many times the reply's budget grows after one that was cut off."""


async def converse(
    caller: Caller,
    messages: Messages,
    criteria: Sequence[Criterion],
    tokens: int,
    allowance: Allowance,
    listen: NewListener | None = None,
) -> Reply:
    """A verdict for each criterion. `tokens` is the reply's first budget. Raises CannotGrade; BadReply of kind "truncated" when
    more room was not enough."""
    schema = reply_schema(criteria)
    raw = await caller.ask(messages, schema, tokens, allowance, listen)
    if raw.problem is not None and raw.problem.kind == "truncated":
        tokens *= MORE_ROOM
        raw = await caller.ask(messages, schema, tokens, allowance, listen)
    try:
        return _read(raw, criteria)
    except BadReply as fault:
        if fault.kind != "bad_reply":
            raise
        repair = messages + write_repair(raw.text, fault.message)
    raw = await caller.ask(repair, schema, tokens, allowance, listen)
    try:
        return _read(raw, criteria)
    except BadReply as fault:
        if fault.kind != "bad_reply":
            raise
        problem = f"The model's reply cannot be used, twice in a row: {fault.message}."
        raise BadReply(problem, "Try again, or set EVALUATOR_MODEL to a stronger model.") from fault


def show_verdicts(tell: Listen, criteria: Sequence[Criterion]) -> NewListener:
    """Tells each verdict of a streamed reply as soon as it is complete."""

    def begin() -> Callable[[str], None]:
        preview = Preview(criteria)

        def feed(piece: str) -> None:
            for verdict in preview.feed(piece):
                tell(verdict)

        return feed

    return begin


def _read(raw: RawReply, criteria: Sequence[Criterion]) -> Reply:
    if raw.problem is not None:
        raise raw.problem
    return read_reply(raw.text, criteria)
