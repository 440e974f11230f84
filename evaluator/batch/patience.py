"""How long a reply is waited for before the request is made anew: much longer than nearly all replies take."""

from __future__ import annotations

from collections import deque

_KNOWN, _REMEMBERED = 20, 200
"""Replies after which it is known how long one takes, and how many are remembered."""
_USUAL, _SLOWER, _LEAST, _MORE = 0.95, 3.0, 1.0, 1.5
"""The share of replies that count as usual; how many times longer than those a request may take, the seconds that it may always
take, and how many times longer the next time."""
_QUICK = 0.1
_MOST_ANEW = 3
"""How often one request is made anew."""


class Patience:
    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_REMEMBERED)

    def learn(self, seconds: float) -> bool:
        """What one reply took. Whether from now on it is known how long one takes."""
        self._times.append(seconds)
        return len(self._times) == _KNOWN

    @property
    def quick(self) -> float:
        """What a quick reply takes: one in ten is quicker. At least one must be known."""
        return sorted(self._times)[int(_QUICK * (len(self._times) - 1))]

    def seconds(self, times: int) -> float | None:
        """For a request that was made so many times before; more each time, for its reply may be a long one. None while it is not
        known how long one takes, and when it was made anew often enough."""
        if len(self._times) < _KNOWN or times >= _MOST_ANEW:
            return None
        usual = sorted(self._times)[int(_USUAL * (len(self._times) - 1))]
        return _MORE**times * max(_LEAST, _SLOWER * usual)
