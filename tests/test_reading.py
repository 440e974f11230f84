"""Properties of the reading model and of the files it ships in."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from evaluator.errors import EmbedderFailed
from evaluator.graders.embedded_head import NAMES, read_head
from evaluator.reading import FOLDER, ReadingModel, read_card

ROOT = Path(__file__).parent.parent
POINT = "Gradients shrink exponentially with depth because backpropagation multiplies many small factors"
SAID = "Each layer multiplies in another factor below one, so going back through many layers the gradient dies out."
DENIED = "The depth of a network has no effect on its gradients, they do not shrink on their way back."
PAIRS = [(POINT, SAID), (POINT, DENIED), (POINT, "Cats sleep most of the day.")]


@pytest.fixture(scope="module")
def reading():
    return ReadingModel()


def test_model_card_and_code_agree():
    card = json.loads((FOLDER / "card.json").read_text())
    data = (FOLDER / card["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == card["sha256"] == read_card().sha256
    assert len(data) == card["bytes"] < 25_000_000
    assert [*card["head"]["coefficients"]] == [*NAMES, "bias"]
    head = read_head()
    assert head.coefficients.shape == (len(NAMES) + 1, 3) and 0 < head.partly < head.met < 1
    page = (FOLDER / "README.md").read_text()
    assert card["sha256"] in page and f"version {card['version']}" in page


def test_the_published_accuracy_stands_on_the_card_and_on_the_page():
    card = json.loads((FOLDER / "card.json").read_text())
    page = re.sub(r"\s+", " ", (ROOT / "docs" / "embedded-grader.md").read_text())
    assert card["accuracy"] in page


def test_a_statement_its_denial_and_a_stranger_are_told_apart(reading):
    said, denied, stranger = reading.read(PAIRS)
    assert said[0] > max(denied[0], stranger[0])
    assert denied[1] > max(said[1], stranger[1])


def test_what_a_pair_says_does_not_depend_on_the_pairs_beside_it(reading):
    alone = np.stack([ReadingModel().read([pair])[0] for pair in PAIRS])
    assert np.array_equal(ReadingModel().read(PAIRS[::-1])[::-1], alone)
    assert np.array_equal(reading.read([*PAIRS, *PAIRS]), np.concatenate([alone, alone]))


def test_nothing_is_read_of_no_pairs(reading):
    assert reading.read([]).shape == (0, 2)


@pytest.mark.parametrize("damage", ["no file", "changed", "no card", "another head"])
def test_a_damaged_model_is_refused_in_one_line(tmp_path, damage):
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    card = folder / "card.json"
    if damage == "no file":
        (folder / "reader.onnx").unlink()
    elif damage == "changed":
        data = bytearray((folder / "reader.onnx").read_bytes())
        data[-1] ^= 1
        (folder / "reader.onnx").write_bytes(data)
    elif damage == "no card":
        card.unlink()
    else:
        card.write_text(json.dumps(json.loads(card.read_text()) | {"head": {"coefficients": {}}}))
    with pytest.raises(EmbedderFailed) as fault:
        read_head(folder) if damage == "another head" else ReadingModel(folder).read(PAIRS)
    assert "\n" not in str(fault.value)
