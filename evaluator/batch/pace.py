"""How fast a server is asked: more and more in flight while all is well, one pause for all when it says that it is too much.

What takes far longer than nearly all replies is given up and asked for anew: a request that hangs holds up nothing else. A server
that answers one after the other gets no more at once than it can answer in time.

A single 429 among many replies makes only its own request wait. A crowd of them is a limit that was run into: nobody sends
until the pause is over, and then no faster than the server was seen to answer, but for a slow regrowth.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from evaluator.graders.protocol import TooSlow

_WAVE, _APART = 32, 0.05
"""Requests that go out at once at the start, and the seconds until as many more: a limit shows in the first of them."""
_CROWD, _SHARE = 5, 0.1
"""Refusals in a second, and their share of all that came back, that make a limit."""
_FIRST_PAUSE, _PAUSE, _LONGEST = 0.5, 0.25, 20.0
"""Seconds of a pause when a limit is first met, later, and at most."""
_SPAN = 5.0
"""Seconds over which it is measured what a server keeps up."""
_GROWTH = 0.02
"""What a second without refusals adds to the rate; the second such second adds twice that, and so on."""
_KNOWN, _USUAL, _SLOWER, _LEAST_PATIENCE, _MORE_PATIENCE = 20, 0.95, 3.0, 1.0, 1.5
"""Replies after which it is known how long one takes; the share of them that count as usual; how many times longer than those
a request may take before it is made anew, the seconds that it may always take, and how much longer the next time."""
_REMEMBERED, _MOST_ANEW = 200, 3
"""Replies whose times are remembered, and how often one request is made anew."""
_IN_TIME, _EASE = 0.5, 0.25
"""Where a server cannot answer so many in time: the share of that time which a reply is to take, and how small a share of it lets
more in."""
_SEARCH = 1.25
"""What it makes of the first rate, which is a guess made of few requests."""


class _Request:
    """One that no reply has come to; a context around the waiting for it."""

    def __init__(self, pace: Pace, seconds: float, times: int, began: float) -> None:
        self.seconds, self.times, self.began = seconds, times, began
        self.is_hastened = False
        self.answered_before = pace.answered
        self._pace, self._end = pace, asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._end.__aenter__()
        self._pace.opened(self)

    async def __aexit__(self, *raised: Any) -> None:
        self._pace.closed(self)
        try:
            await self._end.__aexit__(*raised)
        except TimeoutError as fault:
            if self.is_hastened or self._pace.was_late(self):
                raise TooSlow from fault
            raise

    def hasten(self, seconds: float) -> None:
        """It ends after so many from now."""
        self.is_hastened = True
        self._end.reschedule(asyncio.get_running_loop().time() + seconds)


class Pace:
    """For one event loop."""

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._most = most
        self.rate: float | None = None
        """Requests a second, once the server has shown its limit."""
        self.limit = most
        """Requests in flight at most: fewer when the server cannot answer so many in time."""
        self.answered = 0
        self._flying, self._waiting = 0, deque[asyncio.Future[None]]()
        self._lowered, self._raised, self._longest = -math.inf, -math.inf, 0.0
        """When the limit was last lowered and raised; the seconds that a request may take."""
        self._clock, self._sleep = clock, sleep
        self._begun_first, self._due = 0, 0.0
        """Of the first requests, one for each place in flight: how many there were, and when the next may go out."""
        self._replies: deque[float] = deque()
        self._begun: deque[float] = deque(maxlen=_REMEMBERED)
        """When requests that were answered had begun."""
        self._refusals: deque[float] = deque()
        self._times: deque[float] = deque(maxlen=_REMEMBERED)
        self._open: set[_Request] = set()
        self._resume = self._last = self._grown = 0.0
        self._met: float | None = None
        """When the server first showed a limit, until it is known what limit."""
        self._turn = asyncio.Lock()
        self._calm, self._searching = 0, True

    async def before_request(self) -> float:
        """Waits out a pause, for this request's turn where a rate is kept, and for a place in flight: how many seconds that took.
        `within` gives the place back."""
        began = now = self._clock()
        if self._begun_first < self._most:
            if self._begun_first % _WAVE == 0:
                self._due = max(now, self._due + _APART)
            self._begun_first += 1
            if self._due > now:
                await self._sleep(self._due - now)
                now = self._clock()
        if self.rate is not None or self._met is not None or now < self._resume:
            async with self._turn:  # one after the other, so that each goes by the rate of its own moment
                now = self._clock()
                while (wait := max(self._resume, self._last + (1 / self.rate if self.rate else 0.0)) - now) > 1e-6:
                    await self._sleep(wait)
                    now = self._clock()
                self._guess_rate()
                self._last = now
        await self._enter()
        return self._clock() - began

    def within(self, seconds: float, times: int) -> AbstractAsyncContextManager[None]:
        """Raises TimeoutError after so many seconds, and TooSlow where patience ends sooner; see Gate."""
        return _Request(self, seconds, times, self._clock())

    def opened(self, request: _Request) -> None:
        self._open.add(request)
        self._longest = max(self._longest, request.seconds)
        self._hasten(request)

    def closed(self, request: _Request) -> None:
        self._open.discard(request)
        self._leave()

    def was_late(self, request: _Request) -> bool:
        """One got no reply in all the time that it had. Whether too many were in flight, and fewer are from now on: half as many
        as were answered in that time."""
        if request.seconds < self._longest:
            return False  # its grading came to an end
        if request.began > self._lowered:
            answered = self.answered - request.answered_before
            limit = max(1, int(_IN_TIME * answered) if answered else self.limit // 4)
            if limit >= self.limit:
                return False
            self.limit, self._lowered = limit, self._clock()
        return True

    async def _enter(self) -> None:
        if self._flying < self.limit and not self._waiting:
            self._flying += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._flying -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._flying < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._flying += 1
                place.set_result(None)

    def patience(self, times: int) -> float | None:
        """Much longer than nearly all replies take, in seconds; more each time that a request is made anew, for its reply may
        be a long one. None while that is not known, and when it was made anew often enough."""
        if len(self._times) < _KNOWN or times >= _MOST_ANEW:
            return None
        usual = sorted(self._times)[int(_USUAL * (len(self._times) - 1))]
        return _MORE_PATIENCE**times * max(_LEAST_PATIENCE, _SLOWER * usual)

    def _hasten(self, request: _Request) -> None:
        patience = self.patience(request.times)
        if patience is not None and patience < request.seconds:
            request.hasten(request.began + patience - self._clock())

    def was_answered(self, seconds: float) -> None:
        now = self._clock()
        self.answered += 1
        if self.limit < self._most and seconds < _EASE * self._longest and now - max(self._raised, self._lowered) > seconds:
            self.limit, self._raised = min(self._most, self.limit + max(1, self.limit // 8)), now
            self._admit()
        self._times.append(seconds)
        self._begun.append(now - seconds)
        if len(self._times) == _KNOWN:
            for request in self._open:
                self._hasten(request)
        self._replies.append(now)
        while self._replies[0] < now - _SPAN:
            self._replies.popleft()
        if self.rate and now - self._grown >= 1:
            self._calm += 1
            self.rate *= _SEARCH if self._searching else 1 + _GROWTH * self._calm
            self._grown = now

    def was_refused(self, wish: float | None) -> None:
        """With a 429. `wish`: seconds that the server asks to wait."""
        now = self._clock()
        self._refusals.append(now)
        while self._refusals[0] < now - 1:
            self._refusals.popleft()
        refused, answered = len(self._refusals), self._answered(now - 1)
        if now < self._resume or refused < _CROWD or refused < _SHARE * (refused + answered):
            return
        if self.rate is None:
            self._met, pause = now, _FIRST_PAUSE
        else:
            self._searching = False
            span = min(_SPAN, max(1.0, now - self._resume))
            self.rate, pause = max(0.5, 0.7 * self.rate, min(0.97 * self.rate, self._answered(now - span) / span)), _PAUSE
        self._resume = self._grown = now + min(_LONGEST, max(pause, wish or 0.0))
        self._calm = 0
        self._refusals.clear()

    def _guess_rate(self) -> None:
        """After the pause when a limit was first met: what was sent in the second before and not refused."""
        if self._met is not None:
            since = self._met - 1
            begun = [*self._begun, *(request.began for request in self._open)]
            self.rate = max(0.5, float(sum(since <= at <= self._met for at in begun)))
            self._met = None

    def _answered(self, since: float) -> int:
        return sum(at >= since for at in self._replies)
