"""Step 3 of 6. One question to the model, until it has answered or cannot: tries, waits, the ladder of forms, deadlines.

Retries are ours alone (the client's are off): bounded in number, in seconds, and in how long a server may make us wait.
Every request leaves one line in the log, without key or text.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from evaluator.errors import BadReply, CannotGrade, GraderUnreachable
from evaluator.graders.llm_dialect import BUDGETS, TOOL, Dialect, DialectMemory
from evaluator.graders.llm_errors import Refused, translate
from evaluator.graders.llm_models import OPENAI_API, ModelMaker
from evaluator.graders.prompt import Messages
from evaluator.graders.protocol import Gate, TooSlow, Usage
from evaluator.prices import Price

_WHOLE = ("stop", "tool_calls", "function_call", "end_turn", "stop_sequence", "tool_use", "STOP", "eos", "eos_token")
"""How a whole reply ends, in the words of various servers; some say nothing."""
_MOST_TOKENS = 1 << 40
"""Of one request; a server that says more is not believed."""
_MOST_REFUSALS = 30
"""How often one request of many is made again because the server limits the rate."""
LONGEST_WAIT = 20.0
"""Seconds we wait between tries at most, whatever Retry-After asks for."""

NewListener = Callable[[], Callable[[str], None]]
"""Called at the start of every streamed request; what it gives is fed with the pieces of that reply."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RawReply:
    """What the model sent, unread. `problem` says why its text cannot be one whole reply, whatever stands in it."""

    text: str
    finish: str | None
    problem: BadReply | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass
class Allowance:
    """What one grading may take, in seconds, and has taken so far."""

    seconds: float
    usage: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)

    def excuse(self, seconds: float) -> None:
        """So many were waited and not spent on the grading."""
        self.seconds += seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.began + self.seconds - time.monotonic()


@dataclass(frozen=True, slots=True)
class _Request:
    """What one try asks for, in whatever form."""

    messages: Messages
    schema: dict[str, Any]
    tokens: int
    allowance: Allowance
    listen: NewListener | None
    attempt: int
    given_up: int = 0


class _Silent(CannotGrade):
    """A stream without text: how some servers stream an error or a refusal. Asked plainly, they say which it is."""

    kind = "empty_stream"


class Caller:
    """One model. Holds no state of a grading; may be used by several tasks at once."""

    def __init__(
        self,
        maker: ModelMaker,
        memory: DialectMemory,
        key: str = "",
        price: Price | None = None,
        *,
        timeout: float,
        tries: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._maker = maker
        self._memory = memory
        self._key = key
        self._price = price
        self._timeout = timeout
        self._tries = tries
        self._sleep = sleep
        self.gate: Gate | None = None
        self._opened: asyncio.Event | None = None

    def cost(self, prompt: int, completion: int) -> float | None:
        """US dollars for these numbers of tokens, none of them cached; None where the price is unknown."""
        return self._price.cost(prompt, 0, completion) if self._price else None

    @property
    def first_dialect(self) -> Dialect:
        """The best way to ask that this kind of server may know."""
        if not self._maker.is_openai:
            return Dialect(form="tool", budget="max_tokens" if self._maker.provider == "anthropic" else "")
        return Dialect(budget=BUDGETS[1] if self._maker.server == OPENAI_API else BUDGETS[0])

    async def ask(
        self,
        messages: Messages,
        schema: dict[str, Any],
        tokens: int,
        allowance: Allowance,
        listen: NewListener | None = None,
    ) -> RawReply:
        """One reply. With `listen` it is streamed, and every piece of its text is passed on. Raises CannotGrade."""
        attempt = refused = given_up = 0
        while True:
            attempt += 1
            try:
                reply = await self._try(_Request(messages, schema, tokens, allowance, listen, attempt, given_up))
                for _ in range(given_up):  # nobody said what those took: as much, we take it
                    allowance.usage += replace(reply.usage, requests=0)
                return reply
            except TooSlow:
                given_up, attempt = given_up + 1, attempt - 1
                continue
            except GraderUnreachable as fault:
                wait = _wait(fault, attempt)
                if self.gate is not None and fault.kind == "rate_limited" and refused < _MOST_REFUSALS:
                    refused, attempt = refused + 1, attempt - 1  # many at once are what made it busy: it is no try of its own
                if attempt == self._tries or wait >= allowance.left:
                    if given_up:
                        allowance.usage += Usage(0, None, None, None, None)
                    raise
                if (wish := fault.retry_after or 0.0) > LONGEST_WAIT:
                    log.warning("wait seconds=%.1f although the server asks for %.0f", wait, wish)
                else:
                    log.info("wait seconds=%.1f", wait)
            await self._sleep(wait)

    async def _try(self, request: _Request) -> RawReply:
        """One try. The very first of many goes alone, so that it alone finds out how the server can be asked."""
        if self.gate is None or self._memory.is_settled(self._maker.server, self._maker.name):
            return await self._descend(request)
        if self._opened is None:
            self._opened = asyncio.Event()
            try:
                return await self._descend(request)
            finally:
                self._opened.set()
        began = time.monotonic()
        await self._opened.wait()
        request.allowance.excuse(time.monotonic() - began)
        return await self._descend(request)

    async def _descend(self, request: _Request) -> RawReply:
        """Down the ladder as far as the server makes us go."""
        server, model = self._maker.server, self._maker.name
        dialect: Dialect | None = self._memory.of(server, model, self.first_dialect)
        while dialect is not None:
            try:
                reply = await self._request(request, dialect)
            except _Silent:
                request = replace(request, listen=None)
            except Refused as fault:
                dialect = self._memory.step_down(server, model, dialect, fault.part)
                refusal = fault.otherwise
            else:
                self._memory.keep(server, model)
                return reply
        raise refusal

    async def _request(self, request: _Request, dialect: Dialect) -> RawReply:
        allowance = request.allowance
        if self.gate is not None:
            allowance.excuse(await self.gate.before_request())
        started, outcome, finish = time.monotonic(), "ok", None
        log.debug("prompt %s", request.messages)
        allowance.usage += Usage(requests=1, cost=0.0 if self._price else None)
        try:
            limit = min(self._timeout, allowance.left)
            gate = self.gate
            async with gate.within(limit, request.given_up, allowance.excuse) if gate is not None else asyncio.timeout(limit):
                message = await self._send(request, dialect)
            finish = _finish(message)
            if self.gate is not None:
                self.gate.was_answered(time.monotonic() - started)
            usage = self._usage(message)
            allowance.usage += usage
            if dialect.budget and (usage.completion_tokens or 0) >= request.tokens:
                finish = "length"  # llama.cpp's Python server says "tool_calls" of a tool call that it has cut off
            reply = _raw(message, finish, usage, may_talk=not self._maker.is_openai)
            log.debug("reply %s", reply.text)
            return reply
        except TooSlow:
            outcome = "slow"
            raise
        except Exception as fault:
            known = translate(fault, self._maker.name, self._maker.shown_server, self._key)
            if known.kind == "timeout" and allowance.left <= 0:
                known = GraderUnreachable(
                    f"No verdict after {allowance.seconds:g} s.", "Try again, or raise EVALUATOR_DEADLINE.", kind="timeout"
                )
            outcome = known.kind
            if self.gate is not None and isinstance(known, GraderUnreachable) and outcome == "rate_limited":
                self.gate.was_refused(known.retry_after)
            if outcome in ("timeout", "connection"):
                allowance.usage += Usage(0, None, None, None, None)  # nobody said what it took
            raise known from fault
        finally:
            log.info(
                "call model=%s try=%d form=%s finish=%s outcome=%s seconds=%.2f",
                self._maker.name, request.attempt, dialect.form, finish, outcome, time.monotonic() - started,
            )  # fmt: skip

    async def _send(self, request: _Request, dialect: Dialect) -> AIMessage:
        model: Any = self._maker.get()
        # servers differ in how they stream a tool call
        listen = None if dialect.form == "tool" or dialect.stream == "off" else request.listen
        if self._maker.is_openai:
            options = dialect.options(request.schema, request.tokens)
            if listen is None:
                return _as_message(await model.ask(request.messages, options))
            usage = dialect.stream == "with_usage"
            return await self._stream(model.astream(request.messages, stream_usage=usage, extra_body=options), listen())
        if dialect.form == "tool":
            model = model.bind_tools([_tool(request.schema)], tool_choice=TOOL)
        options = {dialect.budget: request.tokens} if dialect.budget else {}
        if listen is None:
            return _as_message(await model.ainvoke(request.messages, **options))
        return await self._stream(model.astream(request.messages, **options), listen())

    async def _stream(self, chunks: AsyncIterator[AIMessageChunk], feed: Callable[[str], None]) -> AIMessage:
        """The whole of a streamed reply. Raises when it is not whole, or holds nothing at all."""
        whole: AIMessageChunk | None = None
        async for chunk in chunks:
            whole = chunk if whole is None else whole + chunk
            feed(_text(chunk))
        finish = _finish(whole) if whole is not None else None
        if whole is None or (finish is not None and not _text(whole).strip()):
            raise _Silent(f"{self._maker.shown_server} sent an empty stream.", "Try again.")
        if finish is None:
            raise GraderUnreachable(
                f"{self._maker.shown_server} broke off in the middle of its reply.", "Try again.", kind="connection"
            )
        return whole

    def _usage(self, message: AIMessage) -> Usage:
        """What one reply took; unknown where the server does not say."""
        told = message.usage_metadata
        if not told:
            return Usage(0, None, None, None, None)
        details = told.get("input_token_details") or {}
        counts = _count(told["input_tokens"]), _count(details.get("cache_read")), _count(told["output_tokens"])
        return Usage(0, *counts, cost=self._price.cost(*counts) if self._price else None)


def _wait(fault: GraderUnreachable, attempt: int) -> float:
    """Seconds before the next try: growing, with jitter so that many workers do not come back at once; the server's wish
    counts up to a limit."""
    backoff = min(8.0, 0.5 * 2.0 ** (attempt - 1)) + random.uniform(0, 0.5)
    return min(LONGEST_WAIT, max(fault.retry_after or 0.0, backoff))


def _count(value: object) -> int | None:
    """A number of tokens, or None when what the server says is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS else None


def _as_message(message: Any) -> AIMessage:
    if not isinstance(message, AIMessage):
        raise BadReply("The server sent no message.", "Check that OPENAI_BASE_URL is an OpenAI-compatible address.")
    return message


def _finish(message: AIMessage) -> str | None:
    data = message.response_metadata
    for name in ("finish_reason", "stop_reason", "done_reason"):
        if data.get(name):
            return str(data[name])
    return None


def _raw(message: AIMessage, finish: str | None, usage: Usage, may_talk: bool) -> RawReply:
    """The finish reason and the refusal are looked at before the text. `may_talk`: a text may stand beside the tool call, as
    other providers' models write one; the call is what counts."""
    text = _text(message)
    problem = None
    calls = _tool_calls(message)
    if message.additional_kwargs.get("refusal") or finish in ("refusal", "SAFETY"):
        problem = BadReply("The model refused to grade this answer.", "Let a person grade it.", kind="refusal")
    elif finish == "content_filter":
        problem = BadReply("The server's content filter stopped the reply.", "Let a person grade it.", kind="refusal")
    elif finish in ("length", "max_tokens", "MAX_TOKENS"):
        problem = BadReply("it was cut off at the length limit; be brief", kind="truncated")
    elif finish is not None and finish not in _WHOLE:
        problem = BadReply(f'it ended with "{finish[:40]}"')
    elif len(calls) > 1:
        problem = BadReply("it calls more than one tool")
    elif calls and calls[0][0] != TOOL:
        problem = BadReply(f'it calls the tool "{calls[0][0][:40]}", which does not exist')
    elif calls and text.strip() and not may_talk:
        problem = BadReply("it holds both a tool call and a text")
    elif calls:
        text = calls[0][1]
    if problem is None and not text.strip():
        problem = BadReply("it is empty")
    return RawReply(text, finish, problem, usage)


def _tool_calls(message: AIMessage) -> list[tuple[str, str]]:
    """(name, arguments as sent) of every tool call."""
    raw = message.additional_kwargs.get("tool_calls")
    if isinstance(raw, list):
        functions = [call.get("function") or {} for call in raw if isinstance(call, dict)]
        return [(str(function.get("name")), str(function.get("arguments") or "")) for function in functions]
    if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
        return [(str(chunk.get("name")), chunk.get("args") or "") for chunk in message.tool_call_chunks]
    calls = [(call["name"], json.dumps(call["args"], ensure_ascii=False)) for call in message.tool_calls]
    return calls + [(str(call.get("name")), str(call.get("args"))) for call in message.invalid_tool_calls]


def _text(message: AIMessage) -> str:
    return message.content if isinstance(message.content, str) else str(message.text)


def _tool(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": TOOL, "description": "Gives the verdicts.", "parameters": schema}}
