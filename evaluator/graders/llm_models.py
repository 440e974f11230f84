"""Step 3 of 6. LangChain chat models by name: `qwen3:8b` at an OpenAI-compatible server, `anthropic:...` elsewhere."""

from __future__ import annotations

import asyncio
import importlib.util
import weakref
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI
from openai import DefaultAioHttpClient
from pydantic import PrivateAttr

from evaluator.errors import BadSettings
from evaluator.graders.background import close_in
from evaluator.graders.llm_post import Post
from evaluator.graders.prompt import Messages
from evaluator.settings import PROVIDERS, provider_of, without_password

OPENAI_API = "https://api.openai.com/v1"


class ModelMaker:
    """Makes one chat model for each event loop, because connections belong to the loop they were opened in."""

    def __init__(
        self, model: str, key: str, base_url: str, temperature: float | None, timeout: float, setting: str = "EVALUATOR_MODEL"
    ) -> None:
        """`setting` is where the model's name comes from. Raises BadSettings when the provider's package is missing."""
        self.provider = provider_of(model)
        self.name = model.removeprefix(f"{self.provider}:")
        self.server = (base_url or OPENAI_API) if self.provider == "openai" else self.provider
        self._key = key
        self._timeout = timeout
        self._options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
        self._made: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, BaseChatModel] = weakref.WeakKeyDictionary()
        if self.provider != "openai":
            _require(self.provider, setting)

    @property
    def is_openai(self) -> bool:
        """Whether the model is spoken to in OpenAI's own protocol, at whatever server."""
        return self.provider == "openai"

    @property
    def shown_server(self) -> str:
        return without_password(self.server)

    def get(self) -> BaseChatModel:
        """The model of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            model = self._openai() if self.is_openai else self._other()
            if isinstance(model, _ChatModel):
                weakref.finalize(self, close_in, loop, model)
            self._made[loop] = model
        return self._made[loop]

    async def close(self) -> None:
        """Closes the connections of the running loop."""
        model = self._made.pop(asyncio.get_running_loop(), None)
        if isinstance(model, _ChatModel):
            await model.aclose()

    def _openai(self) -> BaseChatModel:
        # Retries are ours alone. The client insists on a key; local servers ignore it.
        return _ChatModel(
            model=self.name,
            base_url=self.server,
            api_key=self._key or "none",  # type: ignore[arg-type]
            timeout=self._timeout,
            max_retries=0,
            use_responses_api=False,
            http_async_client=DefaultAioHttpClient(timeout=self._timeout),
            **self._options,
        )

    def _other(self) -> BaseChatModel:
        from langchain.chat_models import init_chat_model

        more: dict[str, Any] = {} if self.provider == "ollama" else {"max_retries": 0, "timeout": self._timeout}
        model: BaseChatModel = init_chat_model(self.name, model_provider=self.provider, **more, **self._options)
        return model


class _ChatModel(ChatOpenAI):
    """ChatOpenAI, with less done to each request and reply.

    The body goes out and the reply comes back as it is: the client would compare every message with every type of message that
    there is, both ways, which takes longer than all of our own work on an answer. And tool calls keep their arguments as they
    were sent: LangChain parses them, and a field given twice is lost on the way.
    """

    _post: Post | None = PrivateAttr(None)
    _shapes: dict[tuple[str, ...], dict[str, Any]] = PrivateAttr(default_factory=dict)
    """What LangChain makes of empty messages with these roles."""

    async def ask(self, messages: Messages, options: dict[str, Any]) -> AIMessage:
        """The reply, in one piece. Nothing is traced."""
        if self._post is None:
            self._post = Post(self.root_async_client)
        result = self._create_chat_result(await self._post.send(self._body(messages) | options))
        message = cast(AIMessage, result.generations[0].message)
        message.response_metadata |= result.generations[0].generation_info or {}
        return message

    def _body(self, messages: Messages) -> dict[str, Any]:
        roles = tuple(role for role, _ in messages)
        if roles not in self._shapes:
            self._shapes[roles] = self._get_request_payload([(role, "") for role in roles])
        shape = self._shapes[roles]
        filled = [empty | {"content": text} for empty, (_, text) in zip(shape["messages"], messages, strict=True)]
        return shape | {"messages": filled}

    async def aclose(self) -> None:
        for client in (self._post, self.http_async_client):
            if client is not None:
                await client.aclose()

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        for generation, choice in zip(result.generations, response["choices"], strict=False):
            told, kept = choice.get("message") or {}, generation.message.additional_kwargs
            kept |= {name: told[name] for name in ("tool_calls", "refusal") if told.get(name)}
        return result


def _require(provider: str, setting: str) -> None:
    package = PROVIDERS[provider]
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        raise BadSettings(
            f"{setting} names the provider {provider}, whose package {package} is not installed.",
            f"Install the extra: pip install 'mock-interview-evaluator[{provider}]' (or pip install {package}).",
        )
