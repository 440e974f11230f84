"""Step 3 of 6. What clients and servers raise, in our own tree of errors. No message of ours holds a key or an answer."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import httpx
import openai

from evaluator.errors import BadReply, CannotGrade, GraderRefused, GraderUnreachable
from evaluator.graders.llm_dialect import Part, is_too_long, refused_part
from evaluator.graders.llm_models import OPENAI_API
from evaluator.settings import PROVIDERS

_SECRET = re.compile(r"\b(?:sk|pk|key|gsk|xai|hf)[-_][A-Za-z0-9_*-]{6,200}|\b[A-Za-z0-9_-]{28,200}")
"""What looks like a key, for servers that repeat a key which we do not know."""
_LONGEST_WORDS = 4_000
"""Characters of a server's words that are looked at."""
_OUT_OF_TIME = (TimeoutError, openai.APITimeoutError, httpx.TimeoutException)
_OUT_OF_REACH = (ConnectionError, openai.APIConnectionError, httpx.TransportError)


class Refused(CannotGrade):
    """The server refuses part of our way to ask. `otherwise` is the error when there is no other way left."""

    kind = "refused_form"

    def __init__(self, part: Part, otherwise: CannotGrade) -> None:
        super().__init__(otherwise.message, otherwise.mend)
        self.part = part
        self.otherwise = otherwise


def translate(fault: Exception, model: str, server: str, key: str) -> CannotGrade:
    """The error of ours that says who mends it. Anything unknown is a reply that is not in the expected format."""
    server = "the OpenAI API" if server == OPENAI_API else server
    if isinstance(fault, CannotGrade):
        return fault
    status = _status(fault)
    if status is not None:
        return _by_status(fault, status, model, server, key)
    if isinstance(fault, _OUT_OF_TIME) and not _was_cut_off(fault):
        return GraderUnreachable(f"{server} did not answer in time.", "Try again, or raise EVALUATOR_TIMEOUT.", kind="timeout")
    if isinstance(fault, _OUT_OF_TIME + _OUT_OF_REACH):
        mend = f"Check {_address_setting(server)} and that the server runs."
        return GraderUnreachable(f"{server} cannot be reached.", mend, kind="connection")
    return BadReply(
        f"{server} sent something that is no chat completion ({type(fault).__name__}).",
        f"Check {_address_setting(server)}; an OpenAI-compatible address usually ends in /v1.",
    )


def _was_cut_off(fault: BaseException | None) -> bool:
    """Whether a refused or broken connection lies below: the aiohttp transport reports those as timeouts."""
    while fault is not None:
        if isinstance(fault, OSError | aiohttp.ClientError) and not isinstance(fault, TimeoutError):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _status(fault: Exception) -> int | None:
    for name in ("status_code", "code"):
        value = getattr(fault, name, None)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _by_status(fault: Exception, status: int, model: str, server: str, key: str) -> CannotGrade:
    said = _said(fault, key)
    plain = _plain_error(fault, status, model, server, said)
    part = refused_part(status, said)
    return plain if part is None or plain.kind in ("auth", "quota") else Refused(part, plain)


def _plain_error(fault: Exception, status: int, model: str, server: str, said: str) -> CannotGrade:
    if status in (401, 403):
        mend = f"Check {_key_setting(server)}, and that it may use this model."
        return GraderRefused(f"{server} refused the key (HTTP {status}).", mend, kind="auth")
    if status == 402 or (status == 429 and "insufficient_quota" in (_code(fault), getattr(fault, "type", None))):
        return GraderRefused(f"The quota at {server} is used up.", "Check the plan and billing of this key.", kind="quota")
    wish = _retry_after(fault)
    if status == 429:
        asks = f" It asks to wait {wish:.0f} s." if wish and wish >= 1 else ""
        problem = f"{server} is limiting the rate.{asks}"
        return GraderUnreachable(problem, "Wait a little and try again.", kind="rate_limited", retry_after=wish)
    if is_too_long(said):
        mend = "Set EVALUATOR_EXEMPLARS=0, give the model a larger context, or shorten the answer."
        return GraderRefused(f"The prompt does not fit the context of {model} at {server}.", mend, kind="too_long")
    if status == 404:
        mend = f"Check EVALUATOR_MODEL (evaluator doctor lists what the server offers) and {_address_setting(server)}."
        return GraderRefused(f'{server} has no model "{model}" at this address.', mend, kind="unknown_model")
    if status >= 500 or status in (408, 409, 425):
        problem = f"{server} failed (HTTP {status})."
        return GraderUnreachable(problem, "Try again in a minute.", kind="server_error", retry_after=wish)
    words = f": {said[:200]}" if said else ""
    mend = "Set EVALUATOR_TEMPERATURE=none if the model refuses a temperature; otherwise try another EVALUATOR_MODEL."
    return GraderRefused(f"{server} refused the request (HTTP {status}{words}).", mend, kind="bad_request")


def _is_provider(server: str) -> bool:
    """Whether this is a provider's name, which has settings of its own, and not an address of ours."""
    return server in PROVIDERS


def _address_setting(server: str) -> str:
    return f"the address that {server} is configured with" if _is_provider(server) else "OPENAI_BASE_URL"


def _key_setting(server: str) -> str:
    return f"the key that {server} is configured with" if _is_provider(server) else "OPENAI_API_KEY"


def _retry_after(fault: Exception) -> float | None:
    """Seconds that the server asks to wait, from a number or a date."""
    response = getattr(fault, "response", None)
    text = response.headers.get("retry-after", "") if response is not None else ""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _code(fault: Exception) -> object:
    return getattr(fault, "code", None)


def _said(fault: Exception, key: str) -> str:
    """The server's own words on one line, shortened, with whatever looks like a key taken out."""
    body: Any = getattr(fault, "body", None)
    if isinstance(body, dict):
        error = body.get("error")
        inner: dict[str, Any] = error if isinstance(error, dict) else body
        parts = [inner.get(name) or body.get(name) for name in ("message", "detail", "param", "code")]
        text = " ".join(str(part) for part in parts if part)
    else:
        text = str(body or getattr(fault, "message", "") or fault)
    text = " ".join(text[:_LONGEST_WORDS].split())
    if key:
        text = re.sub(r"\s?".join(map(re.escape, key)), "…", text, flags=re.IGNORECASE)
    return _SECRET.sub(_mask, text)[:1_000]


def _mask(found: re.Match[str]) -> str:
    """A long word without a digit is a name and stays."""
    return "…" if any(char.isdigit() for char in found[0]) or found[0][:3].lower() in ("sk-", "sk_", "pk-", "pk_") else found[0]
