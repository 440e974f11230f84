"""What the commands share: options, how settings become parts, how things are printed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from evaluator.assembly import Assembly

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
GraderOption = Annotated[
    Literal["auto", "llm", "embedded", "stub"] | None, typer.Option(help="Who grades; overrides EVALUATOR_GRADER.")
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Ask the LLM anew and keep nothing.")]


def assembly_with(**changes: object) -> Assembly:
    """The parts of the program, by the settings with these changes. Raises BadSettings."""
    from evaluator.assembly import Assembly
    from evaluator.logs import set_up_logging
    from evaluator.settings import read_settings

    assembly = Assembly(read_settings(**changes))
    set_up_logging(assembly.settings.log_level)
    return assembly


def changes_for(grader: str | None, no_cache: bool) -> dict[str, object]:
    """Options as changes to the settings."""
    return ({"grader": grader} if grader else {}) | ({"cache": False} if no_cache else {})


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def show(text: str) -> None:
    """To standard output, without the control characters that could steer a terminal."""
    typer.echo(_tame(text))


def note(text: str) -> None:
    """To standard error, in the same way."""
    typer.echo(_tame(text), err=True)


def _tame(text: str) -> str:
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")
