"""Whatever a model writes: a valid report or a typed failure, no credit without evidence, no score raised by a failure."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator.graders.llm import LLMGrader, LLMOptions
from evaluator.grading import grade_answer
from evaluator.questions import Question
from tests.factory import small_rubric
from tests.loopback import Loopback, complete, fail, points_in, verdict

QUESTION = Question(2, "Fundamentals", "Advanced", "Does alpha hold?")
ANSWER = "I say that alpha holds and beta holds too. However gamma does not hold here."
IDS = ("alpha", "beta", "gamma", "delta")
KINDS = {
    "auth", "quota", "unknown_model", "too_long", "bad_request", "rate_limited", "timeout", "connection", "server_error", "bad_reply",
    "truncated", "refusal", "nothing_scored",
}  # fmt: skip

quotes = st.lists(
    st.sampled_from(
        ["alpha holds", "beta holds too", "gamma does not hold", "hold here", "never said", "alpha", "Does alpha hold", ""]
    )
    | st.text(max_size=12),
    max_size=4,
)
rows = st.fixed_dictionaries(
    {
        "criterion": st.sampled_from([*IDS, "omega"]),
        "evidence": quotes,
        "reason": st.text(max_size=8),
        "level": st.sampled_from(["met", "partly", "missed", "contradicted", "cannot_assess", "superb"]),
        "misconception": st.none() | st.integers(-1, 3),
        "confidence": st.floats(-0.2, 1.2) | st.none(),
    }
)


def sound_row(id):
    """A row that can be read, with whatever quotes."""
    return rows.map(lambda row: row | {"criterion": id, "level": row["level"].replace("superb", "met"), "confidence": 0.9})


well_formed = st.permutations(IDS).flatmap(lambda ids: st.tuples(*map(sound_row, ids)))
replies = (
    st.builds(
        lambda given, more: json.dumps({"verdicts": list(given), "suspicious": more}),
        st.lists(rows, max_size=5) | well_formed,
        quotes,
    )
    | st.text(max_size=60)
    | st.sampled_from(["{}", "[]", "null", '{"verdicts": null}', '{"verdicts": [], "verdicts": []}'])
)
acts = st.builds(
    complete, replies, finish=st.sampled_from(["stop", "stop", "stop", "length", "content_filter", None])
) | st.builds(
    fail,
    st.sampled_from([400, 401, 404, 408, 418, 429, 500, 503]),
    message=st.sampled_from(["no", "response_format", "max_tokens"]),
)


async def no_wait(seconds):
    pass


@pytest.fixture(scope="module")
def server():
    loopback = Loopback()
    loopback.grader = LLMGrader("gpt-4.1-mini", "", loopback.url, LLMOptions(timeout=5), sleep=no_wait)
    yield loopback
    loopback.close()


@given(script=st.lists(acts, max_size=4), reply=replies, stream=st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_reply_ends_in_a_report_or_a_typed_failure(server, script, reply, stream):
    server.script, server.requests, server.model = list(script), [], reply
    watched = []
    report = grade_answer(QUESTION, small_rubric(), ANSWER, server.grader, watched.append if stream else None)
    json.dumps(report.to_data())
    report.to_markdown()
    if report.status == "failed":
        assert report.score.value is None and report.error.kind in KINDS and report.error.message and report.error.mend
        return
    assert [found.criterion.id for found in report.verdicts] == list(IDS)
    assert 0 <= report.score.low <= report.score.high <= 100
    for found in report.verdicts:
        assert found.evidence or not found.credit
        assert all(ANSWER[quote.start : quote.end] == quote.quote for quote in found.evidence)
    gained = sum(found.credit or 0 for found in report.verdicts)
    assert report.score.low == round(100 * gained / len(IDS), 1)  # what failed counts as nothing, in the same denominator


@given(given_levels=st.tuples(*[st.sampled_from(["met", "missed"])] * 4), spoilt=st.sets(st.sampled_from(IDS)))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spoiling_verdicts_never_raises_the_score(server, given_levels, spoilt):
    def write(quote_of):
        def model(body):
            asked = points_in(body)
            levels = dict(zip(IDS, given_levels, strict=True))
            return json.dumps({"verdicts": [verdict(id, levels[id], [quote_of(id)]) for id in asked], "suspicious": []})

        return model

    def low(model):
        server.script, server.requests, server.model = [], [], model
        return grade_answer(QUESTION, small_rubric(), ANSWER, server.grader).score.low or 0.0

    sound = low(write(lambda id: "alpha holds"))
    assert low(write(lambda id: "words never written" if id in spoilt else "alpha holds")) <= sound


@given(order=st.permutations(IDS))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_verdicts_does_not_matter(server, order):
    levels = {"alpha": "met", "beta": "met", "gamma": "missed", "delta": "missed"}
    server.script, server.requests = [], []
    server.model = json.dumps({"verdicts": [verdict(id, levels[id], ["alpha holds"]) for id in order], "suspicious": []})
    report = grade_answer(QUESTION, small_rubric(), ANSWER, server.grader)
    assert report.score.value == 50 and [found.criterion.id for found in report.verdicts] == list(IDS)
