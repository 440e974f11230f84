"""Step 2 of 6. The Chroma store itself: opened, locked against other processes, and thrown away when damaged."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evaluator.embedding import Embedder, short_name

LOCK_SECONDS = 120.0
_HNSW = {"hnsw": {"space": "cosine", "ef_search": 1000, "ef_construction": 500, "max_neighbors": 64}}


class ChromaStore:
    """Collections in a folder, or on a Chroma server when `url` is given. One set of collections for each embedder."""

    def __init__(self, embedder: Embedder, folder: Path | None = None, url: str = "") -> None:
        self.folder = folder
        self.url = url
        self._embedder = embedder
        self._client: Any = None
        self._collections: dict[str, Any] = {}

    def lock(self) -> AbstractContextManager[Any]:
        """Held by one process at a time, so that nobody reads a store that is half written. A server needs none of ours."""
        if self.folder is None:
            return nullcontext()
        from filelock import FileLock

        self.folder.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{self.folder}.lock", timeout=LOCK_SECONDS)

    def collection(self, name: str) -> Any:
        """The LangChain vector store of that name, made when it is not there."""
        if name not in self._collections:
            from langchain_chroma import Chroma

            if self._client is None:
                self._client = self._open()
            self._collections[name] = Chroma(
                client=self._client,
                collection_name=self._full(name),
                embedding_function=_LangChainEmbeddings(self._embedder),  # type: ignore[arg-type]
                collection_configuration=_HNSW,  # type: ignore[arg-type]
            )
        return self._collections[name]

    def answers(self) -> bool:
        """Whether a client can be opened at all."""
        try:
            self._open().heartbeat()
        except Exception:  # noqa: BLE001  whatever Chroma raises, it does not answer
            return False
        return True

    def forget(self) -> None:
        """Drops every handle, also those that Chroma keeps for the whole process."""
        self._client = None
        self._collections.clear()
        if self.folder is not None:
            from chromadb.api.shared_system_client import SharedSystemClient

            SharedSystemClient.clear_system_cache()

    def wipe(self) -> None:
        """Throws away what is stored: the folder, or our collections on a server."""
        self.forget()
        if self.folder is None:
            client = self._open()
            ours = {self._full(name) for name in ("questions", "criteria", "exemplars")}
            for collection in client.list_collections():
                if collection.name in ours:
                    client.delete_collection(collection.name)
        elif self.folder.exists():
            # Moved aside first: a process that still has the old files open goes on reading those, not half of the new.
            aside = self.folder.with_name(f"{self.folder.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            self.folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _full(self, name: str) -> str:
        return f"{name}-{short_name(self._embedder)}"

    def _open(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        quiet = Settings(anonymized_telemetry=False)
        if self.folder is None:
            address = urlsplit(self.url)
            secure = address.scheme == "https"
            return chromadb.HttpClient(
                address.hostname or "", address.port or (443 if secure else 8000), ssl=secure, settings=quiet
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(str(self.folder), settings=quiet)


class _LangChainEmbeddings:
    """The two methods LangChain asks of an embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in self._embedder.embed(list(texts))]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
