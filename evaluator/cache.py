"""What graders found out and need not find out again, in SQLite: verified verdicts, and how servers want to be asked.

It holds nothing that cannot be had again, so it never fails a grading: a damaged file is put aside and begun anew, and
a disk that cannot be written only means that nothing is kept. Several processes may use one file.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

LAYOUT = 1
"""Raise when the tables change; an older file is begun anew."""
DIALECT_DAYS = 7
"""How long it is believed that a server cannot do better."""
_BUSY_SECONDS = 2.0
"""How long another process's writing is waited for; a write takes well under a millisecond."""
_TABLES = """
CREATE TABLE IF NOT EXISTS verdicts (
    key TEXT PRIMARY KEY, question INTEGER NOT NULL, model TEXT NOT NULL, kept REAL NOT NULL, graded TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dialects (
    server TEXT NOT NULL, model TEXT NOT NULL, kept REAL NOT NULL, dialect TEXT NOT NULL, PRIMARY KEY (server, model));
"""

_Result = TypeVar("_Result")
log = logging.getLogger(__name__)


class VerdictCache:
    """One file. May be used by several threads; opened when first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, key: str) -> dict[str, Any] | None:
        """What was kept under the key, as plain data."""
        row = self._do(lambda db: db.execute("SELECT graded FROM verdicts WHERE key = ?", (key,)).fetchone(), None)
        return _object(row[0]) if row else None

    def put(self, key: str, question: int, model: str, graded: dict[str, Any]) -> None:
        values = key, question, model, time.time(), json.dumps(graded, ensure_ascii=False)
        self._do(lambda db: db.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)", values), None)

    def stats(self) -> list[tuple[str, int, float, float]]:
        """Model, number of gradings kept, first and last time (seconds since 1970), for each model."""
        query = "SELECT model, count(*), min(kept), max(kept) FROM verdicts GROUP BY model ORDER BY model"
        return self._do(lambda db: [tuple(row) for row in db.execute(query)], [])

    def clear(self) -> int:
        """Forgets everything: how many gradings there were."""

        def forget(db: sqlite3.Connection) -> int:
            count = int(db.execute("SELECT count(*) FROM verdicts").fetchone()[0])
            db.execute("DELETE FROM verdicts")
            db.execute("DELETE FROM dialects")
            return count

        return self._do(forget, 0)

    def recall(self, server: str, model: str) -> dict[str, Any] | None:
        """How that server wants to be asked for that model, when it was found out lately."""
        oldest = time.time() - DIALECT_DAYS * 86_400
        query = "SELECT dialect FROM dialects WHERE server = ? AND model = ? AND kept > ?"
        row = self._do(lambda db: db.execute(query, (server, model, oldest)).fetchone(), None)
        return _object(row[0]) if row else None

    def remember(self, server: str, model: str, dialect: dict[str, Any]) -> None:
        values = server, model, time.time(), json.dumps(dialect)
        self._do(lambda db: db.execute("INSERT OR REPLACE INTO dialects VALUES (?, ?, ?, ?)", values), None)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], _Result], otherwise: _Result) -> _Result:
        """Does the work, each piece a transaction of its own."""
        with self._lock:
            for last in (False, True):
                try:
                    return work(self._opened())
                except (sqlite3.Error, OSError, ValueError) as fault:
                    self._connection = None
                    damaged = isinstance(fault, sqlite3.DatabaseError) and not isinstance(fault, sqlite3.OperationalError)
                    if last or not damaged or not self._put_aside():
                        log.warning("cache %s cannot be used (%s); nothing is kept", self.path, fault)
                        return otherwise
                    log.warning("cache %s was damaged (%s); it is begun anew", self.path, fault)
        return otherwise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version not in (0, LAYOUT):
                db.executescript("BEGIN IMMEDIATE; DROP TABLE IF EXISTS verdicts; DROP TABLE IF EXISTS dialects; COMMIT;")
            if version != LAYOUT:
                db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;")
            self._connection = db
        return self._connection

    def _put_aside(self) -> bool:
        """Whether the damaged file could be moved out of the way."""
        try:
            for ending in ("", "-wal", "-shm"):
                file = self.path.with_name(self.path.name + ending)
                if file.exists():
                    file.replace(file.with_name(f"{self.path.name}.damaged{ending}"))
        except OSError:
            return False
        return True


def _object(text: object) -> dict[str, Any] | None:
    try:
        data = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
