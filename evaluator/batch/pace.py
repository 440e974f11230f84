"""How fast a server is asked: what all requests of a run go through. It heeds what each of them was told.

Its parts: how many are in flight (places.py), how many go out in a second (rate.py), how long one is waited for (patience.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from evaluator.batch.patience import Patience
from evaluator.batch.places import Places
from evaluator.batch.rate import Rate
from evaluator.graders.protocol import TooSlow


class Pace:
    """A Gate for one event loop, with at most so many requests in flight."""

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.clock = clock
        self.places, self.rate, self.patience = Places(most, clock, sleep), Rate(clock, sleep), Patience()
        self.open: set[_Request] = set()

    async def before_request(self) -> float:
        """Waits for a place in flight, which `within` gives back, and for a turn: how many seconds."""
        began = self.clock()
        await self.places.enter()
        try:
            await self.rate.wait()
        except BaseException:
            self.places.leave()
            raise
        return self.clock() - began

    def within(self, seconds: float, times: int, excuse: Callable[[float], None]) -> AbstractAsyncContextManager[None]:
        return _Request(self, seconds, times, excuse)

    def was_answered(self, seconds: float) -> None:
        self.places.was_answered(seconds)
        self.rate.was_answered()
        if self.patience.learn(seconds):
            for request in self.open:
                request.hasten()

    def was_refused(self, wish: float | None) -> None:
        self.rate.was_refused(wish)


class _Request:
    """One that no reply has come to; a context around the waiting for it."""

    def __init__(self, pace: Pace, seconds: float, times: int, excuse: Callable[[float], None]) -> None:
        self._pace, self._seconds, self._times, self._excuse = pace, seconds, times, excuse
        self._end = asyncio.timeout(seconds)
        self._is_hastened = self._has_more = False

    async def __aenter__(self) -> None:
        self._began, self._answered_before = self._pace.clock(), self._pace.places.answered
        self._pace.places.allow(self._seconds)
        self._pace.open.add(self)
        await self._end.__aenter__()
        self.hasten()

    async def __aexit__(self, *raised: Any) -> None:
        self._pace.open.discard(self)
        try:
            await self._end.__aexit__(*raised)
        except TimeoutError as fault:
            if self._is_hastened or self._waited_behind_too_many():
                raise TooSlow from fault
            raise
        finally:
            self._pace.places.leave()

    def _waited_behind_too_many(self) -> bool:
        places = self._pace.places
        answered = places.answered - self._answered_before
        if not answered or not places.was_late(self._began, self._seconds, answered, self._pace.patience.quick):
            return False
        self._excuse(self._seconds)
        for request in self._pace.open:
            request.give_more()
        return True

    def give_more(self) -> None:
        """As much time again, once, where it went out before it was known that there were too many: its turn is near."""
        is_meant = self._began <= self._pace.places.lowered and not self._has_more and not self._is_hastened
        if is_meant and self._ends_at(2 * self._seconds):
            self._has_more = True
            self._excuse(self._seconds)

    def hasten(self) -> None:
        """It ends when patience does, where that is sooner."""
        patience = self._pace.patience.seconds(self._times)
        if patience is not None and patience < self._seconds and not self._has_more:
            self._is_hastened = self._ends_at(patience)

    def _ends_at(self, seconds: float) -> bool:
        """So many after it began. False when it is at its end already."""
        if self._end.expired():
            return False
        left = self._began + seconds - self._pace.clock()
        self._end.reschedule(asyncio.get_running_loop().time() + left)
        return True
