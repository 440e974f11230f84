"""Step 2 of 6. Every check of a rubric, on plain data and without reading a file: all faults, not the first only."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator.rubric import CONTRADICTED, KINDS, RESERVED_LEVELS

Path = tuple[str | int, ...]
"""Where in the data: ("criteria", 0, "id")."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ARXIV = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_CRITERIA, _ACCEPTS, _MOST_WEIGHT, _LEAST_EXEMPLARS = (4, 7), (3, 6), 10, len(KINDS)

_TOP = ("schema", "question", "version", "reference_answer", "criteria", "exemplars", "references")
_CRITERION = ("id", "requirement", "weight", "accept", "probe")


@dataclass(frozen=True, slots=True)
class Fault:
    path: Path
    problem: str
    mend: str

    @property
    def place(self) -> str:
        """`criteria[2].levels[0].credit`, counted from 1 as people count."""
        text = ""
        for step in self.path:
            text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
        return text or "the file"


@dataclass
class _Faults:
    found: list[Fault] = field(default_factory=list)

    def add(self, path: Path, problem: str, mend: str) -> None:
        self.found.append(Fault(path, problem, mend))

    def keys(self, data: Mapping[str, Any], path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        known = (*required, *optional)
        for name in required:
            if name not in data:
                self.add(path, f'"{name}" is missing', f'Add "{name}:"')
        for name in data:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                mend = f'Did you mean "{near[0]}"?' if near else f"Use only: {', '.join(known)}"
                self.add((*path, str(name)), f'"{name}" is not a field here', mend)

    def text(self, data: Mapping[str, Any], name: str, path: Path, most: int = 2_000) -> str | None:
        if name not in data:
            return None
        value = data[name]
        if not isinstance(value, str) or not value.strip():
            self.add((*path, name), f"must be a text, is {_shown(value)}", "Write it out; put quotes around a number or a yes/no")
            return None
        if len(value) > most:
            self.add((*path, name), f"has {len(value):,} characters, the limit is {most:,}", "Shorten it")
        return value

    def whole(self, data: Mapping[str, Any], name: str, path: Path, low: int, high: int) -> int | None:
        if name not in data:
            return None
        value = data[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.add((*path, name), f"must be a whole number from {low} to {high}, is {_shown(value)}", "Change it")
            return None
        return value

    def number(self, data: Mapping[str, Any], name: str, path: Path, high: float, above: bool) -> float | None:
        if name not in data:
            return None
        value = data[name]
        good = (
            isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= high and not (above and value == 0)
        )
        if not good:
            span = f"above 0, at most {high:g}" if above else f"from 0 to {high:g}"
            self.add((*path, name), f"must be a number {span}, is {_shown(value)}", "Change it")
            return None
        return float(value)

    def entries(self, data: Mapping[str, Any], name: str, path: Path, shape: type) -> Iterator[tuple[Path, Any]]:
        """The entries of a list that have the wanted shape, each with its path; the others are faults."""
        value = data.get(name)
        if value is None and name not in data:
            return
        if not isinstance(value, list):
            self.add((*path, name), f"must be a list, is {_shown(value)}", 'Begin each entry with "- ", or write []')
            return
        wanted = "a text" if shape is str else "fields with values"
        for position, entry in enumerate(value):
            if isinstance(entry, shape) and entry:
                yield (*path, name, position), entry
            else:
                self.add((*path, name, position), f"must be {wanted}, is {_shown(entry)}", "Write it out")


def find_faults(data: Any, question_numbers: Collection[int]) -> list[Fault]:
    """All faults of one rubric, in the order of the file's parts. `question_numbers` are those of the bank."""
    faults = _Faults()
    if not isinstance(data, dict):
        faults.add((), "holds no rubric", "Begin with: schema: 1")
        return faults.found
    faults.keys(data, (), _TOP, ("guidelines",))
    faults.whole(data, "schema", (), 1, 1)
    faults.whole(data, "version", (), 1, 100_000)
    question = faults.whole(data, "question", (), 1, 100_000)
    if question is not None and question not in question_numbers:
        faults.add(("question",), f"there is no question {question}", "Use a number of data/questions.jsonl")
    faults.text(data, "reference_answer", (), most=6_000)
    faults.text(data, "guidelines", (), most=6_000)
    menus = _check_criteria(faults, data)
    _check_exemplars(faults, data, menus)
    _check_references(faults, data)
    return faults.found


def _check_criteria(faults: _Faults, data: dict[str, Any]) -> dict[str, set[str]]:
    """The levels an exemplar may name for each criterion."""
    menus: dict[str, set[str]] = {}
    links: dict[str, list[str]] = {}
    rows = list(faults.entries(data, "criteria", (), dict))
    if rows and not _CRITERIA[0] <= len(rows) <= _CRITERIA[1]:
        faults.add(("criteria",), f"has {len(rows)} criteria", f"Have {_CRITERIA[0]} to {_CRITERIA[1]}, one fact each")
    for path, row in rows:
        faults.keys(row, path, _CRITERION, ("levels", "misconceptions", "requires", "excludes"))
        id = faults.text(row, "id", path, most=60)
        if id is not None and not _ID.fullmatch(id):
            faults.add((*path, "id"), f'"{id}" is no id', "Use lower-case letters, digits and single hyphens")
        if id in menus:
            faults.add((*path, "id"), f'"{id}" stands twice', "Give each criterion its own id")
        faults.text(row, "requirement", path, most=400)
        faults.text(row, "probe", path, most=400)
        faults.number(row, "weight", path, _MOST_WEIGHT, above=True)
        _check_accepts(faults, row, path)
        misconceptions = 0
        for entry_path, entry in faults.entries(row, "misconceptions", path, dict):
            misconceptions += 1
            faults.keys(entry, entry_path, ("claim", "correction"))
            faults.text(entry, "claim", entry_path, most=600)
            faults.text(entry, "correction", entry_path, most=600)
        levels = _check_levels(faults, row, path)
        if id is not None:
            menus[id] = levels | ({CONTRADICTED} if misconceptions else set())
            links[id] = [other for name in ("requires", "excludes") for _, other in faults.entries(row, name, path, str)]
    _check_links(faults, rows, set(menus))
    return menus


def _check_accepts(faults: _Faults, row: dict[str, Any], path: Path) -> None:
    phrases = list(faults.entries(row, "accept", path, str))
    if "accept" in row and isinstance(row["accept"], list) and not _ACCEPTS[0] <= len(row["accept"]) <= _ACCEPTS[1]:
        faults.add((*path, "accept"), f"has {len(row['accept'])} phrasings", f"Have {_ACCEPTS[0]} to {_ACCEPTS[1]}")
    seen: set[str] = set()
    for phrase_path, phrase in phrases:
        plain = " ".join(phrase.casefold().split())
        if plain in seen:
            faults.add(phrase_path, "this phrasing stands twice", "Say the point in other words")
        if len(phrase) > 600:
            faults.add(phrase_path, f"has {len(phrase):,} characters, the limit is 600", "Shorten it")
        seen.add(plain)


def _check_levels(faults: _Faults, row: dict[str, Any], path: Path) -> set[str]:
    if "levels" not in row:
        return {"missed", "partly", "met"}
    ids: set[str] = set()
    credits: list[float] = []
    levels = list(faults.entries(row, "levels", path, dict))
    for level_path, level in levels:
        faults.keys(level, level_path, ("id", "credit", "anchor"))
        id = faults.text(level, "id", level_path, most=40)
        if id is not None and (not _ID.fullmatch(id) or id in RESERVED_LEVELS):
            faults.add(
                (*level_path, "id"), f'"{id}" cannot name a level', "Use lower-case words; unscored and contradicted are taken"
            )
        elif id in ids:
            faults.add((*level_path, "id"), f'level "{id}" stands twice', "Give each level its own id")
        if id is not None:
            ids.add(id)
        faults.text(level, "anchor", level_path, most=600)
        credit = faults.number(level, "credit", level_path, 1, above=False)
        if credit is not None:
            credits.append(credit)
    if len(credits) == len(levels):
        rising = all(low < high for low, high in itertools.pairwise(credits))
        if len(credits) < 2 or not rising or credits[0] != 0 or credits[-1] != 1:
            faults.add(
                (*path, "levels"), "credits must rise from 0 to 1", "Order the levels worst to best, the first 0, the last 1"
            )
    return ids


def _check_links(faults: _Faults, rows: list[tuple[Path, Any]], ids: set[str]) -> None:
    requires: dict[str, list[str]] = {}
    for path, row in rows:
        for name in ("requires", "excludes"):
            for position, other in enumerate(row.get(name) or [] if isinstance(row.get(name), list) else []):
                if isinstance(other, str) and (other not in ids or other == row.get("id")):
                    problem = f'"{other}" is no other criterion of this rubric'
                    faults.add((*path, name, position), problem, f"Use one of: {', '.join(sorted(ids - {row.get('id')}))}")
                elif isinstance(other, str) and name == "requires" and isinstance(row.get("id"), str):
                    requires.setdefault(row["id"], []).append(other)
    for path, row in rows:
        if isinstance(row.get("id"), str) and _reaches_itself(row["id"], requires):
            faults.add((*path, "requires"), "requires itself in a circle", "Take one of the links out")


def _reaches_itself(start: str, links: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(links.get(start, ()))
    while waiting:
        id = waiting.pop()
        if id == start:
            return True
        if id not in seen:
            seen.add(id)
            waiting.extend(links.get(id, ()))
    return False


def _check_exemplars(faults: _Faults, data: dict[str, Any], menus: dict[str, set[str]]) -> None:
    kinds: set[str] = set()
    rows = list(faults.entries(data, "exemplars", (), dict))
    for path, row in rows:
        faults.keys(row, path, ("kind", "answer", "levels"))
        kind = faults.text(row, "kind", path, most=40)
        if kind is not None and kind not in KINDS:
            faults.add((*path, "kind"), f'"{kind}" is no kind of exemplar', f"Use one of: {', '.join(KINDS)}")
        kinds.add(kind or "")
        faults.text(row, "answer", path, most=6_000)
        if "levels" in row:
            _check_exemplar_levels(faults, row["levels"], (*path, "levels"), menus)
    if "exemplars" in data and isinstance(data["exemplars"], list):
        missing = [kind for kind in KINDS if kind not in kinds]
        if missing:
            faults.add(("exemplars",), f"no exemplar of kind {', '.join(missing)}", "Write one of each kind")


def _check_exemplar_levels(faults: _Faults, levels: Any, path: Path, menus: dict[str, set[str]]) -> None:
    if not isinstance(levels, dict):
        faults.add(path, f"must name a level for each criterion, is {_shown(levels)}", "Write: criterion-id: level")
        return
    for id, menu in menus.items():
        if id not in levels:
            faults.add(path, f'no level for criterion "{id}"', f"Add one of: {', '.join(sorted(menu))}")
        elif not isinstance(levels[id], str) or levels[id] not in menu:
            faults.add(
                (*path, id), f"{_shown(levels[id])} is no level of this criterion", f"Use one of: {', '.join(sorted(menu))}"
            )
    for id in levels:
        if id not in menus:
            faults.add((*path, str(id)), f'"{id}" is no criterion of this rubric', f"Use: {', '.join(menus)}")


def _check_references(faults: _Faults, data: dict[str, Any]) -> None:
    for path, row in faults.entries(data, "references", (), dict):
        faults.keys(row, path, ("title", "authors", "year"), ("arxiv", "doi"))
        faults.text(row, "title", path)
        faults.text(row, "authors", path)
        faults.whole(row, "year", path, 1800, 2100)
        for name, pattern in (("arxiv", _ARXIV), ("doi", _DOI)):
            value = faults.text(row, name, path)
            if value is not None and not pattern.fullmatch(value):
                mend = 'Write it like "1502.03167"' if name == "arxiv" else 'Write it like "10.1038/323533a0"'
                faults.add((*path, name), f'"{value}" is no {name} id', mend)
    if isinstance(data.get("references"), list) and not data["references"]:
        faults.add(("references",), "names no work to read on", "Name at least one")


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a group of fields"
    text = str(value)
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'
