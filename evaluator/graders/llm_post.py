"""Step 3 of 6. A request to an OpenAI-compatible server, without building each one anew.

The openai client decides what is sent: it is asked once, over a transport that sends nothing, and from then on only the body
changes. It also decides what a reply means: all but a plain reply is shown to it over that same transport, so that it raises
its own errors. In between, aiohttp does the sending. The client's own way through all this takes three times as long.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import orjson
from openai import APIConnectionError, AsyncOpenAI

_PATH = "/chat/completions"
_OF_ONE_REQUEST = ("host", "content-length", "accept-encoding", "connection", "transfer-encoding")
"""Headers that aiohttp writes itself."""


class _Shown(httpx2.AsyncBaseTransport):
    """Sends nothing: keeps what it is given, and replies what it is told to."""

    def __init__(self) -> None:
        self.request: httpx2.Request | None = None
        self.reply = httpx2.Response(200, json={})

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.request = request
        return self.reply


class Post:
    """For one event loop and one client, whose key, organisation, address and headers stay as they are."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self._shown = _Shown()
        self._reader = client.copy(http_client=httpx2.AsyncClient(transport=self._shown), max_retries=0)
        self._turn = asyncio.Lock()
        self._pattern: httpx2.Request | None = None
        self._session: aiohttp.ClientSession | None = None

    async def send(self, body: dict[str, Any]) -> Any:
        """The reply's JSON as the client gives it. Raises the client's errors."""
        if self._pattern is None:
            async with self._turn:
                if self._pattern is None:
                    await self._begin()
        if self._session is None:
            return await self._client.post(_PATH, cast_to=object, body=body)
        assert self._pattern is not None
        try:
            async with self._session.post(self._url, data=orjson.dumps(body), allow_redirects=False) as reply:
                data = await reply.read()
        except aiohttp.ClientError as fault:
            raise APIConnectionError(request=self._pattern) from fault
        if 300 <= reply.status < 400:
            return await self._client.post(_PATH, cast_to=object, body=body)  # the client follows
        if reply.status == 200 and reply.content_type == "application/json":
            try:
                return orjson.loads(data)
            except ValueError:
                pass
        headers = [(name, value) for name, value in reply.headers.items() if name.lower() != "content-encoding"]
        async with self._turn:
            return await self._read(httpx2.Response(reply.status, headers=headers, content=data))

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _begin(self) -> None:
        """Learns from the client what it sends. Behind a proxy, all of it is left to the client."""
        await self._read(httpx2.Response(200, json={}))
        self._pattern = pattern = self._shown.request
        assert pattern is not None
        url = pattern.url
        if {url.scheme, "all"} & getproxies().keys() and not proxy_bypass(url.host):
            return
        self._url = str(url.copy_with(username=None, password=None))
        trust: ssl.SSLContext | bool = httpx2.create_ssl_context() if url.scheme == "https" else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust),
            headers={name: value for name, value in pattern.headers.items() if name not in _OF_ONE_REQUEST},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # whoever asks keeps the time
        )

    async def _read(self, reply: httpx2.Response) -> Any:
        """What the client makes of it."""
        self._shown.reply = reply
        return await self._reader.post(_PATH, cast_to=object, body={})
