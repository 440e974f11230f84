"""Documents are tested: the README's commands run, every command and option is described, every link leads somewhere."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from evaluator.cli import app
from evaluator.report import Report
from evaluator.verdict import REVIEW_REASONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
LINES = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_has_commands_to_run():
    assert len(LINES) >= 10 and {"make app", "make test"} <= set(LINES)


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_readme_runs(line, run_cli, indexed, monkeypatch):
    monkeypatch.chdir(ROOT)
    if line.startswith(".venv/bin/evaluator "):
        if "build/run" in line:
            shutil.rmtree(ROOT / "build" / "run", ignore_errors=True)  # of another day's grader: it would be refused
        code, out, err = run_cli(*shlex.split(line)[1:])  # in this process: the imports alone would take seconds each
        assert code == 0, err
        return
    # The two that run everything, or for ever, are asked what they would run; the browser test starts that very server.
    command = line.replace("make ", "make --dry-run ", 1) if line.startswith("make ") else line
    done = subprocess.run(["bash", "-c", f"set -eo pipefail; {command}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    if line.startswith("make"):
        assert {"make app": "streamlit run app.py", "make test": "-m pytest"}[line] in done.stdout


def bank_section(bank, rubrics):
    """What the README shows of the bank: categories with their points, then every question."""
    points = {question.no: len(rubrics[question.no].criteria) for question in bank}
    files = {int(path.name[1:3]): path.name for path in (ROOT / "rubrics").glob("q*.yaml")}
    rows = ["| category | questions | rubric points |", "|---|---|---|"]
    for category in bank.categories:
        inside = [points[question.no] for question in bank if question.category == category]
        rows.append(f"| {category} | {len(inside)} | {sum(inside)} |")
    rows += [f"| all | {len(points)} | {sum(points.values())} |", "", "<details>", "<summary>All 50 questions</summary>", ""]
    for category in bank.categories:
        rows += [f"**{category}**", "", "| no. | question | points |", "|---|---|---|"]
        for question in bank.filtered(category, None):
            rows.append(f"| [{question.no}](rubrics/{files[question.no]}) | {question.text} | {points[question.no]} |")
        rows.append("")
    return "\n".join([*rows, "</details>"])


def test_the_readme_shows_the_bank_as_it_is(bank, rubrics):
    section = bank_section(bank, rubrics)
    assert section in README, f"put this into README.md, under The questions:\n{section}"


def commands(group, path="evaluator"):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("name", "command"), list(commands(typer.main.get_command(app))))
def test_every_command_and_option_is_documented(name, command):
    sections = re.split(r"^## ", (ROOT / "docs/commands.md").read_text(), flags=re.MULTILINE)
    section = next((text for text in sections if text.startswith(f"{name}\n")), None)
    assert section is not None, f"docs/commands.md has no section {name}"
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("-") and option != "--help":
                assert f"`{option}`" in section, f"{name}: {option}"
    assert command.help


def test_every_review_reason_and_every_field_of_a_report_is_documented():
    text = (ROOT / "docs/report.md").read_text()
    assert all(f"`{code}` | {words}" in text for code, words in REVIEW_REASONS.items())
    source = (ROOT / "evaluator/report.py").read_text()
    body = source[source.index("def to_data") : source.index("def to_markdown")]
    assert all(f"`{field}`" in text for field in re.findall(r'^            "(\w+)":', body, re.MULTILINE))
    assert Report.to_data.__doc__


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_no_key_registry_or_path_of_a_machine_is_committed():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for name in files or ["README.md"]:
        text = (ROOT / name).read_bytes().decode("utf-8", "replace") if (ROOT / name).is_file() else ""
        assert not re.search(r"\bsk-[A-Za-z0-9_-]{20,}", text), name
        assert not (name.endswith(".lock") and "://" in text), name
