"""What grading with an LLM costs beside the request itself: CPU time per answer, ours against the bare openai client.

Both send the same requests to the same server on the loopback, which answers after 20 ms; both keep the same number in
flight. Ours adds everything else: exemplars, prompt, LangChain, strict reading, evidence, score, report, cache. The server
runs in a process of its own, so its time is not counted. Rounds alternate, so that a busy machine hits both alike.

    .venv/bin/python benchmarks/llm_overhead.py [--rounds 5] [--answers 200] [--jobs 16]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import evaluator.quiet  # noqa: E402, F401, I001  first: it switches telemetry off
from openai import AsyncOpenAI  # noqa: E402

from evaluator.cache import VerdictCache  # noqa: E402
from evaluator.graders.cached import CachedGrader  # noqa: E402
from evaluator.graders.exemplars import choose_exemplars  # noqa: E402
from evaluator.graders.llm import LLMGrader, LLMOptions  # noqa: E402
from evaluator.graders.llm_dialect import Dialect  # noqa: E402
from evaluator.graders.prompt import reply_schema, write_messages  # noqa: E402
from evaluator.grading import agrade_answer  # noqa: E402
from evaluator.questions import load_questions  # noqa: E402
from evaluator.rubric_files import list_rubric_files  # noqa: E402

LIMIT = 1.5
SERVER = """
import asyncio, json, sys
body = open(sys.argv[1], "rb").read()
head = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
async def handle(reader, writer):
    try:
        while True:
            request = await reader.readuntil(b"\\r\\n\\r\\n")
            lines = request.lower().split(b"\\r\\n")
            await reader.readexactly(int(next(line for line in lines if line.startswith(b"content-length")).split(b":")[1]))
            await asyncio.sleep(0.02)
            writer.write(head + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


async def measure(one: Callable[[int], Awaitable[object]], answers: int, jobs: int) -> float:
    """CPU milliseconds of this process per answer."""
    places = asyncio.Semaphore(jobs)

    async def go(number: int) -> None:
        async with places:
            await one(number)

    started = time.process_time()
    await asyncio.gather(*(go(number) for number in range(answers)))
    return 1000 * (time.process_time() - started) / answers


async def compare(url: str, folder: Path, rounds: int, answers: int, jobs: int) -> None:
    bank = load_questions(ROOT / "data" / "questions.jsonl")
    question = bank[2]
    rubric = list_rubric_files(ROOT / "rubrics")[2].read([entry.no for entry in bank])
    strong = rubric.exemplars_of("strong")[0].answer
    texts = [f"{strong} That is answer number {number}." for number in range(answers * (rounds + 1))]
    schema, options = reply_schema(rubric.criteria), LLMOptions()
    bare = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    plain = LLMGrader("m", "", url, options)
    cached = CachedGrader(LLMGrader("m", "", url, options), VerdictCache(folder / "cache.sqlite"))
    body = Dialect().options(schema, options.max_tokens)

    def send(offset: int) -> Callable[[int], Awaitable[object]]:
        async def one(number: int) -> None:
            # The prompt is made beforehand: the bare client is handed what it sends.
            await bare.chat.completions.create(model="m", messages=ready[offset + number], temperature=0, **body)  # type: ignore[call-overload]

        return one

    def grade(grader: LLMGrader | CachedGrader, offset: int) -> Callable[[int], Awaitable[object]]:
        async def one(number: int) -> None:
            report = await agrade_answer(question, rubric, texts[offset + number], grader)
            assert report.score.value == 100 and report.usage.requests == 1 and not report.from_cache

        return one

    roles = {"system": "system", "human": "user"}
    ready = []
    for text in texts:
        messages = write_messages(question, rubric, text, (), choose_exemplars(rubric, text, options.exemplars))
        ready.append([{"role": roles[role], "content": words} for role, words in messages])
    rows: list[tuple[float, float, float]] = []
    for turn in range(rounds + 1):
        offset = turn * answers
        row = (
            await measure(send(offset), answers, jobs),
            await measure(grade(plain, offset), answers, jobs),
            await measure(grade(cached, offset), answers, jobs),
        )
        if turn:  # the first round warms up
            rows.append(row)
            print(f"round {turn}: bare client {row[0]:.2f} ms, ours {row[1]:.2f} ms, ours with cache {row[2]:.2f} ms")
    bare_ms, plain_ms, cached_ms = (statistics.median(column) for column in zip(*rows, strict=True))
    without, within = (statistics.median(row[at] / row[0] for row in rows) for at in (1, 2))
    print(f"median CPU per answer: bare client {bare_ms:.2f} ms, ours {plain_ms:.2f} ms, ours with cache {cached_ms:.2f} ms")
    print(f"median ratio to the bare client: {without:.2f}, with cache {within:.2f} (limit {LIMIT})")
    await bare.close()
    await plain.close()
    await cached.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=16)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bank = load_questions(ROOT / "data" / "questions.jsonl")
        rubric = list_rubric_files(ROOT / "rubrics")[2].read([entry.no for entry in bank])
        sentences = rubric.exemplars_of("strong")[0].answer.split(". ")
        rows = [
            {"criterion": criterion.id, "evidence": [sentences[at % len(sentences)]], "reason": "The quote says so.",
             "level": criterion.best.id, "misconception": None, "confidence": 0.9}
            for at, criterion in enumerate(rubric.criteria)
        ]  # fmt: skip
        content = json.dumps({"verdicts": rows, "suspicious": []})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        usage = {"prompt_tokens": 3_000, "completion_tokens": 400, "total_tokens": 3_400}
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
        (folder / "reply.json").write_text(json.dumps(reply))
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder / "reply.json")], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            asyncio.run(compare(f"http://127.0.0.1:{port}/v1", folder, told.rounds, told.answers, told.jobs))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
