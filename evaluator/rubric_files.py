"""Step 2 of 6. Rubric files: YAML in, rubrics or named faults out.

Only the plain part of YAML is read. Tags, anchors and aliases are refused (an alias bomb is 300 bytes long), and so are
duplicate keys, which YAML libraries drop in silence.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluator.errors import BadRubric
from evaluator.rubric import Rubric, rubric_from_data
from evaluator.rubric_check import Fault, find_faults
from evaluator.rubric_check import Path as DataPath

MAX_BYTES = 256 * 1024
_FILE_NAME = re.compile(r"q(\d+)-[a-z0-9-]+\.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")


@dataclass(frozen=True, slots=True)
class RubricFile:
    """A file of the rubrics folder: the question its name gives, and a hash of its bytes to see edits by."""

    path: Path
    question: int

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]

    def read(self, question_numbers: Collection[int]) -> Rubric:
        """Raises BadRubric with every fault of the file."""
        rubric, faults, _ = _read(self.path, question_numbers)
        if rubric is None:
            count = "a fault" if len(faults) == 1 else f"{len(faults)} faults, the first"
            raise BadRubric(
                f"A rubric file has {count}: {faults[0]}",
                f"See all: evaluator rubrics check {self.path}",
                faults=tuple(faults),
            )
        return rubric


def list_rubric_files(folder: Path) -> dict[int, RubricFile]:
    """The files named `qNN-some-words.yaml`, by question number. Raises BadRubric when the folder cannot be read."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as fault:
        raise BadRubric(f"{folder}: cannot read the rubrics folder.", "Set EVALUATOR_RUBRICS_DIR to it.") from fault
    files: dict[int, RubricFile] = {}
    for name in names:
        match = _FILE_NAME.fullmatch(name)
        if match:
            files.setdefault(int(match[1]), RubricFile(folder / name, int(match[1])))
    return files


@dataclass(frozen=True, slots=True)
class Checked:
    """What rubric files hold: the rubrics that can be used, a line for each fault, a line for each flaw of a usable rubric."""

    rubrics: list[Rubric]
    faults: list[str]
    flaws: list[str]


def check_rubric_files(
    paths: list[Path], question_numbers: Collection[int], find_flaws: Callable[[Rubric], list[Fault]] | None = None
) -> Checked:
    """Reads rubric files, and every YAML file of the folders among `paths`. `find_flaws` is called from several threads."""
    checked = Checked([], [], [])
    owners: dict[int, Path] = {}
    trees: list[tuple[Path, _Tree]] = []
    for path in _files_of(paths, checked.faults):
        rubric, found, tree = _read(path, question_numbers)
        checked.faults.extend(found)
        if rubric is None:
            continue
        if rubric.question in owners:
            owner = owners[rubric.question].name
            checked.faults.append(
                f"{path}: question: question {rubric.question} has a rubric in {owner} too. Keep one of the two."
            )
        owners.setdefault(rubric.question, path)
        checked.rubrics.append(rubric)
        trees.append((path, tree))
    if find_flaws is not None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for (path, tree), flaws in zip(trees, pool.map(find_flaws, checked.rubrics), strict=True):
                checked.flaws.extend(_lines_of(path, tree, flaws))
    return checked


def _files_of(paths: list[Path], faults: list[str]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(entry for entry in path.iterdir() if entry.suffix in (".yaml", ".yml"))
            files.extend(inside)
            if not inside:
                faults.append(f"{path}: no rubric file in this folder. Name a folder with qNN-some-words.yaml files.")
        elif path.is_file():
            files.append(path)
        else:
            faults.append(f"{path}: there is no such file or folder. Check the name.")
    return files


def _read(path: Path, question_numbers: Collection[int]) -> tuple[Rubric | None, list[str], _Tree]:
    """A rubric and no faults, or no rubric and one line for each fault; and where in the file things stand."""
    tree = _Tree()
    try:
        text = _text_of(path)
        node = yaml.compose(text, Loader=_LOADER)
        data: Any = tree.value(node, ()) if node is not None else None
    except _Unreadable as fault:
        return None, [f"{path}: {fault}"], tree
    except yaml.YAMLError as fault:
        line = f"{path}{_line_of(fault)}: not YAML: {_words_of(fault)}. Check quotes, colons and indentation there."
        return None, [line], tree
    except RecursionError:
        return None, [f"{path}: nested too deeply. A rubric has four levels."], tree
    found = [*tree.faults, *find_faults(data, question_numbers), *_name_faults(path, data)]
    if found:
        return None, _lines_of(path, tree, found), tree
    return rubric_from_data(data), [], tree


def _lines_of(path: Path, tree: _Tree, faults: list[Fault]) -> list[str]:
    ordered = sorted(faults, key=lambda fault: tree.line(fault.path))
    return [f"{path}:{tree.line(fault.path)}: {fault.place}: {fault.problem}. {fault.mend}." for fault in ordered]


def _name_faults(path: Path, data: Any) -> list[Fault]:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        return [Fault((), f'"{path.name}" is not a name of a rubric file', "Name it like q02-vanishing-gradients.yaml")]
    number = data.get("question") if isinstance(data, dict) else None
    if isinstance(number, int) and number != int(match[1]):
        return [Fault(("question",), f"is {number}, but the file is named {path.name}", "Make number and name agree")]
    return []


class _Unreadable(Exception):
    pass


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _Unreadable(f"larger than {MAX_BYTES // 1024} KiB. A rubric is about 15 KiB; split or shorten it.")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise _Unreadable(f"cannot be read ({fault.strerror}). Check its permissions.") from fault
    except UnicodeDecodeError as fault:
        raise _Unreadable(f"not UTF-8 text (byte at position {fault.start}). Save it in UTF-8.") from fault
    line = next(
        (number for number, row in enumerate(text.splitlines(), start=1) if "\t" in row[: len(row) - len(row.lstrip())]), None
    )
    if line is not None:
        raise _Unreadable(f"line {line}: a tab in the indentation. Indent with spaces.")
    return text


class _Tree:
    """Plain values from YAML nodes, with the line each came from."""

    def __init__(self) -> None:
        self.lines: dict[DataPath, int] = {}
        self.faults: list[Fault] = []
        self._seen: set[int] = set()

    def line(self, path: DataPath) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def value(self, node: yaml.Node, path: DataPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            self.faults.append(Fault(path, "an alias (*) is not read here", "Write the text out"))
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, position)) for position, child in enumerate(node.value)]
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        if tag not in _PLAIN_TAGS:
            self.faults.append(Fault(path, f"the tag {node.tag} is not read here", "Take it out"))
            return None
        return _scalar(node, tag)

    def _mapping(self, node: yaml.MappingNode, path: DataPath) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in fields:
                self.lines[(*path, key)] = key_node.start_mark.line + 1
                self.faults.append(Fault((*path, key), f'"{key}" stands twice', "Keep one of the two"))
                continue
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            fields[key] = self.value(value_node, (*path, key))
        return fields


def _scalar(node: yaml.Node, tag: str) -> Any:
    if tag == "int" and re.fullmatch(r"[-+]?\d{1,15}", node.value):
        return int(node.value)
    if tag == "float" and re.fullmatch(r"[-+]?\d{0,15}\.?\d{0,15}", node.value):
        return float(node.value)
    if tag == "bool":
        return node.value.lower() in ("true", "yes", "on")
    return None if tag == "null" else str(node.value)


def _line_of(fault: yaml.YAMLError) -> str:
    mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _words_of(fault: yaml.YAMLError) -> str:
    return getattr(fault, "problem", None) or "cannot be read"
