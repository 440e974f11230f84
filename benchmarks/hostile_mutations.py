"""Takes one check at a time out of a copy of the program and runs the hostile suite: every mutation must fail a case.

.venv/bin/python benchmarks/hostile_mutations.py
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTATIONS = {
    "quotes need not stand in the answer": ("verdict.py", "if place is None:\n            codes.append", "if False:\n            codes.append"),
    "credit needs no evidence": ("verdict.py", "if not evidence and (credit > 0 or level is None):", "if False:"),
    "quotes of the question count": ("verdict.py", "elif is_within(quote, text.question):", "elif False:"),
    "quotes of attacks count": ("verdict.py", "elif any(span.start < place.end and place.start < span.end for span in text.suspicious):", "elif False:"),
    "quotes cut from a denial count": ("verdict.py", "elif is_denied(place, text.answer):", "elif False:"),
    "ids need not be the rubric's": ("graders/reply.py", "if given.count(criterion.id) != 1:", "if False:"),
    "the finish reason is not looked at": ("graders/llm_call.py", 'elif finish in ("length", "max_tokens", "MAX_TOKENS"):', "elif False:"),
    "a refusal is not looked at": ("graders/llm_call.py", 'if message.additional_kwargs.get("refusal") or finish in ("refusal", "SAFETY"):', "if False:"),
    "duplicate keys are let in": ("graders/reply.py", "if len(data) != len(pairs):", "if False:"),
    "NaN is let in": ("graders/reply.py", "parse_constant=_no_constant, ", ""),
    "confidence may be anything": ("graders/reply.py", "not 0 <= confidence <= 1", "False"),
    "unscored points leave the denominator": (
        "scoring.py", "total = sum(verdict.criterion.weight for verdict in verdicts)",
        "total = sum(verdict.criterion.weight for verdict in verdicts if verdict.is_scored)"),
    "a stream cut half-way is a result": ("graders/llm_call.py", "if finish is None:\n            raise GraderUnreachable(", "if False:\n            raise GraderUnreachable("),
    "requires is not enforced": ("verdict.py", "for id in verdict.criterion.requires:", "for id in ():"),
    "two looks that differ: the higher stands": ("graders/doubt.py", "claim if first.credit < second.credit", "claim if first.credit > second.credit"),
    "the key is shown": ("graders/llm_errors.py", "    if key:\n        text", "    if False:\n        text"),
    "what rules a point out and failed is overlooked": ("verdict.py", "for id in verdict.criterion.excludes:\n        if others[id].credit is None:", "for id in verdict.criterion.excludes:\n        if False:"),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mutations whose name holds this")
    only = parser.parse_args().only
    chosen = {mutation: change for mutation, change in MUTATIONS.items() if only in mutation}
    survived = 0
    print("| mutation | cases that fail |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache"))
        for mutation, (file, old, new) in chosen.items():
            path = copy / "evaluator" / file
            source = path.read_text(encoding="utf-8")
            if source.count(old) != 1:
                sys.exit(f"error: {file} holds {source.count(old)} times: {old}")
            path.write_text(source.replace(old, new), encoding="utf-8")
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "tests/test_hostile.py", "--tb=no"], cwd=copy, capture_output=True, text=True
            )
            path.write_text(source, encoding="utf-8")
            failed = re.search(r"(\d+) failed", done.stdout)
            count = int(failed[1]) if failed else 0
            survived += count == 0
            print(f"| {mutation} | {count} |", flush=True)
    print(f"\n{len(chosen)} mutations, {survived} of them unnoticed")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
