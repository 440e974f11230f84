"""Step 6 of 6. What a grading cost, from a small table that anybody can edit; unknown rather than guessed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from evaluator.errors import BadSettings

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; `cached` for prompt tokens that the server had seen before."""

    prompt: float
    cached: float
    completion: float
    as_of: date

    def cost(self, prompt: int | None, cached: int | None, completion: int | None) -> float | None:
        """US dollars for these numbers of tokens (`cached` is part of `prompt`), or None when one of them is unknown."""
        if prompt is None or cached is None or completion is None:
            return None
        fresh = max(0, prompt - cached)
        return (fresh * self.prompt + cached * self.cached + completion * self.completion) / _MILLION


@dataclass(frozen=True, slots=True)
class PriceTable:
    prices: dict[tuple[str, str], Price]
    """By server and model."""

    def price(self, server: str, model: str) -> Price | None:
        """The price of a model, or of the model that a dated snapshot such as `gpt-4.1-2025-04-14` belongs to."""
        server = server.rstrip("/")
        return self.prices.get((server, model)) or self.prices.get((server, _SNAPSHOT.sub("", model)))


def read_prices(path: Path) -> PriceTable:
    """Raises BadSettings naming the file and the entry."""
    mend = "Mend it, or point EVALUATOR_PRICES_FILE to another; docs/settings.md shows the form."
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise BadSettings(f"{path}: cannot be read ({fault}).", mend) from fault
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise BadSettings(f"{path}: not YAML ({' '.join(str(fault).split())[:120]}).", mend) from fault
    prices: dict[tuple[str, str], Price] = {}
    if not isinstance(data or {}, dict):
        raise BadSettings(f"{path}: does not hold servers with the prices of their models.", mend)
    for server, models in (data or {}).items():
        if not isinstance(models, dict):
            raise BadSettings(f"{path}: {server} does not hold models with their prices.", mend)
        for model, row in models.items():
            try:
                values = [float(row[name]) for name in ("prompt", "cached", "completion")]
                as_of = date.fromisoformat(str(row["as_of"]))
            except (KeyError, TypeError, ValueError, OverflowError) as fault:
                raise BadSettings(f"{path}: {model} needs prompt, cached, completion and as_of ({fault}).", mend) from fault
            if not all(0 <= value < math.inf for value in values):
                raise BadSettings(f"{path}: {model} has a price that is below zero or no number.", mend)
            prices[str(server).rstrip("/"), str(model)] = Price(values[0], values[1], values[2], as_of)
    return PriceTable(prices)
