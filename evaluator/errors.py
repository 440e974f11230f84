"""Every error this program raises on purpose, in one tree. Anything else is a bug and may show a traceback.

EvaluatorError
├── BadInput             the person who gave it mends it; exit code 2
│   ├── BadQuestion      no such question, or a text that fits several
│   ├── BadAnswer        not text, or too long
│   ├── BadRubric        a rubric file with faults, all of them listed; or no rubric at all
│   └── BadSettings      an environment variable or .env line
└── CannotGrade          the input was fine, the grading was not; exit code 1
    ├── GraderRefused    whoever runs the program mends it: key, quota, model name, address
    ├── GraderUnreachable  time mends it: rate limits, timeouts, server errors; tried again before it is raised
    ├── BadReply         the model wrote something that is no verdict; another model or a person mends it
    ├── StoreFailed      the Chroma store cannot be opened or rebuilt
    └── EmbedderFailed   the embedding model is missing, damaged or out of reach
"""

from __future__ import annotations

from typing import Any


class EvaluatorError(Exception):
    """`message` says what is wrong and where, `mend` what to do; both are one line and hold no secrets."""

    kind = "error"

    def __init__(self, message: str, mend: str = "", *, kind: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        if kind is not None:
            self.kind = kind

    def __str__(self) -> str:
        return f"{self.message} {self.mend}".strip()


class BadInput(EvaluatorError):
    kind = "bad_input"


class BadQuestion(BadInput):
    kind = "bad_question"


class BadAnswer(BadInput):
    kind = "bad_answer"


class BadRubric(BadInput):
    """`faults` holds one line for each fault, with file, place and mend."""

    kind = "bad_rubric"

    def __init__(self, message: str, mend: str = "", *, faults: tuple[str, ...] = ()) -> None:
        super().__init__(message, mend)
        self.faults = faults


class BadSettings(BadInput):
    kind = "bad_settings"


class CannotGrade(EvaluatorError):
    """`usage` is what the failed grading took all the same, where a grader counts it."""

    kind = "cannot_grade"
    usage: Any = None


class GraderRefused(CannotGrade):
    """Kinds: auth, quota, unknown_model, too_long, bad_request."""

    kind = "bad_request"


class GraderUnreachable(CannotGrade):
    """Kinds: rate_limited, timeout, connection, server_error. `retry_after` is the server's wish in seconds."""

    kind = "server_error"

    def __init__(self, message: str, mend: str = "", *, kind: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, mend, kind=kind)
        self.retry_after = retry_after


class BadReply(CannotGrade):
    """Kinds: bad_reply, truncated, refusal."""

    kind = "bad_reply"


class StoreFailed(CannotGrade):
    kind = "store"


class EmbedderFailed(CannotGrade):
    kind = "embedder"
