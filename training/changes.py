"""Rules that change a sentence: its negation, a reversed relation, a word salad, two in one. They make hard examples."""

from __future__ import annotations

import random
import re

_NOT = re.compile(r"\b(?:not|never|no longer|hardly|rarely)\s|n['’]t\b", re.I)
_VERB = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|must|may|might|has|have|had|does|do|did)\b(?! not\b|n['’]t)", re.I
)
_THIRD = re.compile(r"\b(\w{3,}[^s\W])s (?=(?:the|a|an|its|their|that|how|more|less|in|on|to|by|with|from|over|it|each|all)\b)")
_NEGATIONS = {"can": "cannot", "will": "will not", "do": "do not"}
_BEFORE = ("It is not true that", "It is a myth that", "I would deny that", "Nobody has shown that", "It is wrong to say that")
_ADVERBS = ("not", "never", "no longer", "hardly ever")

_PAIRS = """
increase decrease, increases decreases, increased decreased, increasing decreasing, higher lower, high low, more less, more fewer,
larger smaller, large small, bigger smaller, big small, greater lesser, most least, faster slower, fast slow, quickly slowly,
better worse, best worst, good bad, before after, first last, earlier later, early late, always never, all none, every no,
with without, improves worsens, improve worsen, helps hurts, help hurt, prevents causes, prevent cause, reduces raises,
reduce raise, reduced raised, reducing raising, up down, above below, over under, inside outside, open closed, strong weak,
stronger weaker, positive negative, same different, similar dissimilar, easy hard, easier harder, simple complex, cheap expensive,
training test, training validation, input output, forward backward, supervised unsupervised, local global, linear nonlinear,
encoder decoder, generator discriminator, teacher student, mean variance, bias variance, overfitting underfitting,
vanish explode, vanishes explodes, vanishing exploding, grow shrink, grows shrinks, growing shrinking, wide narrow, deep shallow,
maximum minimum, maximise minimise, maximize minimize, add remove, adds removes, start stop, starts stops, keep discard,
accept reject, included excluded, allows prevents, allow prevent, longer shorter, long short, dense sparse, many few, rich poor,
true false, right wrong, hot cold, warm cool, light heavy, thick thin, near far, connected separated, gain lose, win lose,
support oppose, safe dangerous, legal illegal, ban allow, banned allowed, old new, older newer, day night, parallel series,
sooner later, cause effect, present absent, on off, both neither, short long
"""
_ANTONYMS: dict[str, list[str]] = {}
for _pair in _PAIRS.replace("\n", " ").split(","):
    _one, _other = _pair.split()
    _ANTONYMS.setdefault(_one, []).append(_other)
    _ANTONYMS.setdefault(_other, []).append(_one)

GLUE = (
    *("of the", "with", "for the", "and", "in", "to a", "by the", "from", "through", "as", "over", "the", "a", "per"),
    *[""] * 8,
)
_TIES = (", and ", ", and ", "; ", " - ", ", so ", ", while ", ", which is one thing, and ", ". ", ". ")

_AROUND = re.compile(
    r"\b(?:than|rather than|instead of|not|causes?|leads? to|depends? on|before|after|because of|into|from)\b", re.I
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")


def negate(text: str, rng: random.Random) -> str | None:
    """The sentence with one negation put in or taken out; none when there is no place for it."""
    if _NOT.search(text):
        if rng.random() < 0.7:
            return re.sub(r"\bca\b", "can", _NOT.sub(" " if "n't" in text or "n’t" in text else "", text, count=1)).strip()
        return None
    places = list(_VERB.finditer(text))
    thirds = list(_THIRD.finditer(text))
    draw = rng.random()
    if draw < 0.12:
        return f"{rng.choice(_BEFORE)} {text[:1].lower()}{text[1:]}" if len(text.split()) > 3 else None
    if places and (draw < 0.75 or not thirds):
        place = places[0] if rng.random() < 0.8 else rng.choice(places)
        verb = place[0]
        adverb = rng.choice(_ADVERBS) if rng.random() < 0.35 else "not"
        put = _NEGATIONS.get(verb.lower(), f"{verb} not") if adverb == "not" else f"{verb} {adverb}"
        if adverb == "not" and rng.random() < 0.4:
            put = (
                {"can": "can't", "will": "won't"}.get(verb.lower(), f"{verb}n't") if verb.lower() not in ("may", "might") else put
            )
        return text[: place.start()] + put + text[place.end() :]
    if thirds:
        place = rng.choice(thirds)
        verb = place[1]
        stem = verb[:-2] + "y" if verb.endswith("ie") else verb[:-1] if verb.endswith(("she", "che", "sse", "xe")) else verb
        return f"{text[: place.start()]}{rng.choice(('does not', 'doesn’t', 'never'))} {stem} {text[place.end() :]}"
    return None


def reverse(text: str, rng: random.Random) -> str | None:
    """The sentence with a word turned into its opposite, two compared things swapped, or a number changed."""
    ways = [_swap_opposite, _swap_sides, _change_number, _swap_pair]
    rng.shuffle(ways)
    for way in ways:
        changed = way(text, rng)
        if changed and changed.lower() != text.lower():
            return changed
    return None


def salad(text: str, rng: random.Random) -> str:
    """The words of the text without any order: all of them, the longer ones as a list, or glued with little words."""
    words = re.findall(r"[\w'’-]+", text)
    rng.shuffle(words)
    long = [word for word in words if len(word) > 3] or words
    way = rng.random()
    if way < 0.3:
        return " ".join(words)
    if way < 0.6:
        return rng.choice((", ", " ", "; ")).join(long)
    return " ".join(part for word in long for part in (word, rng.choice(GLUE)) if part).rstrip()


def join(one: str, other: str, rng: random.Random) -> str:
    """Two statements as one sentence, or as two in a row; the second starts small unless it starts with a name."""
    tie = rng.choice(_TIES)
    one = one.strip()
    second = other.strip()
    if not tie.startswith("."):
        one = one.rstrip(".!")
        if second[1:2].islower() and second.split()[0] not in ("I", "I'm", "I'd"):
            second = second[0].lower() + second[1:]
    elif one.endswith((".", "!", "?")):
        tie = " "
    return f"{one}{tie}{second}"


def _swap_opposite(text: str, rng: random.Random) -> str | None:
    found = [match for match in re.finditer(r"[A-Za-z]+", text) if match[0].lower() in _ANTONYMS]
    if not found:
        return None
    word = rng.choice(found)
    other = rng.choice(_ANTONYMS[word[0].lower()])
    other = other.capitalize() if word[0][0].isupper() else other
    return text[: word.start()] + other + text[word.end() :]


def _swap_pair(text: str, rng: random.Random) -> str | None:
    """Both members of a known pair change places: "the training loss falls and the test loss rises"."""
    lower = text.lower()
    pairs = [
        (one, other)
        for one, others in _ANTONYMS.items()
        for other in others
        if one < other and re.search(rf"\b{one}\b", lower) and re.search(rf"\b{other}\b", lower)
    ]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    return re.sub(rf"\b({one}|{other})\b", lambda m: other if m[0].lower() == one else one, text, flags=re.I)


def _swap_sides(text: str, rng: random.Random) -> str | None:
    found = [m for m in _AROUND.finditer(text) if m.start() > 3 and m.end() < len(text) - 3]
    if not found:
        return None
    place = rng.choice(found)
    left = re.search(r"([\w'’-]+(?: [\w'’-]+)?)\s*$", text[: place.start()])
    right = re.match(r"\s*((?:the |a |an )?[\w'’-]+(?: [\w'’-]+)?)", text[place.end() :])
    if not left or not right:
        return None
    at = place.end() + right.start(1)
    return text[: left.start(1)] + right[1] + text[left.end(1) : at] + left[1] + text[place.end() + right.end(1) :]


def _change_number(text: str, rng: random.Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    place = rng.choice(found)
    value = float(place[0])
    changed = rng.choice((value * 10, value + 1, value * 2, max(value - 1, 0) or 3))
    return text[: place.start()] + (f"{changed:g}") + text[place.end() :]
