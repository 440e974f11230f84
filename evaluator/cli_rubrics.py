"""The command line of rubrics. Thin, like cli.py, which adds these commands to its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from evaluator.cli_parts import JsonOption, NoCacheOption, assembly_with, changes_for, count, note, show
from evaluator.errors import BadInput

rubrics_app = typer.Typer(no_args_is_help=True, help="The rubrics the answers are graded by.")


@rubrics_app.command("check")
def check_rubrics(
    paths: Annotated[list[Path] | None, typer.Argument(help="Rubric files or folders; default: the rubrics folder.")] = None,
    faults_only: Annotated[bool, typer.Option("--faults-only", help="Look for faults alone, which takes no model.")] = False,
) -> None:
    """Check rubric files: faults, which keep a rubric from being used, and flaws, which make its scores worth less.

    Each is one line with file, line, place and mend. Exit code 0: neither; 1: flaws; 2: faults.
    """
    from evaluator.graders.embedded import EmbeddedGrader
    from evaluator.rubric import Rubric
    from evaluator.rubric_check import Fault
    from evaluator.rubric_files import check_rubric_files
    from evaluator.rubric_lint import find_flaws

    assembly = assembly_with()
    grader = EmbeddedGrader(assembly.model)

    def flaws_of(rubric: Rubric) -> list[Fault]:
        question = assembly.bank[rubric.question]
        return find_flaws(rubric, question, assembly.model, lambda text: grader.addressed(question, rubric, text))

    numbers = [question.no for question in assembly.bank]
    if not faults_only and sys.stderr.isatty():
        note("Looking for flaws takes up to a second a rubric; --faults-only is instant.")
    checked = check_rubric_files(paths or [assembly.settings.rubrics_dir], numbers, None if faults_only else flaws_of)
    for line in [*checked.faults, *checked.flaws]:
        show(line)
    counts = [count(len(checked.faults), "fault")] + ([] if faults_only else [count(len(checked.flaws), "flaw")])
    note(f"{count(len(checked.rubrics), 'rubric')} can be used; {' and '.join(counts)}.")
    if checked.faults or checked.flaws:
        raise typer.Exit(2 if checked.faults else 1)


@rubrics_app.command("test")
def test_rubrics(
    questions: Annotated[list[int] | None, typer.Argument(help="Numbers of questions; default: all with a rubric.")] = None,
    grader: Annotated[Literal["auto", "llm", "embedded", "stub"], typer.Option(help="Who grades the exemplars.")] = "embedded",
    least: Annotated[float, typer.Option(min=0, max=1, help="Share of the rubrics that must rank their exemplars right.")] = 1.0,
    summary_only: Annotated[bool, typer.Option("--summary", help="Print one line for each rubric.")] = False,
    as_json: JsonOption = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Grade the exemplars of rubrics and compare the levels given with those expected.

    Exit code 0: enough rubrics rank strong over partial over wrong; 1: too few, or an exemplar not graded; 2: bad input.
    """
    from evaluator.rubric_files import list_rubric_files
    from evaluator.rubric_trial import describe, summarise, summarise_all, try_rubrics

    assembly = assembly_with(**changes_for(grader, no_cache))
    files = list_rubric_files(assembly.settings.rubrics_dir)
    for number in questions or []:
        if number not in files:
            raise BadInput(f"Question {number} has no rubric.", f"Use one of: {', '.join(map(str, sorted(files)))}.")
    chosen = sorted(set(questions or files))
    numbers = [question.no for question in assembly.bank]
    rubrics = [files[number].read(numbers) for number in chosen]
    if not rubrics:
        raise BadInput("There is no rubric to test.", "Set EVALUATOR_RUBRICS_DIR to a folder with rubrics.")
    exemplars = sum(len(rubric.exemplars) for rubric in rubrics)
    note(f"{count(exemplars, 'exemplar')} of {count(len(rubrics), 'rubric')}, graded by {assembly.grader.identity.title}.")
    trials = []
    jobs = 1 if assembly.grader.identity.name == "llm" else os.cpu_count() or 1
    pairs = [(assembly.bank[rubric.question], rubric) for rubric in rubrics]
    for trial in try_rubrics(pairs, assembly.grader, jobs):
        trials.append(trial)
        if not as_json:
            show(f"{trial.question.no:>3} {summarise(trial)}" if summary_only else describe(trial) + "\n")
        if trial.not_graded == len(trial.rubric.exemplars) and (error := trial.reports[0].error):
            note(f"Stopped: no exemplar of question {trial.question.no} could be graded. {error.message} {error.mend}")
            break
    if as_json:
        show(json.dumps([trial.to_data() for trial in trials], ensure_ascii=False, indent=2))
    note(summarise_all(trials))
    if sum(trial.ordered for trial in trials) < least * len(trials) or any(trial.not_graded for trial in trials):
        raise typer.Exit(1)


@rubrics_app.command("show")
def show_rubric(
    number: Annotated[int, typer.Argument(help="Number of the question.")],
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a page for an interviewer, in Markdown.")] = False,
) -> None:
    """Show the rubric of a question, as the store holds it."""
    from evaluator.rubric_page import write_page

    assembly = assembly_with()
    question = assembly.bank[number]
    rubric = assembly.store.rubric(number)
    if as_json:
        show(json.dumps(rubric.to_data(), ensure_ascii=False, indent=2))
        return
    if as_markdown:
        show(write_page(question, rubric))
        return
    show(f"Question {number}: {question.text}\nRubric version {rubric.version} ({rubric.hash})\n")
    for criterion in rubric.criteria:
        show(f"{criterion.id} (weight {criterion.weight:g})\n  {criterion.requirement}")
        for level in criterion.levels:
            show(f"    {level.id} ({level.credit:g}): {level.anchor}")
        for misconception in criterion.misconceptions:
            show(f"    wrong: {misconception.claim}")
        show(f"    probe: {criterion.probe}\n")


@rubrics_app.command("index")
def index_rubrics() -> None:
    """Bring the store in line with the rubric files."""
    assembly = assembly_with()
    written, faults = assembly.store.index_all()
    for line in assembly.store.notices:
        note(line)
    show(f"{written} questions indexed anew; {len(assembly.store.numbers())} of {len(assembly.bank)} have a rubric.")
    if faults:
        raise typer.Exit(2)
