"""The arrows that must not be: who may import what, who reads the environment, who prints."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
    for path in [ROOT / "app.py", *(ROOT / "evaluator").rglob("*.py")]
}

ROOMS = {
    "streamlit": ("app.py", "evaluator/ui/"),
    "chromadb": ("evaluator/retrieval", "evaluator/embedding.py"),
    "langchain_chroma": ("evaluator/retrieval",),
    "langchain": ("evaluator/graders/llm",),
    "langchain_core": ("evaluator/graders/llm",),
    "langchain_openai": ("evaluator/graders/llm",),
    "openai": ("evaluator/graders/llm",),
    "onnxruntime": ("evaluator/reading.py",),
}
PURE = ("scoring", "verdict", "evidence", "rubric", "rubric_check", "answers", "suspicion", "report")


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_each_library_stays_in_its_room():
    for file, tree in FILES.items():
        for name in imports(tree):
            rooms = ROOMS.get(name.split(".")[0])
            assert rooms is None or file.startswith(rooms), f"{file} imports {name}"


def test_graders_know_nothing_of_scores_reports_and_retrieval():
    for file, tree in FILES.items():
        if file.startswith("evaluator/graders/"):
            assert not {"evaluator.scoring", "evaluator.report", "evaluator.retrieval", "evaluator.grading"} & set(
                imports(tree)
            ), file


def test_nothing_imports_the_command_line_or_the_pages():
    for file, tree in FILES.items():
        for name in imports(tree):
            inside = ("evaluator/__main__.py", "evaluator/cli.py", "evaluator/cli_batch.py", "evaluator/cli_rubrics.py")
            assert not (name or "").startswith("evaluator.cli") or file in inside, file
            assert not name.startswith("evaluator.ui") or file.startswith(("evaluator/ui/", "app.py")), file


def test_only_the_settings_read_the_environment():
    for file, tree in FILES.items():
        touches = any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in ast.walk(tree))
        assert not touches or file == "evaluator/quiet.py", file
    reads = [node for node in ast.walk(FILES["evaluator/quiet.py"]) if isinstance(node, ast.Subscript | ast.Attribute)]
    assert {node.attr for node in reads if isinstance(node, ast.Attribute)} == {"environ", "update", "setdefault"}


def test_only_the_command_line_prints_and_only_pages_touch_session_state():
    for file, tree in FILES.items():
        for node in ast.walk(tree):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert called not in ("print", "echo") or file.startswith("evaluator/cli"), file
            assert not (isinstance(node, ast.Attribute) and node.attr == "session_state") or file.startswith("evaluator/ui/"), (
                file
            )


def test_pure_modules_do_no_input_or_output():
    for name in PURE:
        tree = FILES[f"evaluator/{name}.py"]
        outside = {"os", "pathlib", "socket", "subprocess", "sqlite3", "httpx", "random", "time", "logging", "numpy"} & set(
            imports(tree)
        )
        assert not outside, (name, outside)
        assert not any(isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open" for node in ast.walk(tree)), name


def test_there_is_no_import_cycle():
    graph = {file.removesuffix(".py").replace("/", "."): {n for n in imports(tree) if n} for file, tree in FILES.items()}
    done: set[str] = set()

    def visit(name, path):
        assert name not in path, " -> ".join((*path, name))
        if name in graph and name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_unsafe_html_is_never_allowed():
    for file, tree in FILES.items():
        names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        assert "unsafe_allow_html" not in names, file
