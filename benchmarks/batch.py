"""How fast a batch is against a server that takes a fifth of a second for each reply, and what it makes of a bad one.

The ideal is answers x latency / jobs. Ours does all of its work (prompt, strict reading, evidence, score, report, files); the
peer is what people write instead: forty lines of asyncio with the openai client. Both run here, one after the other, against
the same server in a process of its own, whose time is not counted.

How the server can be asked is known, as the command knows it from its last run; with a new server the first answer goes alone.

    .venv/bin/python -m benchmarks.batch [--answers 1000] [--only speed faults fence limit slow start memory]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from openai import AsyncOpenAI, BadRequestError, OpenAIError
from pydantic import BaseModel, ValidationError

import evaluator.quiet  # noqa: F401  first: it switches telemetry off
from evaluator.batch.finish import lines_of
from evaluator.batch.folder import RunFolder
from evaluator.batch.job import Job, run_job
from evaluator.graders.llm import LLMGrader, LLMOptions
from evaluator.graders.llm_dialect import Dialect
from evaluator.graders.prompt import reply_schema, write_messages
from evaluator.graders.protocol import Gate
from evaluator.questions import load_questions
from evaluator.rubric_files import list_rubric_files

ROOT = Path(__file__).resolve().parent.parent
LATENCY = 0.2
ALL = ["speed", "faults", "fence", "limit", "slow", "start", "memory"]
QUESTIONS = (2, 23, 43)
WORDS = (ROOT / "examples" / "answer.txt").read_text(encoding="utf-8").split()
SERVER = r"""
import asyncio, json, random, re, sys, time
setup = json.load(open(sys.argv[1]))
mode, latency, points = setup["mode"], setup["latency"], setup["points"]
rng = random.Random(7)
MARK = re.compile(rb"This is answer (\d+) to question (\d+)")
count = {"requests": 0, "refused": 0, "first": 0.0}
window = {}

def reply_to(body):
    found = MARK.search(body)
    if found is None:
        return b"[]"
    number, question = int(found[1]), found[2].decode()
    quote = f"This is answer {number} to question {question}"
    verdicts = [
        {"criterion": name, "evidence": [quote] if (number + at) % 3 else [], "reason": "The quote says so.",
         "level": ("missed", "met", "partly")[(number + at) % 3], "misconception": None, "confidence": 0.9}
        for at, name in enumerate(points[question])
    ]
    content = json.dumps({"verdicts": verdicts, "suspicious": []})
    if mode == "fence" and number % 5 == 0:
        content = f"```json\n{content}\n```"
    if mode == "faults" and rng.random() < 0.02:
        content = content[: len(content) * 2 // 3]
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    used = {"prompt_tokens": len(body) // 4, "completion_tokens": len(content) // 4}
    used["total_tokens"] = sum(used.values())
    reply = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": used}
    return json.dumps(reply).encode()

def status():
    count["requests"] += 1
    count["first"] = count["first"] or time.time()
    if mode == "limit":
        second = int(time.monotonic())
        window[second] = window.get(second, 0) + 1
        return 429 if window[second] > setup["rate"] else 200
    draw = rng.random()
    if mode == "faults":
        return 429 if draw < 0.05 else 500 if draw < 0.07 else 200
    return 200

async def handle(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1]) if b"content-length" in head.lower() else 0
            body = await reader.readexactly(length)
            if head.startswith(b"GET"):
                data, code = json.dumps(count).encode(), 200
            else:
                code = status()
                data = reply_to(body) if code == 200 else b'{"error": {"message": "no"}}'
                if code != 200:
                    count["refused"] += 1
                    await asyncio.sleep(0.01)
                else:
                    await asyncio.sleep(20 if mode == "slow" and rng.random() < 0.02 else latency)
            head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (code, len(data))
            writer.write(head + data)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

MEASURED = r"""
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small process in between: what a command is said to have used at most includes what its parent held when it was started."""


@dataclass
class Figures:
    """Of one way to grade all answers."""

    seconds: float
    cpu_ms: float
    requests: float
    lost: int
    wrong: int

    def __str__(self) -> str:
        return f"{self.cpu_ms:5.2f} CPU ms, {self.requests:.3f} requests an answer, {self.lost} lost, {self.wrong} mis-scored"


class Work:
    """The answers, what the server says of each, and the score that makes."""

    def __init__(self, count: int, folder: Path) -> None:
        self.bank = load_questions(ROOT / "data" / "questions.jsonl")
        files = list_rubric_files(ROOT / "rubrics")
        self.rubrics = {no: files[no].read([question.no for question in self.bank]) for no in QUESTIONS}
        rng = random.Random(3)
        self.rows = []
        for number in range(count):
            question = QUESTIONS[number % len(QUESTIONS)]
            text = " ".join(rng.choices(WORDS, k=112))
            self.rows.append(
                {"id": str(number), "question": question, "answer": f"{text}. This is answer {number} to question {question}."}
            )
        self.file = folder / "answers.jsonl"
        self.file.write_text("".join(json.dumps(row) + "\n" for row in self.rows))

    def levels(self, number: int) -> list[str]:
        points = self.rubrics[self.rows[number]["question"]].criteria
        return [("missed", "met", "partly")[(number + at) % 3] for at in range(len(points))]


@contextlib.contextmanager
def server(work: Work, folder: Path, mode: str, rate: int = 0) -> Iterator[str]:
    points = {str(no): [criterion.id for criterion in rubric.criteria] for no, rubric in work.rubrics.items()}
    setup = folder / "server.json"
    setup.write_text(json.dumps({"mode": mode, "latency": LATENCY, "points": points, "rate": rate}))
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(setup)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def told_by(url: str) -> dict[str, float]:
    """What the server counted."""
    counted: dict[str, float] = httpx.get(f"{url}/count").json()
    return counted


class Known:
    """A notebook in which the best way to ask stands already."""

    def recall(self, server: str, model: str) -> dict[str, Any]:
        return asdict(Dialect())

    def remember(self, server: str, model: str, dialect: dict[str, Any]) -> None:
        pass


def ours(work: Work, folder: Path, url: str, jobs: int, timeout: float) -> Figures:
    """The whole of `evaluator batch`, with its folder; timed from the first request (the client is made
    before, as the peer's is) to the last report on the disk."""
    marks: dict[str, tuple[float, float]] = {}

    def mark(name: str) -> None:
        marks[name] = time.perf_counter(), time.process_time()

    class Ready(LLMGrader):
        def set_gate(self, gate: Gate) -> None:
            self._maker.get()
            mark("start")
            super().set_gate(gate)

    grader = Ready("m", "", url, LLMOptions(second_look="off", timeout=timeout, deadline=60), notebook=Known())
    out = Path(tempfile.mkdtemp(dir=folder))
    job = Job(work.file, work.bank, ROOT / "rubrics")
    run_job(job, out, grader, jobs, tell=lambda progress: mark("end"))
    lost = wrong = 0
    for line in lines_of(RunFolder(out)):
        levels = [criterion["level"] for criterion in line["criteria"]]
        lost += line["status"] != "final"
        wrong += line["status"] == "final" and levels != work.levels(int(line["id"]))
    seconds, cpu = (marks["end"][at] - marks["start"][at] for at in (0, 1))
    count = len(work.rows)
    return Figures(seconds, 1000 * cpu / count, told_by(url)["requests"] / count, lost, wrong)


class Verdict(BaseModel):
    criterion: str
    evidence: list[str]
    reason: str
    level: str
    misconception: int | None
    confidence: float


class Verdicts(BaseModel):
    verdicts: list[Verdict]
    suspicious: list[str]


def peer(work: Work, folder: Path, url: str, jobs: int, timeout: float) -> Figures:
    """Forty lines of asyncio: a semaphore, the client's own retries, the reply parsed and written."""
    lost = wrong = 0
    roles = {"system": "system", "human": "user"}
    schemas = {no: Dialect().options(reply_schema(rubric.criteria), 4_000) for no, rubric in work.rubrics.items()}

    async def main() -> tuple[float, float]:
        client = AsyncOpenAI(base_url=url, api_key="none", timeout=timeout)
        places = asyncio.Semaphore(jobs)
        file = (folder / "peer.jsonl").open("w")

        async def one(number: int, row: dict[str, Any]) -> None:
            nonlocal lost, wrong
            async with places:
                no = row["question"]
                prompt = write_messages(work.bank[no], work.rubrics[no], row["answer"], (), ())
                messages = [{"role": roles[role], "content": text} for role, text in prompt]
                try:
                    reply = await client.chat.completions.create(model="m", messages=messages, temperature=0, **schemas[no])
                    told = Verdicts.model_validate_json(reply.choices[0].message.content)
                except (OpenAIError, BadRequestError, ValidationError):
                    lost += 1
                    return
                wrong += [verdict.level for verdict in told.verdicts] != work.levels(number)
                file.write(told.model_dump_json() + "\n")

        start = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(number, row) for number, row in enumerate(work.rows)))
        end = time.perf_counter(), time.process_time()
        file.close()
        await client.close()
        return end[0] - start[0], end[1] - start[1]

    seconds, cpu = asyncio.run(main())
    count = len(work.rows)
    return Figures(seconds, 1000 * cpu / count, told_by(url)["requests"] / count, lost, wrong)


def compare(work: Work, folder: Path, title: str, mode: str, jobs: int, ideal: float, timeout: float = 60, rate: int = 0) -> None:
    print(f"{title}: {len(work.rows)} answers, {jobs} jobs, ideal {ideal:.2f} s", flush=True)
    for name, way in (("forty lines of asyncio", peer), ("evaluator batch", ours)):
        with server(work, folder, mode, rate) as url:
            figures = way(work, folder, url, jobs, timeout)
        print(f"  {name:23} {figures.seconds / ideal:6.2f} x ideal, {figures}", flush=True)


def start(work: Work, folder: Path) -> None:
    """Seconds from the command to its first request."""
    with server(work, folder, "speed") as url:
        began = time.time()
        run_command(work.file, folder / "start", "llm", url)
        print(f"the command's first request after {told_by(url)['first'] - began:.2f} s", flush=True)


def memory(folder: Path) -> None:
    """Peak memory of the command by rows, with the embedded grader, and with different answers to an LLM's server."""
    for rows in (1_000, 100_000):
        path = folder / f"{rows}.jsonl"
        with path.open("w") as file:
            for number in range(rows):
                words = " ".join(WORDS[number % 40 : number % 40 + 40])
                file.write(json.dumps({"id": str(number), "question": QUESTIONS[number % 3], "answer": words}) + "\n")
        seconds, peak = run_command(path, folder / f"embedded-{rows}", "embedded")
        print(f"embedded grader, {rows:,} rows, 120 different answers: {seconds:.0f} s, peak memory {peak:.0f} MB", flush=True)
    for rows in (1_000, 20_000):
        (folder / str(rows)).mkdir()
        work = Work(rows, folder / str(rows))
        with server(work, folder, "speed") as url:
            seconds, peak = run_command(work.file, folder / f"llm-{rows}", "llm", url, "--jobs", "128")
        size = sum(path.stat().st_size for path in (folder / f"llm-{rows}").iterdir()) / rows
        print(f"LLM, {rows:,} different answers: {seconds:.0f} s, peak memory {peak:.0f} MB", end=", ")
        print(f"{size:,.0f} bytes an answer in the folder", flush=True)


def run_command(answers: Path, out: Path, grader: str, url: str = "", *more: str) -> tuple[float, float]:
    """Seconds and peak memory in MB of `evaluator batch`."""
    command = [sys.executable, "-m", "evaluator", "batch", str(answers), "-o", str(out), "--grader", grader, "--no-cache", *more]
    env = os.environ | {"OPENAI_BASE_URL": url, "EVALUATOR_MODEL": "m", "EVALUATOR_SECOND_LOOK": "off"}
    env["EVALUATOR_DATA_DIR"] = str(out.parent / "data")
    began = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", MEASURED, *command], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    status, kilobytes = told.stdout.split()[-2:]
    if status != "0":
        raise SystemExit(f"error: {' '.join(command)} ended with {status}")
    return time.perf_counter() - began, int(kilobytes) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=1_000)
    parser.add_argument("--only", nargs="*", default=ALL, choices=ALL)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = Work(told.answers, folder)
        (folder / "few").mkdir()
        few = Work(min(200, told.answers), folder / "few")
        if "speed" in told.only:
            for jobs in (32, 128):
                compare(work, folder, "a healthy server", "speed", jobs, told.answers * LATENCY / jobs)
        if "faults" in told.only:
            compare(few, folder, "5 % 429s, 2 % 500s, 2 % broken JSON", "faults", 32, len(few.rows) * LATENCY / 32)
        if "fence" in told.only:
            compare(few, folder, "every fifth reply in a code fence", "fence", 32, len(few.rows) * LATENCY / 32)
        if "limit" in told.only:
            compare(work, folder, "a hard limit of 40 requests a second", "limit", 128, told.answers / 40, rate=40)
        if "slow" in told.only:
            compare(work, folder, "2 % of the replies take 20 s", "slow", 128, told.answers * LATENCY / 128)
        if "start" in told.only:
            start(few, folder)
        if "memory" in told.only:
            memory(folder)


if __name__ == "__main__":
    main()
