"""Rubric files: every fault is named with file, line, place and mend, and all of them at once."""

import copy
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluator.errors import BadRubric
from evaluator.rubric import rubric_from_data
from evaluator.rubric_check import find_faults
from evaluator.rubric_files import MAX_BYTES, RubricFile, check_rubric_files, list_rubric_files
from tests.factory import criterion, rubric_data

NUMBERS = range(1, 51)


def broken(change):
    data = copy.deepcopy(rubric_data())
    change(data)
    return find_faults(data, NUMBERS)


def put(path, value):
    def change(data):
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return change


FAULTS = {
    "schema": (put(["schema"], 2), "schema", "from 1 to 1"),
    "question unknown": (put(["question"], 51), "question", "no question 51"),
    "version": (put(["version"], "one"), "version", "whole number"),
    "no reference answer": (lambda d: d.pop("reference_answer"), "the file", '"reference_answer" is missing'),
    "blank reference answer": (put(["reference_answer"], "  "), "reference_answer", "must be a text"),
    "unknown field": (put(["critera"], []), "critera", "not a field"),
    "too few criteria": (lambda d: d["criteria"].pop(), "criteria", "has 3 criteria"),
    "criteria no list": (put(["criteria"], "a, b"), "criteria", "must be a list"),
    "criterion no mapping": (put(["criteria", 1], "beta"), "criteria[2]", "must be fields"),
    "bad id": (put(["criteria", 0, "id"], "Alpha One"), "criteria[1].id", "is no id"),
    "same id twice": (put(["criteria", 1, "id"], "alpha"), "criteria[2].id", "stands twice"),
    "no requirement": (lambda d: d["criteria"][0].pop("requirement"), "criteria[1]", '"requirement" is missing'),
    "weight zero": (put(["criteria", 0, "weight"], 0), "criteria[1].weight", "above 0"),
    "weight yes": (put(["criteria", 0, "weight"], True), "criteria[1].weight", "above 0"),
    "weight text": (put(["criteria", 0, "weight"], "3"), "criteria[1].weight", "above 0"),
    "two accepts": (lambda d: d["criteria"][0]["accept"].pop(), "criteria[1].accept", "has 2 phrasings"),
    "accept twice": (put(["criteria", 0, "accept", 1], "ALPHA  holds"), "criteria[1].accept[2]", "stands twice"),
    "accept a number": (put(["criteria", 0, "accept", 1], 7), "criteria[1].accept[2]", "must be a text"),
    "misconception no correction": (
        lambda d: d["criteria"][0]["misconceptions"][0].pop("correction"), "criteria[1].misconceptions[1]", "is missing",
    ),
    "blank probe": (put(["criteria", 0, "probe"], ""), "criteria[1].probe", "must be a text"),
    "credits fall": (
        put(["criteria", 0, "levels"], [{"id": "a", "credit": 1, "anchor": "x"}, {"id": "b", "credit": 0, "anchor": "y"}]),
        "criteria[1].levels", "must rise",
    ),
    "reserved level": (
        put(["criteria", 0, "levels"], [{"id": "unscored", "credit": 0, "anchor": "x"}, {"id": "b", "credit": 1, "anchor": "y"}]),
        "criteria[1].levels[1].id", "cannot name a level",
    ),
    "requires unknown": (put(["criteria", 0, "requires"], ["omega"]), "criteria[1].requires[1]", "no other criterion"),
    "requires itself": (put(["criteria", 0, "requires"], ["alpha"]), "criteria[1].requires[1]", "no other criterion"),
    "missing kind": (put(["exemplars", 0, "kind"], "partial"), "exemplars", "no exemplar of kind strong"),
    "unknown kind": (put(["exemplars", 0, "kind"], "great"), "exemplars[1].kind", "no kind"),
    "exemplar lacks a level": (lambda d: d["exemplars"][0]["levels"].pop("beta"), "exemplars[1].levels", 'criterion "beta"'),
    "exemplar level unknown": (put(["exemplars", 0, "levels", "beta"], "superb"), "exemplars[1].levels.beta", "no level"),
    "exemplar criterion unknown": (put(["exemplars", 0, "levels", "omega"], "met"), "exemplars[1].levels.omega", "no criterion"),
    "no references": (put(["references"], []), "references", "no work"),
    "year": (put(["references", 0, "year"], "2015"), "references[1].year", "whole number"),
    "arxiv": (put(["references", 0, "arxiv"], "arXiv:1502.03167"), "references[1].arxiv", "no arxiv id"),
    "doi": (put(["references", 0, "doi"], "https://doi.org/10.1/x"), "references[1].doi", "no doi id"),
}  # fmt: skip


def test_a_good_rubric_has_no_fault():
    assert find_faults(rubric_data(), NUMBERS) == []


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_with_its_place_and_a_mend(name):
    change, place, words = FAULTS[name]
    found = [fault for fault in broken(change) if fault.place == place and words in fault.problem]
    assert found, [(fault.place, fault.problem) for fault in broken(change)]
    assert all(fault.mend for fault in found)


def test_a_circle_of_requires_is_found():
    data = rubric_data(
        criterion("a", requires=["b"]), criterion("b", requires=["c"]), criterion("c", requires=["a"]), criterion("d")
    )
    assert [fault.place for fault in find_faults(data, NUMBERS)] == [f"criteria[{n}].requires" for n in (1, 2, 3)]


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(rubric_data()) + ["id", "levels", "accept"]), inner),
    max_leaves=12,
))  # fmt: skip
def test_no_data_whatever_breaks_the_check(data):
    find_faults(data, NUMBERS)
    whole = rubric_data() | (data if isinstance(data, dict) else {"criteria": data})
    if not find_faults(whole, NUMBERS):
        rubric_from_data(whole)


def write(folder, name, data):
    path = folder / name
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def test_a_folder_with_ten_planted_faults_names_all_ten(tmp_path):
    data = rubric_data()
    for name in ("weight zero", "bad id", "two accepts", "blank probe", "arxiv"):
        data = copy.deepcopy(data)
        FAULTS[name][0](data)
    data["exemplars"] = [
        {**entry, "levels": {"Alpha One" if id == "alpha" else id: level for id, level in entry["levels"].items()}}
        for entry in data["exemplars"]
    ]
    write(tmp_path, "q02-many-faults.yaml", data)
    write(tmp_path, "q03-not-yaml.yaml", "schema: 1\nquestion: [3\n")
    write(tmp_path, "q04-twins.yaml", yaml.safe_dump(rubric_data(question=4)) + "version: 2\n")
    write(tmp_path, "q05-other-number.yaml", rubric_data(question=6))
    write(tmp_path, "misnamed.yaml", rubric_data(question=7))
    write(tmp_path, "q09-tab.yaml", "schema: 1\n\tquestion: 9\n")
    write(tmp_path, "q10-good.yaml", rubric_data(question=10))
    checked = check_rubric_files([tmp_path], NUMBERS)
    lines = checked.faults
    assert [rubric.question for rubric in checked.rubrics] == [10]
    for words in ("must be a number above 0", "is no id", "has 2 phrasings", "probe", "no arxiv id",
                  "not YAML", '"version" stands twice', "the file is named q05", "not a name of a rubric file", "a tab"):  # fmt: skip
        assert sum(words in line for line in lines) == 1, (words, lines)
    assert len(lines) == 10
    assert all(re.match(rf"{re.escape(str(tmp_path))}/\S+\.yaml(:\d+)?: ", line) for line in lines)


def test_a_fault_carries_the_line_it_stands_on(tmp_path):
    text = yaml.safe_dump(rubric_data(), sort_keys=False).replace("weight: 1", "weight: nought", 1)
    path = write(tmp_path, "q02-x.yaml", text)
    line = 1 + text.split("\n").index("  weight: nought")
    assert check_rubric_files([path], NUMBERS).faults[0].startswith(f"{path}:{line}: criteria[1].weight: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: !!python/object/apply:os.system ['true']\n", "tag|field"),
        ("", "holds no rubric"),
        ("- 1\n", "holds no rubric"),
        ("schema: 1\n" * 2, "stands twice"),
        ("[" * 5000, "not YAML|nested"),
        ("a: \x00\n", "not YAML"),
        ("x" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_hostile_yaml_is_a_named_fault(tmp_path, text, words):
    path = write(tmp_path, "q02-x.yaml", text)
    checked = check_rubric_files([path], NUMBERS)
    assert checked.rubrics == [] and re.search(words, "\n".join(checked.faults))


def test_an_alias_bomb_costs_no_time(tmp_path):
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    path = write(tmp_path, "q02-x.yaml", "a0: &a0 lol\n" + levels)
    assert check_rubric_files([path], NUMBERS).rubrics == []


def test_two_files_for_one_question_and_missing_files_are_faults(tmp_path):
    write(tmp_path, "q02-a.yaml", rubric_data())
    write(tmp_path, "q02-b.yaml", rubric_data())
    lines = check_rubric_files([tmp_path, tmp_path / "none.yaml"], NUMBERS).faults
    assert any("has a rubric in q02-a.yaml too" in line for line in lines)
    assert any("no such file" in line for line in lines)


def test_reading_one_file_lists_all_its_faults_in_the_error(tmp_path):
    data = rubric_data()
    data["version"], data["references"] = "one", []
    path = write(tmp_path, "q02-x.yaml", data)
    with pytest.raises(BadRubric) as caught:
        RubricFile(path, 2).read(NUMBERS)
    assert len(caught.value.faults) == 2
    with pytest.raises(BadRubric, match="EVALUATOR_RUBRICS_DIR"):
        list_rubric_files(tmp_path / "none")


def test_the_hash_follows_the_content_and_not_the_layout(tmp_path):
    flow = write(tmp_path, "q02-x.yaml", yaml.safe_dump(rubric_data(), default_flow_style=True))
    block = write(tmp_path, "q02-y.yaml", "# a comment\n" + yaml.safe_dump(rubric_data(), default_flow_style=False))
    one, other = (RubricFile(path, 2).read(NUMBERS) for path in (flow, block))
    changed = rubric_from_data(rubric_data(reference_answer="another"))
    assert one.hash == other.hash != changed.hash
    assert rubric_from_data(one.to_data()).hash == one.hash
