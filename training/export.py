"""Turns a trained checkpoint into what ships: an int8 ONNX file and its card.

Run: python -m training.export IN.pt [--folder evaluator/model]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import torch

from training.model import Reader

FOLDER = Path(__file__).parents[1] / "evaluator" / "model"
VERSION = "2"
"""Goes up with every model that ships."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = Reader()
    model.load_state_dict(torch.load(arguments.checkpoint))
    out = arguments.folder / "reader.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole.onnx"
        export(model.eval(), whole)
        quantise(whole, out)
    data = out.read_bytes()
    card = {"version": VERSION, "file": out.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (arguments.folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(card)


def export(model: Reader, path: Path) -> None:
    ids = torch.tensor([[101, 2023, 102, 2009, 102, 0]])
    sides = torch.tensor([[0, 0, 0, 1, 1, 0]])
    seen = torch.tensor([[1, 1, 1, 1, 1, 0]])
    names = ["ids", "sides", "seen"]
    sizes = {name: {0: "pairs", 1: "tokens"} for name in names} | {"logits": {0: "pairs"}}
    torch.onnx.export(
        model,
        (ids, sides, seen),
        str(path),
        input_names=names,
        output_names=["logits"],
        dynamic_axes=sizes,
        opset_version=17,
        dynamo=False,
    )


def quantise(whole: Path, out: Path) -> None:
    """8 bits a weight, one scale a channel. Seven of them are used, so that processors without VNNI round alike."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(whole, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main()
