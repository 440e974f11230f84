"""Step 3 of 6. Plain functions as LangChain runnables, piped with `|`.

LangChain's own RunnableLambda and RunnableSequence set up callbacks and a task for every step, which costs more CPU time
than the whole request (benchmarks/llm_overhead.py); nothing here is traced, so ours only call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


class Step(Runnable[Any, Any]):
    """One function, plain or asynchronous."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.name = function.__name__.strip("_")

    def __or__(self, other: Any) -> Chain:  # type: ignore[override]
        return Chain(self, other)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return self.function(input)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        output = self.function(input)
        return await output if inspect.isawaitable(output) else output


class Chain(Runnable[Any, Any]):
    """Steps in order, each fed with what the last one gave."""

    def __init__(self, *steps: Runnable[Any, Any]) -> None:
        self.steps = steps

    def __or__(self, other: Any) -> Chain:  # type: ignore[override]
        return Chain(*self.steps, other)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        for step in self.steps:
            input = step.invoke(input, config)
        return input

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        for step in self.steps:
            input = await step.ainvoke(input, config)
        return input
