"""Step 3 of 6. What the openai client raises, in our own tree of errors. No message of ours holds a key or an answer."""

from __future__ import annotations

import openai

from evaluator.errors import BadReply, CannotGrade, GraderRefused, GraderUnreachable


def translate(fault: Exception, model: str, base_url: str, key: str) -> CannotGrade:
    """The error of ours that says who mends it. Anything unknown is a reply that is not in OpenAI's format."""
    server = base_url or "the OpenAI API"
    if isinstance(fault, CannotGrade):
        return fault
    if isinstance(fault, openai.APITimeoutError):
        return GraderUnreachable(f"{server} did not answer in time.", "Try again, or raise EVALUATOR_TIMEOUT.", kind="timeout")
    if isinstance(fault, openai.APIConnectionError):
        return GraderUnreachable(
            f"{server} cannot be reached.", "Check OPENAI_BASE_URL and that the server runs.", kind="connection"
        )
    if isinstance(fault, openai.APIStatusError):
        return _by_status(fault, model, server, key)
    return BadReply(
        f"{server} sent something that is no chat completion ({type(fault).__name__}).",
        "Check that OPENAI_BASE_URL is an OpenAI-compatible address; it usually ends in /v1.",
    )


def _by_status(fault: openai.APIStatusError, model: str, server: str, key: str) -> CannotGrade:
    status = fault.status_code
    if status in (401, 403):
        mend = "Check OPENAI_API_KEY, and that it may use this model."
        return GraderRefused(f"{server} refused the key (HTTP {status}).", mend, kind="auth")
    if status == 429 and (fault.code == "insufficient_quota" or fault.type == "insufficient_quota"):
        return GraderRefused(f"The quota at {server} is used up.", "Check the plan and billing of this key.", kind="quota")
    if status == 429:
        mend = "Wait a little and try again."
        return GraderUnreachable(f"{server} is limiting the rate.", mend, kind="rate_limited", retry_after=_retry_after(fault))
    if status == 404:
        mend = "Check EVALUATOR_MODEL (evaluator doctor lists what the server offers) and OPENAI_BASE_URL."
        return GraderRefused(f'{server} has no model "{model}" at this address.', mend, kind="unknown_model")
    if status >= 500 or status in (408, 409, 425):
        problem = f"{server} failed (HTTP {status})."
        return GraderUnreachable(problem, "Try again in a minute.", kind="server_error", retry_after=_retry_after(fault))
    said = _said(fault, key)
    mend = "Set EVALUATOR_TEMPERATURE=none if the model refuses a temperature; otherwise try another EVALUATOR_MODEL."
    return GraderRefused(f"{server} refused the request (HTTP {status}{said}).", mend, kind="bad_request")


def _retry_after(fault: openai.APIStatusError) -> float | None:
    try:
        return max(0.0, float(fault.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _said(fault: openai.APIStatusError, key: str) -> str:
    """The server's own words, shortened, with the key taken out should it repeat it."""
    body = fault.body if isinstance(fault.body, dict) else {}
    text = " ".join(str(body.get("message") or "").split())
    if key:
        text = text.replace(key, "…")
    return f": {text[:200]}" if text else ""
