"""How fast a server may be asked: a limit on requests in flight that grows while all is well, and a pause that all share.

A server that limits the rate says so with 429s. Then nobody sends until the pause is over, and the rate that the server was
seen to keep up is not passed again but slowly.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable

FIRST = 32
"""In flight at the start; each reply lets one more in."""
_WINDOW = 2.0
"""Seconds over which replies are counted."""
_SHORTEST, _LONGEST = 0.25, 20.0
_SHRINK, _REGROW = 0.85, 1.02
"""What a 429 makes of the rate, and what a second without one does."""


class Pace:
    """For one event loop."""

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.most = most
        self.limit = float(min(FIRST, most))
        self.rate: float | None = None
        """Requests a second, once the server has shown its limit."""
        self.limited = 0
        self._clock, self._sleep = clock, sleep
        self._flying = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._replies: deque[float] = deque()
        self._resume = 0.0
        self._next = 0.0
        self._changed = clock()

    async def enter(self) -> None:
        """Waits for a place; call `leave` when the grading is over."""
        if self._flying >= int(self.limit) or self._waiting:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._flying -= 1
                    self._admit()
                raise
        else:
            self._flying += 1

    def leave(self) -> None:
        self._flying -= 1
        self._admit()

    async def before_request(self) -> None:
        """Waits out a pause, and for this request's turn where the rate is known."""
        while True:
            now = self._clock()
            at = max(self._resume, self._next if self.rate else 0.0)
            if at <= now:
                break
            if self.rate and self._next >= self._resume:
                self._next += 1 / self.rate
                await self._sleep(at - now)
                if self._clock() >= self._resume:
                    return
                continue
            await self._sleep(at - now + random.uniform(0, 0.05))
        if self.rate:
            self._next = max(self._next, now) + 1 / self.rate

    def replied(self) -> None:
        """A request was answered."""
        now = self._clock()
        self._replies.append(now)
        while self._replies[0] < now - _WINDOW:
            self._replies.popleft()
        self.limit = min(float(self.most), self.limit + 1)
        if self.rate and now - self._changed >= 1:
            self.rate *= _REGROW
            self._changed = now
        self._admit()

    def was_limited(self, wish: float | None) -> None:
        """A request was refused with a 429. `wish`: seconds the server asks to wait. Several in one pause count as one."""
        now = self._clock()
        self.limited += 1
        if now < self._resume:
            return
        wait = min(_LONGEST, max(_SHORTEST, wish if wish is not None else 1.0))
        seen = [at for at in self._replies if at >= now - _WINDOW]
        span = max(wait + (now - seen[0] if seen else 0.0), 1.0)
        if self.rate is None:
            self.rate = max(len(seen) / span, 0.5)
        else:
            self.rate = max(self.rate * _SHRINK, 0.5)
        self._changed = now
        self._resume = now + wait
        self._next = self._resume

    def _admit(self) -> None:
        while self._waiting and self._flying < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._flying += 1
                place.set_result(None)
