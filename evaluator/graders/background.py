"""Step 3 of 6. One event loop in a thread of its own, so that plain functions can wait for asynchronous work.

One for the whole process: connections belong to the loop they were opened in, and are to be used again.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_Heard = TypeVar("_Heard")
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def run_in_background(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Waits for the work. An interrupt of the waiting thread cancels it."""
    future = asyncio.run_coroutine_threadsafe(work, _started())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def listen_in_background(
    work: Callable[[Callable[[_Heard], None]], Coroutine[Any, Any, _Result]], listen: Callable[[_Heard], None]
) -> _Result:
    """The same for work that tells things on the way: they are passed on in the waiting thread."""
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    over = object()
    future = asyncio.run_coroutine_threadsafe(work(heard.put), _started())
    future.add_done_callback(lambda _: heard.put(over))
    try:
        while (thing := heard.get()) is not over:
            listen(thing)
        return future.result()
    except BaseException:
        future.cancel()
        raise


def close_in(loop: asyncio.AbstractEventLoop, client: Any) -> None:
    """Closes a client where it was opened, if that loop still runs. For `weakref.finalize`, from any thread."""
    if not loop.is_running():
        return
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    with suppress(Exception):
        if here is loop:
            loop.create_task(client.aclose())
        else:
            asyncio.run_coroutine_threadsafe(client.aclose(), loop).result(2)


def _forget() -> None:
    """The thread of a loop does not follow into a forked process."""
    global _loop, _lock
    _loop, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _started() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="llm-calls", daemon=True).start()
        return _loop
