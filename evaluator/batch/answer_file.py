"""A file of answers as records, one at a time: JSONL, CSV, TSV, XLSX or Parquet. What stands in them is read in rows.py.

A record that cannot be read is a problem with its row number, and the next one is read all the same. Only what spoils the
whole file (its encoding, its kind, its header) is an error.
"""

from __future__ import annotations

import codecs
import csv
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from evaluator.errors import BadInput

KINDS = {".jsonl": "JSONL", ".ndjson": "JSONL", ".csv": "CSV", ".tsv": "TSV", ".xlsx": "XLSX", ".parquet": "Parquet"}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
MAX_FIELD = 1_000_000
"""Characters of one field or one line of JSON; longer ones are a quotation mark that was never closed, or no answers."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record cannot be read, in words."""

    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read where it does not say so itself: an encoding's name, and a key of DELIMITERS."""

    encoding: str = ""
    delimiter: str = ""


def read_records(path: Path, reading: Reading = Reading()) -> Iterator[tuple[int, Record | Problem]]:
    """(row, record or problem), in order. Rows count as people see them: lines of JSONL, rows of a sheet with its header as 1.

    Raises BadInput when the file as a whole cannot be read.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadInput(f"{path}: not a kind of file that is read.", f"Name a file that ends in {', '.join(KINDS)}.")
    try:
        with path.open("rb") as file:
            if kind == "XLSX":
                yield from _sheet(path, file)
            elif kind == "Parquet":
                yield from _parquet(path, file)
            else:
                text = _decoded(path, file, reading)
                yield from _lines(text) if kind == "JSONL" else _table(path, text, kind, reading)
    except OSError as fault:
        raise BadInput(f"{path}: cannot be read ({fault.strerror or fault}).", "Name a file with answers.") from fault


def _decoded(path: Path, file: BinaryIO, reading: Reading) -> codecs.StreamReader:
    """The file as text; its encoding is tried on all of it first, so that nothing is graded of a file that is misread."""
    start = file.read(4)
    encoding = reading.encoding or next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")
    file.seek(0)
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        lines = 1
        while block := file.read(1 << 20):
            lines += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except LookupError as fault:
        raise BadInput(f'There is no encoding "{encoding}".', "Use --encoding cp1252, latin-1, utf-8 or utf-16.") from fault
    except UnicodeDecodeError as fault:
        mend = "Save it as UTF-8." if reading.encoding else "If a spreadsheet on Windows wrote it, add: --encoding cp1252"
        lines += fault.object[: fault.start].count(b"\n")
        raise BadInput(f"{path}: line {lines}: not {encoding.upper()} text.", mend) from fault
    file.seek(0)
    return codecs.getreader(encoding)(file)


def _lines(text: codecs.StreamReader) -> Iterator[tuple[int, Record | Problem]]:
    mend = 'A line looks like {"id": "a1", "question": 2, "answer": "..."}.'
    for number, line in enumerate(_split(text), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as fault:
            yield number, Problem(f"not JSON ({getattr(fault, 'msg', None) or 'nested too deeply, or no number'})", mend)
            continue
        yield number, record if isinstance(record, dict) else Problem("not a JSON object", mend)


def _split(text: codecs.StreamReader) -> Iterator[str]:
    """Lines as JSONL has them: ended by a line feed alone, whatever else Unicode calls a line end."""
    rest = ""
    while block := text.read(1 << 16):
        *lines, rest = (rest + block).split("\n")
        yield from lines
        if len(rest) > MAX_FIELD:
            raise BadInput(f"A line has more than {MAX_FIELD:,} characters.", "Write one JSON object a line.")
    if rest:
        yield rest


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _table(path: Path, text: codecs.StreamReader, kind: str, reading: Reading) -> Iterator[tuple[int, Record | Problem]]:
    csv.field_size_limit(MAX_FIELD)
    head = text.read(1 << 16)
    text.seek(0)
    if head.startswith("\ufeff"):
        text.read(1)
    delimiter = DELIMITERS.get(reading.delimiter) or ("\t" if kind == "TSV" else _likely_delimiter(head))
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            mend = 'Double the quotation marks inside a field ("") and close every field that one opens.'
            if header is None:
                raise BadInput(f"{path}: the header cannot be read ({fault}).", mend) from fault
            yield number, Problem(f"not a row of a table ({fault})", mend)
            continue
        if header is None:
            header = _header(path, row)
        elif any(field.strip() for field in row):
            yield number, _record(header, row)


def _likely_delimiter(head: str) -> str:
    """The one that the header has most of, outside quotation marks."""
    outside = "".join(head.split("\n", 1)[0].split('"')[::2])
    return max(DELIMITERS.values(), key=outside.count)


def _header(path: Path, row: list[Any]) -> list[str]:
    names = ["" if name is None else str(name).strip() for name in row]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise BadInput(f'{path}: two columns are called "{twice[0]}".', "Give each column its own name.")
    if not any(names):
        raise BadInput(f"{path}: the first row names no column.", "Put a header over the rows: id, question, answer.")
    return names


def _record(header: list[str], row: list[Any]) -> Record | Problem:
    beyond = [value for value in row[len(header) :] if value not in (None, "")]
    if beyond:
        mend = 'Put the answer in quotation marks: "...". Or name the right --delimiter.'
        return Problem(f"{len(row)} fields, and the header has {len(header)}", mend)
    return {name: value for name, value in zip(header, row, strict=False) if name}


def _sheet(path: Path, file: BinaryIO) -> Iterator[tuple[int, Record | Problem]]:
    """The first sheet of a workbook; of formulas the values last computed."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        header: list[str] | None = None
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            if header is None:
                header = _header(path, list(row))
            elif any(value not in (None, "") for value in row):
                yield number, _record(header, list(row))
        if header is None:
            raise BadInput(f"{path}: the first sheet is empty.", "Put the answers on the first sheet, under a header.")
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, EOFError) as fault:
        raise BadInput(f"{path}: not an Excel workbook ({fault}).", "Save it anew as .xlsx, or as .csv in UTF-8.") from fault


def _parquet(path: Path, file: BinaryIO) -> Iterator[tuple[int, Record | Problem]]:
    import pyarrow
    from pyarrow import parquet

    try:
        number = 0
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=1_000):
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except pyarrow.ArrowException as fault:
        raise BadInput(f"{path}: not a Parquet file ({str(fault).splitlines()[0]}).", "Write it anew, or as JSONL.") from fault
