"""The unit of work: some answers to one question in, what became of them out, both plain data. Any engine may run it anywhere.

A batch in this process grades answer by answer (run.py). A cluster or a provider's batch endpoint would send units out, and
hand what comes back to Batch.keep, which writes the same folder.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from evaluator.assembly import Assembly
from evaluator.grading import agrade_answer
from evaluator.report import Report
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings

_OF_THE_MOMENT = ("usage", "from_cache", "seconds")
"""What differs from one grading of an answer to the next; it is kept apart, so that a run is the same bytes every time."""


class Unit(TypedDict):
    """`answers`: key -> text. `settings`: changes to the settings of the machine that runs it, by field name; no key in it."""

    question: int
    answers: dict[str, str]
    settings: dict[str, Any]


class GradedData(TypedDict):
    """`report`: the fields of Report.to_data but for those of the moment, which are in `usage`."""

    key: str
    report: dict[str, Any]
    usage: dict[str, Any]


def grade_unit(unit: Unit, jobs: int = 8) -> list[GradedData]:
    """In the order of the unit's answers. A grading that fails is a failed report; raises BadInput for a unit that is none."""
    assembly = Assembly(read_settings(**unit["settings"]))
    question = assembly.bank[unit["question"]]
    rubric = list_rubric_files(assembly.settings.rubrics_dir)[question.no].read([entry.no for entry in assembly.bank])

    async def grade_all() -> list[GradedData]:
        grader, places = assembly.async_grader, asyncio.Semaphore(jobs)

        async def grade(key: str, text: str) -> GradedData:
            async with places:
                return graded_data(key, await agrade_answer(question, rubric, text, grader))

        try:
            return await asyncio.gather(*(grade(key, text) for key, text in unit["answers"].items()))
        finally:
            await grader.close()

    return asyncio.run(grade_all())


def graded_data(key: str, report: Report) -> GradedData:
    data = report.to_data()
    moment = {name: data.pop(name) for name in _OF_THE_MOMENT}
    return {"key": key, "report": data, "usage": moment.pop("usage") | moment}
