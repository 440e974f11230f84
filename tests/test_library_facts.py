"""What LangChain and the openai client do that our code is built around. When one of these fails after an upgrade, look whether the
code that works around it is still needed."""

import asyncio

import openai
import pytest
from langchain.chat_models import init_chat_model
from openai import AsyncOpenAI, DefaultAioHttpClient
from pydantic import BaseModel

from tests.loopback import complete, cut_stream, fail, say, tool_call


class Verdict(BaseModel):
    level: str


@pytest.fixture
def model(loopback):
    return init_chat_model("m", model_provider="openai", base_url=loopback.url, api_key="x", max_retries=0, timeout=5)


def test_structured_output_raises_on_bad_json_in_spite_of_include_raw(loopback, model):
    loopback.model = '{"level": "me'
    with pytest.raises(ValueError):
        model.with_structured_output(Verdict, method="json_schema", include_raw=True).invoke("hi")


def test_a_dict_schema_is_not_validated_and_the_first_of_two_objects_wins(loopback, model):
    loopback.model = '{"level": 3}{"level": "met"}'
    schema = {"title": "Verdict", "type": "object", "properties": {"level": {"type": "string"}}, "required": ["level"]}
    assert model.with_structured_output(schema, method="json_schema").invoke("hi") == {"level": 3}


def test_malformed_arguments_of_a_tool_call_give_neither_a_result_nor_an_error(loopback, model):
    loopback.script = [complete("", content=None, tool_calls=[tool_call('{"level": ', "Verdict")])]
    told = model.with_structured_output(Verdict, method="function_calling", include_raw=True).invoke("hi")
    assert told["parsed"] is None and told["parsing_error"] is None


def test_a_field_given_twice_is_lost_in_the_arguments_of_a_tool_call(loopback, model):
    loopback.script = [complete("", content=None, tool_calls=[tool_call('{"level": "missed", "level": "met"}', "Verdict")])]
    message = model.invoke("hi")
    assert message.tool_calls[0]["args"] == {"level": "met"} and "tool_calls" not in message.additional_kwargs


def test_through_extra_body_a_reply_comes_back_as_it_was_sent(loopback, model):
    loopback.script = [complete("no JSON", finish="length")]
    message = model.invoke("hi", extra_body={"response_format": {"type": "json_object"}})
    assert (message.content, message.response_metadata["finish_reason"]) == ("no JSON", "length")
    assert message.usage_metadata["input_tokens"] == 900


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": None}, {}, {"choices": [{"index": 0}]}])
def test_an_odd_reply_raises_something_generic(loopback, model, body):
    loopback.script = [say(body)]
    with pytest.raises((IndexError, TypeError, AttributeError)):
        model.invoke("hi")


def test_a_stream_cut_half_way_ends_without_an_exception(loopback, model):
    loopback.script = [cut_stream("hello there " * 20)]
    chunks = list(model.stream("hi"))
    assert chunks and not any(chunk.response_metadata.get("finish_reason") for chunk in chunks)


def test_the_client_tries_a_used_up_quota_again(loopback):
    loopback.script = [fail(429, "insufficient_quota")] * 3
    with pytest.raises(openai.RateLimitError):
        openai.OpenAI(base_url=loopback.url, api_key="x", max_retries=1).chat.completions.create(model="m", messages=[])
    assert len(loopback.requests) == 2


def test_a_refused_connection_comes_out_of_the_aiohttp_transport_as_a_timeout():
    async def ask():
        async with AsyncOpenAI(
            base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0, http_client=DefaultAioHttpClient()
        ) as client:
            await client.chat.completions.create(model="m", messages=[])

    with pytest.raises(openai.APITimeoutError):
        asyncio.run(ask())


def test_the_budget_goes_out_under_the_name_that_some_servers_ignore(loopback):
    loopback.model = "fine"
    init_chat_model("m", model_provider="openai", base_url=loopback.url, api_key="x", max_tokens=7).invoke("hi")
    assert "max_completion_tokens" in loopback.requests[0] and "max_tokens" not in loopback.requests[0]
