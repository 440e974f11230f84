"""Draws docs/images/probes.svg from the table of probes that stands in docs/embedded-grader.md.

Run: python -m benchmarks.picture
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
SIMILARITY = {"negated": 1.00, "reversed": 0.95, "salad": 1.00, "off-topic": 0.02}
"""What passes when similarity alone decides (token by token, with paraphrases), as measured before on other probes."""
WIDTH, LEFT, ROW = 640, 150, 46


def main() -> None:
    text = (DOCS / "embedded-grader.md").read_text(encoding="utf-8")
    table = text[text.index("all 50 questions") :]
    found = {kind: float(re.search(rf"^  {kind} +passes ([\d.]+)", table, re.MULTILINE)[1]) for kind in SIMILARITY}  # type: ignore[index]
    (DOCS / "images" / "probes.svg").write_text(draw(found), encoding="utf-8")


def draw(found: dict[str, float]) -> str:
    height = 64 + ROW * len(found)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="DejaVu Sans, Arial, sans-serif" '
        'font-size="13">',
        "  <title>Share of attacks that get credit: similarity alone, and the embedded grader</title>",
        f'  <rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '  <text x="10" y="22" font-weight="bold">Attacks that get any credit (lower is better)</text>',
    ]
    for number, (kind, share) in enumerate(found.items()):
        top = 38 + ROW * number
        parts.append(f'  <text x="{LEFT - 10}" y="{top + 22}" text-anchor="end">{kind}</text>')
        for at, (value, colour, who) in enumerate(
            ((SIMILARITY[kind], "#b35900", "similarity alone"), (share, "#1f5fa8", "embedded grader"))
        ):
            long = max(2.0, (WIDTH - LEFT - 190) * value)
            y = top + 16 * at
            parts.append(f'  <rect x="{LEFT}" y="{y}" width="{long:.0f}" height="13" fill="{colour}"/>')
            parts.append(f'  <text x="{LEFT + long + 6:.0f}" y="{y + 11}" font-size="12">{value:.0%} {who}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
