"""scores.svg: how the scores of each question are spread, and what share of the credit each rubric point was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from evaluator.batch.summary import QuestionTally
from evaluator.rubric import Rubric

_WIDTH, _LEFT, _ROW, _CHART = 760, 250, 18, 70
_BAR = 300
_STYLE = (
    "text{font:12px sans-serif;fill:#222}.t{font-weight:bold}.n{fill:#555}"
    ".b{fill:#3b6ea8}.c{fill:#5a9e6f}.g{fill:#e8e8e8}svg{background:#fff}"
)


def draw_scores(questions: Mapping[int, QuestionTally], rubrics: Mapping[int, Rubric]) -> Iterator[str]:
    """Pieces of an SVG. Differences show by length, not by colour alone, and every bar has its number."""
    heights = [_CHART + 40 + _ROW * len(rubrics[number].criteria) for number in sorted(questions)]
    height = sum(heights) + 20
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img">'
        f"<title>Scores by question</title><style>{_STYLE}</style>\n"
    )
    top = 10
    for number, tall in zip(sorted(questions), heights, strict=True):
        yield from _question(number, questions[number], rubrics[number], top)
        top += tall
    yield "</svg>\n"


def _question(number: int, tally: QuestionTally, rubric: Rubric, top: int) -> Iterator[str]:
    title = f"Question {number}: {tally.graded:,} graded, mean {tally.mean:.1f}"
    yield f'<text class="t" x="10" y="{top + 14}">{title}</text>\n'
    most = max(tally.bars) or 1
    for at, count in enumerate(tally.bars):
        tall = round((_CHART - 36) * count / most)
        x = _LEFT + at * 44
        base = top + _CHART - 14
        yield f'<rect class="b" x="{x}" y="{base - tall}" width="38" height="{max(tall, 1)}"/>'
        yield f'<text class="n" x="{x + 19}" y="{base - tall - 3}" text-anchor="middle">{count or ""}</text>'
        yield f'<text class="n" x="{x + 19}" y="{base + 13}" text-anchor="middle">{at * 10}</text>\n'
    for at, criterion in enumerate(rubric.criteria):
        y = top + _CHART + 12 + at * _ROW
        rate = tally.criteria[criterion.id].hit_rate
        wide = round(_BAR * (rate or 0.0))
        yield f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(criterion.id)}</text>'
        yield f'<rect class="g" x="{_LEFT}" y="{y}" width="{_BAR}" height="13"/>'
        yield f'<rect class="c" x="{_LEFT}" y="{y}" width="{wide}" height="13"/>'
        yield f'<text class="n" x="{_LEFT + _BAR + 8}" y="{y + 11}">{"-" if rate is None else f"{rate:.0%}"}</text>\n'
