"""Step 3 of 6. How to ask a server for JSON: the ladder of forms, and what is remembered of each server and model.

json_schema (strict) > tool call > json_object with the schema > json_object > plain text. We step down only when a server
refuses a form, and remember the step. Every form gets the same prompt, and every reply is read by the same strict reader.
"""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol

Part = Literal["form", "budget", "stream"]

FORMS = ("json_schema", "tool", "json_object_schema", "json_object", "text")
BUDGETS = ("max_tokens", "max_completion_tokens", "")
STREAMS = ("with_usage", "plain", "off")
TOOL = "give_verdicts"

_STREAM = re.compile(r"stream_options|include_usage|\bstream(?:ing)?\b", re.IGNORECASE)
_BUDGET = re.compile(r"max_(?:completion_)?tokens", re.IGNORECASE)
_FORM = re.compile(
    r"response_format|json_(?:schema|object)|structured output|grammar|guided|tool|function call|functions?\b|schema",
    re.IGNORECASE,
)
_FORM_IN_CRASH = re.compile(
    r"response_format|json_schema|json_object|structured output|grammar|tool_choice|\btools?\b", re.IGNORECASE
)
"""For HTTP 5xx, whose text is often a stack trace that mentions functions for other reasons."""
_TOO_LONG = re.compile(r"context[ _]?(?:length|window|size)|maximum context|prompt is too long|too many tokens", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to ask. `budget` is the name that the limit of reply tokens goes by (empty: none is sent), `stream` what a
    streamed reply can be asked to tell."""

    form: str = FORMS[0]
    budget: str = BUDGETS[0]
    stream: str = STREAMS[0]

    def options(self, schema: dict[str, Any], tokens: int) -> dict[str, Any]:
        """What goes into the request's body beside model and messages."""
        body: dict[str, Any] = {self.budget: tokens} if self.budget else {}
        if self.form == "json_schema":
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": TOOL, "strict": True, "schema": schema},
            }
        elif self.form == "tool":
            body["tools"] = [{"type": "function", "function": {"name": TOOL, "strict": True, "parameters": schema}}]
            body["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
        elif self.form == "json_object_schema":
            body["response_format"] = {"type": "json_object", "schema": schema}
        elif self.form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def without(self, part: Part) -> Dialect | None:
        """The next way to ask when a server has refused this part, or None when there is none."""
        if part == "stream":
            stream = _next(STREAMS, self.stream)
            return None if stream is None else replace(self, stream=stream)
        if part == "budget":
            budget = _next(BUDGETS, self.budget)
            return None if budget is None else replace(self, budget=budget)
        form = _next(FORMS, self.form)
        return None if form is None else replace(self, form=form)


def _next(names: tuple[str, ...], now: str) -> str | None:
    after = names.index(now) + 1
    return names[after] if after < len(names) else None


def is_too_long(text: str) -> bool:
    """Whether a server's refusal says that prompt and reply do not fit its context."""
    return _TOO_LONG.search(text) is not None


def refused_part(status: int, text: str) -> Part | None:
    """What of our way to ask an HTTP error is about, by its text; None when it is about something else."""
    if status not in (400, 404, 415, 422, 500, 501) or is_too_long(text):
        return None
    if _STREAM.search(text) and status < 500:
        return "stream"
    if _BUDGET.search(text) and status < 500:
        return "budget"
    pattern = _FORM if status in (400, 422) else _FORM_IN_CRASH
    return "form" if pattern.search(text) else None


class Notebook(Protocol):
    """Where dialects outlive the process."""

    def recall(self, server: str, model: str) -> dict[str, Any] | None: ...

    def remember(self, server: str, model: str, dialect: dict[str, Any]) -> None: ...


class DialectMemory:
    """What is known of servers and models. May be used by several threads."""

    def __init__(self, notebook: Notebook | None = None) -> None:
        self._notebook = notebook
        self._known: dict[tuple[str, str], Dialect] = {}
        self._worked: dict[tuple[str, str], Dialect] = {}
        self._lock = threading.Lock()

    def of(self, server: str, model: str, first: Dialect) -> Dialect:
        """The way to ask this model; `first` when nothing is known yet."""
        with self._lock:
            if (server, model) not in self._known:
                told = self._notebook.recall(server, model) if self._notebook else None
                known = _valid(told)
                if known:
                    self._worked[server, model] = known
                self._known[server, model] = known or first
            return self._known[server, model]

    def step_down(self, server: str, model: str, used: Dialect, part: Part) -> Dialect | None:
        """The way to ask after `used` was refused. Another request may have found it already."""
        with self._lock:
            now = self._known.get((server, model), used)
            if now != used:
                return now
            lower = used.without(part)
            if lower is not None:
                self._known[server, model] = lower
        return lower

    def keep(self, server: str, model: str) -> None:
        """Writes down what has just worked, once, so that another process need not find it out."""
        key = server, model
        if self._worked.get(key) == self._known[key]:
            return
        self._worked[key] = self._known[key]
        if self._notebook is not None:
            self._notebook.remember(server, model, asdict(self._known[key]))

    def is_settled(self, server: str, model: str) -> bool:
        """Whether some way to ask has worked before."""
        return (server, model) in self._worked


def _valid(told: dict[str, Any] | None) -> Dialect | None:
    if not told or told.get("form") not in FORMS or told.get("budget") not in BUDGETS or told.get("stream") not in STREAMS:
        return None
    return Dialect(told["form"], told["budget"], told["stream"])
