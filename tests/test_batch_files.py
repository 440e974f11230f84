"""Files of answers: every kind reads alike, and what cannot be read is named with its place and the mend."""

import csv
import json

import openpyxl
import pyarrow
import pytest
from pyarrow import parquet

from evaluator.batch.answer_file import Problem, Reading, read_records
from evaluator.batch.rows import Fault, Row, RowReader
from evaluator.errors import BadInput

ROWS = [
    {"id": "a1", "question": "2", "answer": 'Gradients shrink,\nlayer by layer; "deep" nets.', "candidate": "Zoë", "note": "x"},
    {"id": "a2", "question": "23", "answer": "Dropout — 50 % of units 🙂", "candidate": "", "note": ""},
]


def write(path, rows, delimiter=",", encoding="utf-8", newline="\r\n"):
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding=encoding)
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        book.active.append(list(rows[0]))
        for row in rows:
            book.active.append([int(value) if name == "question" else value for name, value in row.items()])
        book.save(path)
    else:
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator=newline)
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.fixture
def read(bank, rubrics):
    def read(path, names=None, **reading):
        return list(RowReader(bank, frozenset(rubrics), names).read(read_records(path, Reading(**reading))))

    return read


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.jsonl", {}),
        ("a.csv", {}),
        ("a.csv", {"delimiter": ";"}),
        ("a.csv", {"encoding": "utf-8-sig", "newline": "\n"}),
        ("a.csv", {"encoding": "utf-16", "delimiter": "\t"}),
        ("a.tsv", {"delimiter": "\t"}),
        ("a.xlsx", {}),
        ("a.parquet", {}),
    ],
)
def test_every_kind_of_file_reads_alike(tmp_path, read, name, how):
    rows = read(write(tmp_path / name, ROWS, **how))
    assert [(row.id, row.question, row.answer.replace("\r\n", "\n"), row.candidate) for row in rows] == [
        ("a1", 2, ROWS[0]["answer"], "Zoë"),
        ("a2", 23, ROWS[1]["answer"], ""),
    ]
    assert [row.more["note"] or "" for row in rows] == ["x", ""]


def test_a_german_spreadsheet_works_with_the_option_that_the_error_names(tmp_path, read):
    rows = [{"id": "a1", "Frage": "2", "Antwort": "Gradienten, grün", "candidate": "Jürgen"}]
    path = write(tmp_path / "a.csv", rows, delimiter=";", encoding="cp1252")
    names = {"question": "Frage", "answer": "Antwort"}
    with pytest.raises(BadInput, match=r"line 2: .*--encoding cp1252"):
        read(path, names)
    assert read(path, names, encoding="cp1252")[0].answer == "Gradienten, grün"
    with pytest.raises(BadInput, match=r'no column "question" or "answer".*--map question=COLUMN --map answer=COLUMN'):
        read(path, encoding="cp1252")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": ""}, "no id"),
        ({"id": "x" * 300}, "300 characters"),
        ({"question": "99"}, "there is no question 99"),
        ({"question": ""}, "no question"),
        ({"question": "Describe the vanishing gradient problem in deep networks"}, "nearest is 2"),
        ({"question": "2.5"}, "no question"),
        ({"answer": "x" * 30_000}, "30,000 characters"),
        ({"answer": ["a"]}, "not a text"),
        ({"answer": "\ud800"}, "half a character"),
        ({"candidate": "\ud800"}, "half a character"),
    ],
)
def test_a_bad_row_is_named_with_its_number_and_the_others_are_read(tmp_path, read, row, said):
    path = tmp_path / "a.jsonl"
    rows = [ROWS[0], {**ROWS[1], **row}, {**ROWS[1], "id": "a3"}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    good, fault, last = read(path)
    assert isinstance(good, Row) and isinstance(last, Row)
    assert isinstance(fault, Fault) and fault.number == 2 and said in str(fault) and fault.mend


def test_the_question_may_be_its_text(tmp_path, read, bank):
    path = write(tmp_path / "a.jsonl", [{**ROWS[0], "question": f"  {bank[23].text.upper()} "}, {**ROWS[1], "question": 23.0}])
    assert [row.question for row in read(path)] == [23, 23]


def test_a_text_that_two_questions_share_needs_the_number(tmp_path, read, bank):
    path = write(tmp_path / "a.jsonl", [{**ROWS[0], "question": bank[1].text}])
    assert "questions 1 and 8" in str(read(path)[0])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"x", "not a kind of file"),
        ("a.csv", b"", None),
        ("a.csv", b",,\n1,2,3\n", "names no column"),
        ("a.csv", b"id,id,answer\n1,2,3\n", 'called "id"'),
        ("a.xlsx", b"PK\x03\x04broken", "not an Excel workbook"),
        ("a.xlsx", b"id,question,answer", "not an Excel workbook"),
        ("a.parquet", b"PAR1broken", "not a Parquet file"),
        ("missing.csv", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, name, data, said):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    if said is None:
        assert list(read_records(path)) == []
        return
    with pytest.raises(BadInput, match=said) as caught:
        list(read_records(path))
    assert caught.value.mend and "\n" not in str(caught.value)


def test_damaged_rows_do_not_take_the_others_with_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,question,answer\na1,2,"fine"\na2,2,"bad"x\na3,2,one,too many\n\n  \na4,2,fine\n')
    found = dict(read_records(path))
    assert isinstance(found[3], Problem) and isinstance(found[4], Problem) and "4 fields" in found[4].what
    assert found[2]["id"] == "a1" and found[7]["id"] == "a4"
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a1"}\nnot json\n\n[1]\n{"id": NaN}\n{"id": "a2", "answer": "line\u2028separator"}\n')
    found = dict(read_records(path))
    assert [number for number, record in found.items() if isinstance(record, Problem)] == [2, 4, 5]
    assert found[6]["answer"] == "line\u2028separator"


def test_a_quotation_mark_that_is_never_closed_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,question,answer\na1,2,"open\na2,2,x\n')
    ((number, problem),) = read_records(path)
    assert number == 2 and isinstance(problem, Problem) and "close" in problem.mend
