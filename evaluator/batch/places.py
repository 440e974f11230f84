"""How many requests are in flight: as many as was told, and no more than the server can answer in time.

A local server often answers one after the other. Then most of many requests would wait past the time allowed, and be asked again
only to wait again.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable

_WAVE, _APART = 32, 0.05
"""Requests that go out at once at the start, and the seconds until as many more: a limit shows in the first of them."""
_NEARLY, _IN_TIME, _EASE = 0.9, 0.5, 0.25
"""Shares of the time allowed: what a late request must have had of it, what a reply is to take of it where not all come in time,
and how little of it lets more in."""
_AT_ONCE = 0.25
"""Share of the replies that there would be if all requests were worked on at once and took as long as quick ones: under it, they
stand in a queue. Replies of very different lengths make half."""


class Places:
    """For one event loop."""

    def __init__(self, most: int, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.limit = most
        self.answered = 0
        """Replies so far."""
        self._most, self._clock, self._sleep = most, clock, sleep
        self._taken, self._waiting = 0, deque[asyncio.Future[None]]()
        self._first, self._due = 0, 0.0
        """Of the first requests, one for each place: how many there were, and when the next may go out."""
        self._allowed = 0.0
        """Seconds that a request may take."""
        self.lowered = self._raised = -math.inf
        """When the limit was last lowered, and raised."""

    async def enter(self) -> None:
        """Waits for a place; `leave` gives it back."""
        if self._first < self._most:
            await self._wait_for_wave()
        if self._taken < self.limit and not self._waiting:
            self._taken += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self._taken -= 1
        self._admit()

    def allow(self, seconds: float) -> None:
        """How long a request may take; the last of a grading may take less than others."""
        self._allowed = max(self._allowed, seconds)

    def was_answered(self, seconds: float) -> None:
        """After so many. A server that became quicker is given more again, once in the time that a reply takes."""
        self.answered += 1
        now = self._clock()
        if self.limit < self._most and seconds < _EASE * self._allowed and now - max(self._raised, self.lowered) > seconds:
            self.limit, self._raised = min(self._most, self.limit + max(1, self.limit // 8)), now
            self._admit()

    def was_late(self, began: float, seconds: float, answered: int, quick: float) -> bool:
        """A request that began then got no reply in so many seconds, while `answered` others did; a quick reply takes `quick`.
        Whether it waited behind too many: from now on there are half as many as those answered.

        Too many there are where far fewer were answered than would be if all were worked on at once. Otherwise its own reply is
        a long one.
        """
        if seconds < _NEARLY * self._allowed:
            return False  # its grading came to an end
        if began > self.lowered:
            limit = max(1, int(_IN_TIME * answered))
            if limit >= self.limit or answered > _AT_ONCE * self._taken * seconds / quick:
                return False
            self.limit, self.lowered = limit, self._clock()
        return True

    async def _wait_for_wave(self) -> None:
        now = self._clock()
        if self._first % _WAVE == 0:
            self._due = max(now, self._due + _APART)
        self._first += 1
        if self._due > now:
            await self._sleep(self._due - now)

    def _admit(self) -> None:
        while self._waiting and self._taken < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._taken += 1
                place.set_result(None)
