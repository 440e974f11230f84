"""Step 3 of 6. The LLM grader: LangChain over the OpenAI API or any server that speaks it.

One request judges the whole rubric. The chain is prompt -> model -> strict reading; a reply that cannot be read is asked
for once more, with the reason. Retries are ours alone (the client's are off): bounded in number, in seconds, and in how
long a server may make us wait. When it ends in failure it says so; nothing else is graded with instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from evaluator.errors import BadReply, GraderUnreachable
from evaluator.graders.llm_errors import translate
from evaluator.graders.prompt import VERSION, prompt_hash, reply_schema, write_messages, write_repair
from evaluator.graders.protocol import Graded, Identity, Usage
from evaluator.graders.reply import Reply, read_reply
from evaluator.questions import Question
from evaluator.rubric import Rubric

LONGEST_WAIT = 20.0
"""Seconds we wait between tries at most, whatever Retry-After asks for."""

log = logging.getLogger(__name__)


class LLMGrader:
    """Build once and reuse: it holds the connections. May be used by several threads."""

    def __init__(
        self,
        model: str,
        key: str = "",
        base_url: str = "",
        *,
        temperature: float | None = 0.0,
        timeout: float = 60.0,
        deadline: float = 120.0,
        tries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timeout` is for one request, `deadline` for one grading, both in seconds."""
        self._name = model
        self._key = key
        self._base_url = base_url
        self._timeout = timeout
        self._deadline = deadline
        self._tries = tries
        self._sleep = sleep
        options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
        self._model = init_chat_model(
            model,
            model_provider="openai",
            base_url=base_url or "https://api.openai.com/v1",
            api_key=key or "none",  # the client insists on one; local servers ignore it
            timeout=timeout,
            max_retries=0,
            use_responses_api=False,
            **options,
        )

    @property
    def identity(self) -> Identity:
        title = f"LLM ({self._name})"
        return Identity("llm", title, self._name, prompt_version=VERSION, prompt_hash=prompt_hash())

    def grade(self, question: Question, rubric: Rubric, answer: str) -> Graded:
        """Raises GraderRefused, GraderUnreachable or BadReply."""
        ends = time.monotonic() + self._deadline
        messages = write_messages(question, rubric, answer)
        chain = self._chain(rubric)
        message, usage = self._ask(chain, messages, ends)
        try:
            reply = _read(message, rubric)
        except BadReply as fault:
            if fault.kind == "refusal":
                raise
            again = messages + write_repair(str(message.content), fault.message)
            message, more = self._ask(chain, again, ends)
            usage += more
            reply = _read_or_give_up(message, rubric)
        reasons = ("suspicious_text",) if reply.suspicious else ()
        return Graded(reply.verdicts, usage, reasons)

    def _chain(self, rubric: Rubric) -> Runnable[Any, AIMessage]:
        # Through extra_body the reply comes back as it was sent, and our own strict reader decides; see reply.py.
        form = {"type": "json_schema", "json_schema": {"name": "verdicts", "strict": True, "schema": reply_schema(rubric)}}
        chain: Runnable[Any, AIMessage] = self._model.bind(extra_body={"response_format": form}) | RunnableLambda(_as_message)
        return chain

    def _ask(self, chain: Runnable[Any, AIMessage], messages: list[tuple[str, str]], ends: float) -> tuple[AIMessage, Usage]:
        """One message, after as many tries as are allowed and fit before the deadline."""
        tries = 0

        def once() -> AIMessage:
            nonlocal tries
            left = ends - time.monotonic()
            if left <= 0:
                raise GraderUnreachable(
                    f"No verdict after {self._deadline:g} s.", "Try again, or raise EVALUATOR_DEADLINE.", kind="timeout"
                )
            tries += 1
            started = time.monotonic()
            outcome = "ok"
            try:
                return chain.invoke(messages, timeout=min(self._timeout, left))
            except Exception as fault:
                known = translate(fault, self._name, self._base_url, self._key)
                outcome = known.kind
                raise known from fault
            finally:
                log.info("call model=%s try=%d outcome=%s seconds=%.2f", self._name, tries, outcome, time.monotonic() - started)

        retrying = Retrying(
            retry=retry_if_exception_type(GraderUnreachable),
            stop=lambda state: stop_after_attempt(self._tries)(state) or time.monotonic() + _wait(state) >= ends,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        message = retrying(once)
        return message, _usage(message, tries)


_backoff = wait_exponential_jitter(initial=0.5, max=8.0, jitter=0.5)


def _wait(state: RetryCallState) -> float:
    fault = state.outcome.exception() if state.outcome else None
    wish = fault.retry_after if isinstance(fault, GraderUnreachable) else None
    return min(LONGEST_WAIT, max(wish or 0.0, _backoff(state)))


def _as_message(message: Any) -> AIMessage:
    if not isinstance(message, AIMessage):
        raise BadReply("The server sent no message.", "Check that OPENAI_BASE_URL is an OpenAI-compatible address.")
    return message


def _read(message: AIMessage, rubric: Rubric) -> Reply:
    """The finish reason and the refusal are looked at before the text."""
    if message.additional_kwargs.get("refusal"):
        raise BadReply("The model refused to grade this answer.", "Let a person grade it.", kind="refusal")
    finish = message.response_metadata.get("finish_reason")
    if finish == "content_filter":
        raise BadReply("The server's content filter stopped the reply.", "Let a person grade it.", kind="refusal")
    if finish == "length":
        raise BadReply("it was cut off at the length limit; be brief", kind="truncated")
    if not isinstance(message.content, str) or not message.content.strip():
        raise BadReply("it is empty")
    return read_reply(message.content, rubric)


def _read_or_give_up(message: AIMessage, rubric: Rubric) -> Reply:
    try:
        return _read(message, rubric)
    except BadReply as fault:
        if fault.kind == "refusal":
            raise
        problem = f"The model's reply cannot be used, twice in a row: {fault.message}."
        raise BadReply(problem, "Try again, or set EVALUATOR_MODEL to a stronger model.", kind=fault.kind) from fault


def _usage(message: AIMessage, requests: int) -> Usage:
    told = message.usage_metadata
    if not told:
        return Usage(requests, None, None, None)
    details = told.get("input_token_details") or {}
    return Usage(requests, told["input_tokens"], details.get("cache_read"), told["output_tokens"])
