"""How many requests a second a server is sent, once it has said that it is too many.

A single 429 among many replies makes only its own request wait. A crowd of them is a limit that was run into: nobody sends
until the pause is over, and then no faster than the server was seen to let in, but for a slow regrowth.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

_CROWD, _SHARE = 5, 0.1
"""Refusals in a second, and their share of all that came back, that make a limit."""
_FIRST_PAUSE, _PAUSE, _LONGEST = 0.5, 0.25, 20.0
"""Seconds of a pause when a limit is first met, later, and at most."""
_SPAN, _REFUSED = 5.0, 2.0
"""Seconds over which it is measured what a server keeps up, and for which refusals are remembered."""
_GROWTH = 0.02
"""What a second without refusals adds to the rate; the second such second adds twice that, and so on."""
_SEARCH = 1.25
"""What such a second makes of the first rate, which is a guess made of few requests."""
_LEAST = 0.5
_MOST_SENT = 4_000
"""Requests whose times are remembered."""


class Rate:
    """For one event loop."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.value: float | None = None
        """Requests a second; None until the server has shown a limit."""
        self._clock, self._sleep = clock, sleep
        self._sent: deque[float] = deque(maxlen=_MOST_SENT)
        self._replies: deque[float] = deque()
        self._refusals: deque[float] = deque()
        self._met: float | None = None
        """When the server first showed a limit, until it is known what limit."""
        self._resume = self._last = self._grown = 0.0
        self._calm, self._searching = 0, True
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Until the pause is over, and for a turn where a rate is kept."""
        if self.value is not None or self._clock() < self._resume or self._met is not None:
            async with self._turn:  # one after the other, so that each goes by the rate of its own moment
                while (seconds := self._next() - self._clock()) > 1e-6:
                    await self._sleep(seconds)
                self._last = self._clock()
                self._guess()
        self._sent.append(self._clock())

    def was_answered(self) -> None:
        now = self._clock()
        self._replies.append(now)
        while self._replies[0] < now - _SPAN:
            self._replies.popleft()
        if self.value and now - self._grown >= 1:
            self._calm += 1
            self.value *= _SEARCH if self._searching else 1 + _GROWTH * self._calm
            self._grown = now

    def was_refused(self, wish: float | None) -> None:
        """With a 429. `wish`: seconds that the server asks to wait."""
        now = self._clock()
        self._refusals.append(now)
        while self._refusals[0] < now - _REFUSED:
            self._refusals.popleft()
        refused, answered = _since(now - 1, self._refusals), _since(now - 1, self._replies)
        if now < self._resume or refused < _CROWD or refused < _SHARE * (refused + answered):
            return
        if self.value is None:
            self._met, pause = now, _FIRST_PAUSE
        else:
            self._searching = False
            span = min(_SPAN, max(1.0, now - self._resume))
            kept_up = _since(now - span, self._replies) / span
            self.value, pause = max(_LEAST, 0.7 * self.value, min(0.97 * self.value, kept_up)), _PAUSE
            self._refusals.clear()
        self._resume = self._grown = now + min(_LONGEST, max(pause, wish or 0.0))
        self._calm = 0

    def _next(self) -> float:
        """When the next request may go out."""
        return max(self._resume, self._last + 1 / self.value if self.value else 0.0)

    def _guess(self) -> None:
        """After the pause when a limit was first met: what was sent in the second before and not refused."""
        if self._met is not None:
            begun = _since(self._met - 1, self._sent)
            self.value = max(_LEAST, float(begun - _since(self._met - 1, self._refusals)))
            self._met = None
            self._refusals.clear()


def _since(moment: float, times: deque[float]) -> int:
    return sum(at >= moment for at in times)
