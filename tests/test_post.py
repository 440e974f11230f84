"""The plain way of a request: what goes out is what the openai client would send, what comes back is what it would give."""

import asyncio
import gzip
import json

import openai
import pytest
from openai import AsyncOpenAI

from evaluator.graders.llm_post import Post
from tests.loopback import complete, fail

BODY = {"model": "m", "messages": [{"role": "user", "content": "Grüße"}], "temperature": 0.0}
KEY = "sk-" + "k" * 20
HOW_THE_BYTES_TRAVEL = ("accept-encoding", "connection")


def both_ways(url, body=BODY, **options):
    """What the client itself gives, and what the post gives: a reply or an error."""

    async def ask():
        client = AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0, **options)
        post = Post(client)
        try:
            return [await tried(client.post("/chat/completions", cast_to=object, body=body)), await tried(post.send(body))]
        finally:
            await post.aclose()
            await client.close()

    return asyncio.run(ask())


async def tried(asking):
    try:
        return await asking
    except (openai.OpenAIError, ValueError) as fault:
        return type(fault), getattr(fault, "status_code", None), getattr(fault, "body", None), str(fault)


def reply_with(data, kind="application/json", **headers):
    def act(handler, body):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return act


def test_the_request_is_the_clients_own_to_the_last_header(loopback):
    loopback.model = "fine"
    both_ways(f"{loopback.url}?tenant=a%20b", organization="org-x", project="proj-y", default_headers={"X-Team": "hiring"})
    theirs, ours = (
        {name.lower(): value for name, value in headers.items() if name.lower() not in HOW_THE_BYTES_TRAVEL}
        for headers in loopback.headers
    )
    assert ours == theirs and ours["authorization"] == f"Bearer {KEY}" and ours["x-team"] == "hiring"
    assert loopback.requests == [BODY, BODY]
    assert loopback.paths[0] == loopback.paths[1] and "tenant=a%20b" in loopback.paths[1]


@pytest.mark.parametrize(
    "act",
    [
        complete("fine"),
        fail(401),
        fail(429, headers={"Retry-After": "7"}),
        fail(500),
        reply_with(b"no json"),
        reply_with(b'{"choices": NaN}'),
        reply_with(b'{"a": "\\ud800"}'),
        reply_with(b"<html>a page</html>", "text/html"),
        reply_with(gzip.compress(json.dumps({"choices": []}).encode()), Content_Encoding="gzip"),
        reply_with(gzip.compress(b"a page"), "text/html", Content_Encoding="gzip"),
    ],
    ids=["reply", "401", "429", "500", "no json", "nan", "half a character", "page", "zipped", "zipped page"],
)
def test_a_reply_is_what_the_client_makes_of_it(loopback, act):
    loopback.script = [act, act]
    theirs, ours = both_ways(loopback.url)
    assert repr(ours) == repr(theirs)


def test_an_error_still_says_how_long_to_wait(loopback):
    loopback.script = [fail(429, headers={"Retry-After": "7"})]

    async def ask():
        async with AsyncOpenAI(api_key=KEY, base_url=loopback.url, max_retries=0) as client:
            post = Post(client)
            with pytest.raises(openai.RateLimitError) as caught:
                await post.send(BODY)
            await post.aclose()
        return caught.value.response.headers["retry-after"]

    assert asyncio.run(ask()) == "7"


def test_where_nobody_listens_the_client_would_say_so_too():
    theirs, ours = both_ways("http://127.0.0.1:9/v1")
    assert ours[0] is theirs[0] is openai.APIConnectionError


def test_a_redirect_is_followed(loopback):
    def elsewhere(handler, body):
        handler.send_response(307)
        handler.send_header("Location", f"{loopback.url}/elsewhere/chat/completions")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    loopback.script = [elsewhere, complete("there"), elsewhere, elsewhere, complete("there")]
    theirs, ours = both_ways(loopback.url)
    assert ours == theirs and ours["choices"][0]["message"]["content"] == "there"


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_behind_a_proxy_everything_goes_through_it(loopback, monkeypatch, name):
    monkeypatch.setenv(name, loopback.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "")
    loopback.model = "fine"
    theirs, ours = both_ways("http://models.invalid/v1")
    assert ours == theirs and ours["choices"]
    assert loopback.paths == ["http://models.invalid/v1/chat/completions"] * 2


def test_many_at_once_learn_from_the_client_once(loopback):
    loopback.script = [complete("fine"), fail(500), fail(503), complete("fine"), fail(400)]

    async def ask():
        async with AsyncOpenAI(api_key=KEY, base_url=loopback.url, max_retries=0) as client:
            post = Post(client)
            found = await asyncio.gather(*(tried(post.send(BODY)) for _ in range(5)))
            await post.aclose()
        return found

    told = asyncio.run(ask())
    assert sorted(found[1] for found in told if isinstance(found, tuple)) == [400, 500, 503]
    assert len(loopback.requests) == 5
