"""Step 3 of 6. The LLM grader: LangChain over the OpenAI API, any server that speaks it, or another provider by name.

The chain: exemplars retrieved -> prompt written -> model asked and its reply read strictly -> verdicts verified. One request
judges the whole rubric; what cannot be confirmed, or is doubtful, is looked at again by itself. When it ends in failure
it says so; nothing else is graded with instead. docs/grading.md explains the chain to people who have to trust it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from evaluator.errors import BadReply, CannotGrade
from evaluator.graders.background import listen_in_background, run_in_background
from evaluator.graders.doubt import is_doubtful, settle
from evaluator.graders.exemplars import RankExemplars, choose_exemplars
from evaluator.graders.llm_call import Allowance, Caller
from evaluator.graders.llm_chain import Step
from evaluator.graders.llm_conversation import converse, show_verdicts
from evaluator.graders.llm_dialect import DialectMemory, Notebook
from evaluator.graders.llm_models import ModelMaker
from evaluator.graders.prompt import VERSION, Messages, prompt_hash, reply_schema, write_messages, write_single
from evaluator.graders.protocol import Gate, Graded, Grader, Identity, Listen, Usage
from evaluator.graders.reply import Reply
from evaluator.prices import PriceTable
from evaluator.questions import Question
from evaluator.rubric import Criterion, Exemplar, Rubric
from evaluator.suspicion import find_suspicious
from evaluator.verdict import CheckedVerdict, Verdict, check_each


@dataclass(frozen=True, slots=True)
class LLMOptions:
    """Times are in seconds: `timeout` for one request, `deadline` for one grading. `max_tokens` is a reply's first budget."""

    temperature: float | None = 0.0
    timeout: float = 60.0
    deadline: float = 120.0
    tries: int = 3
    max_tokens: int = 4_000
    second_look: Literal["off", "doubtful", "thorough"] = "doubtful"
    second_model: str = ""
    exemplars: int = 3

    def in_words(self, similar: bool) -> str:
        """What of them can change a verdict, for the signature."""
        temperature = "default" if self.temperature is None else f"{self.temperature:g}"
        shown = f"{self.exemplars} {'similar' if similar else 'fixed'} exemplars" if self.exemplars else "no exemplars"
        second = f"second look {self.second_look}" + (f" by {self.second_model}" if self.second_model else "")
        return f"temperature {temperature}, {shown}, {second}"


_TOKENS_OF_A_VERDICT = 70
"""Roughly what a model writes for one rubric point."""


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One answer on its way through the chain; each step adds what it found."""

    question: Question
    rubric: Rubric
    answer: str
    allowance: Allowance
    listen: Listen | None = None
    exemplars: tuple[Exemplar, ...] = ()
    messages: tuple[tuple[str, str], ...] = ()
    reply: Reply | None = None


class LLMGrader:
    """Build once and reuse: it holds the connections. May be used by several threads and event loops."""

    def __init__(
        self,
        model: str,
        key: str = "",
        base_url: str = "",
        options: LLMOptions | None = None,
        *,
        opinion: Grader | None = None,
        rank_exemplars: RankExemplars | None = None,
        notebook: Notebook | None = None,
        prices: PriceTable | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`opinion` is the grader asked for a second opinion when the second look is "thorough".

        Raises BadSettings when the model belongs to a provider whose package is missing.
        """
        self._options = options = options or LLMOptions()
        self._opinion = opinion if options.second_look == "thorough" else None
        self._rank = rank_exemplars
        memory = DialectMemory(notebook)

        def caller(name: str, setting: str) -> tuple[ModelMaker, Caller]:
            maker = ModelMaker(name, key, base_url, options.temperature, options.timeout, setting)
            price = prices.price(maker.server, maker.name) if prices else None
            return maker, Caller(maker, memory, key, price, timeout=options.timeout, tries=options.tries, sleep=sleep)

        self._keys: dict[tuple[int, str, str], Any] = {}
        self._maker, self._caller = caller(model, "EVALUATOR_MODEL")
        self._second_maker, self._second_caller = self._maker, self._caller
        if options.second_model:
            self._second_maker, self._second_caller = caller(options.second_model, "EVALUATOR_SECOND_MODEL")
        self._chain = Step(self._retrieve) | Step(self._write) | Step(self._judge) | Step(self._verify)

    @property
    def identity(self) -> Identity:
        model = self._maker.name if self._maker.is_openai else f"{self._maker.provider}:{self._maker.name}"
        options = self._options.in_words(self._rank is not None)
        second = f", second looks by {self._options.second_model}" if self._options.second_model else ""
        return Identity("llm", f"LLM ({model}{second})", model, VERSION, prompt_hash(), self._maker.shown_server, options)

    def cache_key(self, question: Question, rubric: Rubric, answer: str) -> str:
        """What a grading depends on, as a hash: when any of it changes, so does the key."""
        known = question.no, question.text, rubric.hash
        if known not in self._keys:
            self._keys[known] = self._key_without_answer(question, rubric)
        digest = self._keys[known].copy()
        for text in (answer, *(exemplar.answer for exemplar in self._exemplars(rubric, answer))):
            digest.update(hashlib.sha256(text.encode()).digest())
        return str(digest.hexdigest())

    def _key_without_answer(self, question: Question, rubric: Rubric) -> Any:
        schema = reply_schema(rubric.criteria)
        parts = [
            question.no,
            question.text,
            rubric.hash,
            asdict(self.identity),
            self._maker.server,
            self._options.max_tokens,
            schema,
            self._opinion.identity.model if self._opinion else "",
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode())

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """Raises GraderRefused, GraderUnreachable or BadReply. With `listen` the reply is streamed."""
        if listen is None:
            return run_in_background(self.agrade(question, rubric, answer))
        return listen_in_background(lambda tell: self.agrade(question, rubric, answer, tell), listen)

    async def agrade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """The same for many answers at once, in one event loop; call `close` in it at the end."""
        allowance = Allowance(self._options.deadline)
        try:
            graded: Graded = await self._chain.ainvoke(_Sitting(question, rubric, answer, allowance, listen))
        except CannotGrade as fault:
            fault.usage = allowance.usage
            raise
        return graded

    def foresee(self, question: Question, rubric: Rubric, answers: int, characters: int) -> Usage:
        """What grading so many answers with so many characters together is likely to take; four characters are a token."""
        messages = write_messages(question, rubric, "", (), self._exemplars(rubric, ""))
        prompt = (answers * sum(len(text) for _, text in messages) + characters) // 4
        completion = answers * _TOKENS_OF_A_VERDICT * len(rubric.criteria)
        return Usage(answers, prompt, None, completion, self._caller.cost(prompt, completion))

    def set_gate(self, gate: Gate) -> None:
        """From now on every request goes through it."""
        self._caller.gate = self._second_caller.gate = gate

    async def close(self) -> None:
        """Closes the connections of the running event loop."""
        for maker in (self._maker, self._second_maker):
            await maker.close()

    # --- the steps of the chain

    def _retrieve(self, sitting: _Sitting) -> _Sitting:
        return replace(sitting, exemplars=self._exemplars(sitting.rubric, sitting.answer))

    def _write(self, sitting: _Sitting) -> _Sitting:
        messages = write_messages(sitting.question, sitting.rubric, sitting.answer, (), sitting.exemplars)
        return replace(sitting, messages=tuple(messages))

    async def _judge(self, sitting: _Sitting) -> _Sitting:
        reply = await self._judge_all(sitting, list(sitting.messages), sitting.rubric.criteria)
        return replace(sitting, reply=reply)

    async def _verify(self, sitting: _Sitting) -> Graded:
        """Confirms the claims as step 4 will, and looks again at what it could not confirm or is doubtful."""
        assert sitting.reply is not None
        claims = {verdict.criterion: verdict for verdict in sitting.reply.verdicts}
        checked = _check(sitting, claims)
        opinions = await self._second_opinions(sitting)
        again = [criterion for criterion in sitting.rubric.criteria if self._deserves_a_look(checked[criterion.id], opinions)]
        looks = await asyncio.gather(
            *(self._look_again(sitting, criterion, claims[criterion.id], checked[criterion.id]) for criterion in again)
        )
        reasons: list[str] = []
        suspicious = list(sitting.reply.suspicious)
        verified = True
        for criterion, (verdict, reason, more) in zip(again, looks, strict=True):
            verified = verified and _check(sitting, {criterion.id: verdict})[criterion.id].is_scored
            claims[criterion.id] = verdict
            reasons += [reason] if reason else []
            suspicious += more
        if suspicious:
            reasons.append("suspicious_text")
        distinct = tuple(dict.fromkeys(suspicious))
        return Graded(tuple(claims.values()), sitting.allowance.usage, tuple(dict.fromkeys(reasons)), distinct, verified)

    # --- one request for all criteria, or several for fewer

    async def _judge_all(self, sitting: _Sitting, messages: Messages, criteria: Sequence[Criterion]) -> Reply:
        """A reply that was cut off, with more room too, is asked for in halves."""
        try:
            listen = show_verdicts(sitting.listen, criteria) if sitting.listen else None
            return await converse(self._caller, messages, criteria, self._options.max_tokens, sitting.allowance, listen)
        except BadReply as fault:
            if fault.kind != "truncated":
                raise
            if len(criteria) == 1:
                problem = "The model's reply is cut off at the length limit, even for a single rubric point."
                raise BadReply(
                    problem, "Raise EVALUATOR_MAX_TOKENS, or try another EVALUATOR_MODEL.", kind="truncated"
                ) from fault
        middle = (len(criteria) + 1) // 2
        replies = []
        for half in (criteria[:middle], criteria[middle:]):
            part = write_messages(sitting.question, sitting.rubric, sitting.answer, half, sitting.exemplars)
            replies.append(await self._judge_all(sitting, part, half))
        first, second = replies
        return Reply(first.verdicts + second.verdicts, first.suspicious + second.suspicious)

    # --- second looks

    def _deserves_a_look(self, verdict: CheckedVerdict, opinions: Mapping[str, Verdict]) -> bool:
        if verdict.credit is None:
            return True  # a claim that could not be confirmed is asked for again, always
        return self._options.second_look != "off" and is_doubtful(verdict, opinions.get(verdict.criterion.id))

    async def _look_again(
        self, sitting: _Sitting, criterion: Criterion, claim: Verdict, found: CheckedVerdict
    ) -> tuple[Verdict, str | None, tuple[str, ...]]:
        """The claim that stands, a review reason when there is one, and what the second look calls suspicious."""
        failed = claim.quotes if found.credit is None else ()
        messages = write_single(sitting.question, sitting.rubric, criterion, sitting.answer, failed)
        try:
            reply = await converse(self._second_caller, messages, [criterion], self._options.max_tokens, sitting.allowance)
        except CannotGrade:
            return claim, "second_look_failed", ()
        second = reply.verdicts[0]
        confirmed = _check(sitting, {criterion.id: second})[criterion.id]
        if found.credit is None:
            return (second if confirmed.credit is not None else claim), None, reply.suspicious
        verdict, reason = settle(found, claim, confirmed, second)
        return verdict, reason, reply.suspicious

    async def _second_opinions(self, sitting: _Sitting) -> Mapping[str, Verdict]:
        if self._opinion is None:
            return {}
        try:
            graded = await asyncio.to_thread(self._opinion.grade, sitting.question, sitting.rubric, sitting.answer)
        except CannotGrade:
            return {}
        return {verdict.criterion: verdict for verdict in graded.verdicts}

    def _exemplars(self, rubric: Rubric, answer: str) -> tuple[Exemplar, ...]:
        return choose_exemplars(rubric, answer, self._options.exemplars, self._rank)


def _check(sitting: _Sitting, claims: Mapping[str, Verdict]) -> dict[str, CheckedVerdict]:
    suspicious = find_suspicious(sitting.answer)
    criteria = [criterion for criterion in sitting.rubric.criteria if criterion.id in claims]
    return check_each(criteria, sitting.question.text, sitting.answer, tuple(claims.values()), suspicious)[0]
