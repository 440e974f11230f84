"""How fast a server is asked, against simulated servers, in simulated time: a second passes when nothing else is to do."""

import asyncio
import random
import selectors

import pytest

from evaluator.batch.pace import Pace
from evaluator.batch.patience import Patience
from evaluator.graders.protocol import TooSlow


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.now = 0.0
        super().__init__(Impatient(self))

    def time(self):
        return self.now


class Impatient(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        self._loop.now += timeout or 0.0
        return super().select(0)


class OneByOne:
    """Replies to one after the other, as local servers do; who hangs up leaves the queue."""

    def __init__(self, latency):
        self.latency, self.requests, self.turn = latency, 0, asyncio.Lock()

    async def ask(self, now):
        self.requests += 1
        async with self.turn:
            await asyncio.sleep(self.latency)
        return True


class Server:
    """Replies after a fifth of a second; `allows(now)` says whether a request is let in."""

    def __init__(self, allows=lambda now: True, latency=0.2):
        self.allows, self.latency = allows, latency
        self.requests = self.most = self.flying = 0

    async def ask(self, now):
        self.requests += 1
        if not self.allows(now):
            await asyncio.sleep(0.01)
            return False
        self.flying += 1
        self.most = max(self.most, self.flying)
        await asyncio.sleep(self.latency)
        self.flying -= 1
        return True


def a_second_at_most(rate):
    """A server's fixed windows of a second."""
    seen = {}

    def allows(now):
        seen[int(now)] = seen.get(int(now), 0) + 1
        return seen[int(now)] <= rate

    return allows


def bucket(rate):
    """A server's bucket that fills steadily and holds one second's worth."""
    state = [float(rate), 0.0]

    def allows(now):
        state[0] = min(rate, state[0] + rate * (now - state[1]))
        state[1] = now
        if state[0] < 1:
            return False
        state[0] -= 1
        return True

    return allows


def drive(server, answers, jobs):
    """Seconds, and the pace at the end."""
    loop, rng, excused = SimulatedLoop(), random.Random(1), []
    pace = Pace(jobs, loop.time)

    async def worker(left):
        while left:
            left.pop()
            while True:
                await pace.before_request()
                began = loop.time()
                try:
                    async with pace.within(60, 0, excused.append):
                        is_answered = await server.ask(began)
                except (TooSlow, TimeoutError):
                    continue
                if is_answered:
                    pace.was_answered(loop.time() - began)
                    break
                pace.was_refused(None)
                await asyncio.sleep(rng.uniform(0.5, 1.0))

    async def main():
        left = list(range(answers))
        await asyncio.gather(*(worker(left) for _ in range(jobs)))

    loop.run_until_complete(main())
    loop.close()
    return loop.now, pace


@pytest.mark.parametrize(("jobs", "most"), [(8, 1.01), (32, 1.01), (128, 1.05)])
def test_a_healthy_server_is_asked_as_much_as_was_told(jobs, most):
    server = Server()
    took, pace = drive(server, 1_000, jobs)
    assert took <= most * 1_000 * 0.2 / jobs + 0.2 and server.requests == 1_000 and server.most == jobs
    assert pace.rate.value is None


@pytest.mark.parametrize("limit", [a_second_at_most, bucket])
@pytest.mark.parametrize(("rate", "most"), [(5, 1.35), (40, 1.1), (100, 1.12)])
def test_a_hard_limit_is_kept_to_without_many_refusals(limit, rate, most):
    server = Server(limit(rate))
    took, _ = drive(server, 25 * rate, 128)
    assert took <= most * 25
    assert server.requests <= 1.1 * 25 * rate + 80


def test_a_few_stray_refusals_slow_nobody_else_down():
    rng = random.Random(4)
    server = Server(lambda now: rng.random() > 0.05)
    took, pace = drive(server, 1_000, 32)
    assert took <= 1.25 * 1_000 * 0.2 / 32 + 1.2 and server.requests <= 1_080 and pace.rate.value is None


@pytest.mark.parametrize("latency", [1, 5, 20, 50])
def test_a_server_that_answers_one_after_the_other_is_kept_busy_and_not_asked_in_vain(latency):
    server = OneByOne(latency)
    took, pace = drive(server, 40, 32)
    assert took <= 41 * latency + 1  # but for one, nothing is worked on in vain
    assert pace.places.limit * latency <= 60 and server.requests <= 40 + 32


class Thinking:
    """Works on all at once; its replies take from ten seconds to more than the minute allowed."""

    def __init__(self):
        self.rng, self.requests = random.Random(2), 0

    async def ask(self, now):
        self.requests += 1
        await asyncio.sleep(min(58.0, self.rng.lognormvariate(3.5, 0.5)) if self.requests % 20 else 90.0)
        return True


def test_long_replies_of_a_server_that_works_on_all_at_once_are_no_queue():
    server = Thinking()
    took, pace = drive(server, 400, 32)
    assert pace.places.limit == 32 and took <= 400 * 60 / 32


def test_where_nothing_is_ever_answered_as_many_are_tried_as_were_told():
    pace = lost = None

    async def main(loop):
        nonlocal pace, lost
        pace = Pace(32, loop.time)

        async def ask():
            await pace.before_request()
            async with pace.within(60, 0, [].append):
                await asyncio.sleep(600)

        lost = await asyncio.gather(*(ask() for _ in range(32)), return_exceptions=True)

    loop = SimulatedLoop()
    loop.run_until_complete(main(loop))
    loop.close()
    assert all(type(fault) is TimeoutError for fault in lost) and pace.places.limit == 32


def test_a_server_that_comes_back_to_speed_is_given_as_much_as_before():
    server = OneByOne(20)

    async def ask(now):
        return await (OneByOne.ask(server, now) if now < 200 else quick.ask(now))

    quick = Server(latency=2)
    front = type("Front", (), {"ask": staticmethod(ask)})
    took, pace = drive(front, 1_000, 32)
    assert pace.places.limit == 32 and took < 200 + 60 + 1.5 * 1_000 * 2 / 32


def test_after_a_limit_is_lifted_the_rate_grows_again():
    server = Server()
    strict = a_second_at_most(10)
    server.allows = lambda now: now > 5 or strict(now)
    took, pace = drive(server, 1_000, 32)
    assert pace.rate.value is None or pace.rate.value > 15
    assert took < 60


def test_patience_is_known_only_after_some_replies_and_grows_each_time_until_it_is_endless():
    patience = Patience()
    assert not any(patience.learn(2.0) for _ in range(19))
    assert patience.seconds(0) is None
    assert patience.learn(2.0) and not patience.learn(9.0)
    assert [patience.seconds(times) for times in range(4)] == [6.0, 9.0, 13.5, None]


def test_quick_servers_are_given_a_second_all_the_same():
    patience = Patience()
    for _ in range(30):
        patience.learn(0.01)
    assert patience.seconds(0) == 1.0


def test_who_waits_for_a_place_and_is_cancelled_leaves_none_taken():
    async def main():
        pace = Pace(1)
        await pace.before_request()
        waiting = asyncio.create_task(pace.before_request())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with pace.within(9, 0, [].append):
            pass
        await asyncio.wait_for(pace.before_request(), 1)

    asyncio.run(main())
