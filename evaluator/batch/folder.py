"""The folder of a run: one writer at a time, reports appended as they are made, everything else written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from evaluator.errors import BadInput

SCORES, USAGE, MANIFEST, LOCK, LEDGER = "scores.jsonl", "usage.jsonl", "run.json", ".lock", ".rows.sqlite"

MADE = (MANIFEST, SCORES, USAGE, "scores.csv", "criteria.csv", "failed.csv", "scores.svg", "summary.md")
"""Every file a run makes; run.json first, so that a folder half forgotten is no run."""


class RunFolder:
    """Use as a context: inside it no other process writes to the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / LOCK, timeout=0)

    def __enter__(self) -> RunFolder:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as fault:
            raise BadInput(
                f"{self.path}: another process is grading into this folder.", "Wait for it, or name another."
            ) from fault
        except OSError as fault:
            raise BadInput(f"{self.path}: cannot be written to ({fault.strerror}).", "Name a folder that can.") from fault
        return self

    def __exit__(self, *_: object) -> None:
        (self.path / LEDGER).unlink(missing_ok=True)
        self._lock.release()
        if [entry.name for entry in self.path.iterdir()] == [LOCK]:
            (self.path / LOCK).unlink()
            self.path.rmdir()

    @property
    def scores(self) -> Path:
        return self.path / SCORES

    def read_manifest(self) -> dict[str, Any] | None:
        """What run.json says, or None when there is no run here yet. Raises BadInput for a folder that holds something else."""
        path = self.path / MANIFEST
        if not path.exists():
            others = sorted(entry.name for entry in self.path.iterdir() if entry.name not in (LOCK, LEDGER))
            if others:
                raise BadInput(f"{self.path}: holds {others[0]} and no run.", "Name a new or empty folder with -o.")
            return None
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(data, dict):
                raise ValueError("not an object")
        except (OSError, ValueError) as fault:
            raise BadInput(f"{path}: cannot be read ({fault}).", "Name another folder with -o.") from fault
        return data

    def write_manifest(self, data: dict[str, Any]) -> None:
        self.write(MANIFEST, [json.dumps(data, ensure_ascii=False, indent=2) + "\n"])

    def write(self, name: str, pieces: Iterator[str] | Sequence[str]) -> None:
        """A file of the folder, whole: what stood there stays until the new one is safe on the disk."""
        path, new = self.path / name, self.path / f".{name}.new"
        with new.open("w", encoding="utf-8", newline="") as file:
            for piece in pieces:
                file.write(piece)
            _keep(file)
        new.replace(path)

    def clear(self) -> None:
        """Forgets the run; what else lies in the folder stays."""
        for name in MADE:
            (self.path / name).unlink(missing_ok=True)


class LinesFile:
    """A file of JSON lines while a run appends to it."""

    def __init__(self, path: Path) -> None:
        mend_tail(path)
        self._file = path.open("ab")
        self._end = self._file.tell()

    def append(self, lines: Sequence[bytes]) -> list[int]:
        """Where each line begins. They are the system's when this returns, and the disk's after `sync`."""
        starts = []
        for line in lines:
            starts.append(self._end)
            self._end += len(line)
        self._file.write(b"".join(lines))
        self._file.flush()
        return starts

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def mend_tail(path: Path) -> None:
    """Cuts off a last line that was not written to its end."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        at = size
        while at > 0:
            start = max(0, at - 65_536)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                at = start + found + 1
                break
            at = start
        if at < size:
            file.truncate(at)
            os.fsync(file.fileno())


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(first byte, line) of every line that is whole and can be read."""
    if not path.exists():
        return
    with path.open("rb") as file:
        at = 0
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                data = json.loads(line)
            except ValueError:
                data = None
            if isinstance(data, dict):
                yield at, data
            at += len(line)


def read_line(path: Path, start: int) -> dict[str, Any]:
    """The line that begins at this byte."""
    with path.open("rb") as file:
        file.seek(start)
        data: dict[str, Any] = json.loads(file.readline())
    return data


def _keep(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())
