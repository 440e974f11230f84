"""How fast the embedded grader is, beside the forward passes that it cannot do without.

Run: python -m benchmarks.embedded_speed
Each measure runs in a process of its own. The bare passes are the same models over the same sentences and pairs, with
nothing around them, on all cores; the ratio says what our own code costs. First one answer after the other, as a candidate
waits for it; then many at once, as a batch grades them, to several questions.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

WORDS, POINTS, ANSWERS = 200, 6, 12
BULK_QUESTIONS = (3, 13, 23, 33, 43)
PHRASINGS: set[str] = set()


def main() -> None:
    if sys.argv[1:] == ["--measure"]:
        measure()
        return
    if sys.argv[1:] == ["--bulk"]:
        bulk()
        return
    for what in (["--measure"] * 3) + ["--bulk"]:
        subprocess.run([sys.executable, "-m", "benchmarks.embedded_speed", what], check=True)


def measure() -> None:
    from evaluator.graders.embedded import EmbeddedGrader
    from evaluator.grading import grade_answer
    from evaluator.minilm import MiniLM
    from evaluator.questions import load_questions
    from evaluator.reading import ReadingModel
    from evaluator.rubric_files import list_rubric_files
    from evaluator.settings import read_settings

    settings = read_settings()
    bank = load_questions(settings.questions_file)
    files = list_rubric_files(settings.rubrics_dir)
    rubric = next(r for r in (files[q.no].read([e.no for e in bank]) for q in bank) if len(r.criteria) == POINTS)
    question = bank[rubric.question]
    words = [
        word for exemplar in rubric.exemplars_of("strong") + rubric.exemplars_of("partial") for word in exemplar.answer.split()
    ]
    answers = [" ".join((words[at:] + words)[:WORDS]) for at in range(0, 7 * ANSWERS, 7)]

    PHRASINGS.update(text for c in rubric.criteria for text in (c.point, *c.accept, *(m.claim for m in c.misconceptions)))
    began = time.perf_counter()
    model, reading = MiniLM(), ReadingModel()
    grader = EmbeddedGrader(model, reading)
    model.embed(["a"])
    reading.read([("a", "b")])
    loading = time.perf_counter() - began
    grade_answer(question, rubric, answers[0], grader)

    took, sentences, pairs = [], [], []
    run_sentences, run_pairs = model._run, reading._run
    model._run = lambda texts: (sentences.extend(texts), run_sentences(texts))[1]  # type: ignore[method-assign]
    reading._run = lambda texts: (pairs.extend(texts), run_pairs(texts))[1]  # type: ignore[method-assign]
    for answer in answers[1:]:
        forget(model, reading)
        began = time.perf_counter()
        grade_answer(question, rubric, answer, grader)
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    run_sentences(sentences)
    run_pairs(pairs)
    bare = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ms, rate = 1000 * statistics.median(took), len(took) / sum(took)
    print(f"loading {loading:.2f} s; one answer: {ms:.0f} ms (median of {len(took)}), {rate:.1f} answers a second")
    print(f"  the bare passes are {bare / sum(took):.0%} of that time, for {len(sentences) / len(took):.0f} sentences", end=" ")
    print(f"and {len(pairs) / len(took):.0f} pairs an answer; peak memory {memory:.0f} MB", flush=True)


def bulk() -> None:
    from evaluator.batch.unit import graded_data
    from evaluator.graders.embedded import EmbeddedGrader
    from evaluator.graders.threaded import ThreadedGrader
    from evaluator.grading import agrade_answer
    from evaluator.minilm import MiniLM
    from evaluator.questions import load_questions
    from evaluator.reading import ReadingModel
    from evaluator.rubric_files import list_rubric_files
    from evaluator.settings import read_settings

    settings = read_settings()
    bank = load_questions(settings.questions_file)
    files = list_rubric_files(settings.rubrics_dir)
    rubrics = [files[no].read([question.no for question in bank]) for no in BULK_QUESTIONS]
    work = [
        (rubric, exemplar.answer)
        for rubric in rubrics
        for kind in ("strong", "plain", "partial", "wrong")
        for exemplar in rubric.exemplars_of(kind)
    ]
    model, reading = MiniLM(), ReadingModel()
    sentences, pairs = [], []
    run_sentences, run_pairs = model._run, reading._run
    model._run = lambda texts: (sentences.append(texts), run_sentences(texts))[1]  # type: ignore[method-assign]
    reading._run = lambda texts: (pairs.append(texts), run_pairs(texts))[1]  # type: ignore[method-assign]
    model.embed(["a"])
    reading.read([("a", "b")])
    sentences.clear()
    pairs.clear()

    async def grade_all() -> None:
        grader, at = ThreadedGrader(EmbeddedGrader(model, reading)), iter(work)

        async def worker() -> None:
            for rubric, answer in at:
                report = await agrade_answer(bank[rubric.question], rubric, answer, grader)
                assert report.error is None
                graded_data("", report)

        await asyncio.gather(*(worker() for _ in range(os.cpu_count() or 1)))
        await grader.close()

    began = time.perf_counter()
    asyncio.run(grade_all())
    took = time.perf_counter() - began
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run_sentences, sentences))
        list(pool.map(run_pairs, pairs))
    bare = time.perf_counter() - began
    print(f"{len(work)} answers to {len(rubrics)} questions at once: {len(work) / took:.1f} answers a second", end="; ")
    print(f"the bare passes are {bare / took:.0%} of the time", flush=True)


def forget(model: object, reading: object) -> None:
    """The answer's own sentences and pairs are not to be known already; the rubric's phrasings are, as they stay warm."""
    model._recent = {text: tokens for text, tokens in model._recent.items() if text in PHRASINGS}  # type: ignore[attr-defined]
    reading._known.clear()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
