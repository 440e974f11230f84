"""Step 3 of 6. A grader that computes here, asked for many answers at once from one event loop: each takes a thread."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from evaluator.graders.protocol import Gate, Graded, Grader, Identity, Usage
from evaluator.questions import Question
from evaluator.rubric import Rubric


class ThreadedGrader:
    """Wraps a grader that may be used by several threads. `close` it at the end."""

    def __init__(self, grader: Grader, threads: int = 0) -> None:
        self._grader = grader
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="grader")

    @property
    def identity(self) -> Identity:
        return self._grader.identity

    async def agrade(self, question: Question, rubric: Rubric, answer: str) -> Graded:
        """Raises CannotGrade."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._grader.grade, question, rubric, answer)

    def set_gate(self, gate: Gate) -> None:
        pass

    def foresee(self, question: Question, rubric: Rubric, answers: int, characters: int) -> Usage:
        return Usage()

    async def close(self) -> None:
        self._pool.shutdown()
