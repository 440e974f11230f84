"""A deterministic OpenAI-compatible server on the loopback, with scripted faults. The one fake of the test suite."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020, "prompt_tokens_details": {"cached_tokens": 600}}


class Loopback:
    """`script` holds what to do with each request in turn; when it is used up, requests are graded well."""

    def __init__(self) -> None:
        self.script: list[Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.models = ["gpt-4.1-mini"]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                send_json(self, 200, {"data": [{"id": name} for name in outer.models]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/embeddings"):
                    send_json(self, 200, {"data": [{"index": i, "embedding": embed(t)} for i, t in enumerate(body["input"])]})
                    return
                outer.requests.append(body)
                outer.headers.append(dict(self.headers))
                act = outer.script.pop(0) if outer.script else complete(grade_well)
                act(self, body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass  # clients that hang up early are part of the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def send_json(handler: BaseHTTPRequestHandler, status: int, body: object, headers: dict[str, str] | None = None) -> None:
    send(handler, status, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})


def send(handler: BaseHTTPRequestHandler, status: int, text: str, headers: dict[str, str]) -> None:
    data = text.encode()
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def complete(write: Callable[[dict[str, Any]], str] | str, finish: str = "stop", usage: object = USAGE, **message: object):
    """A 200 reply with the given content."""

    def act(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        content = write(body) if callable(write) else write
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}
        send_json(handler, 200, reply | ({"usage": usage} if usage else {}))

    return act


def fail(status: int, code: str = "", message: str = "no", headers: dict[str, str] | None = None):
    error = {"error": {"message": message, "type": code or "error", "code": code or None}}
    return lambda handler, body: send_json(handler, status, error, headers)


def hang(seconds: float):
    return lambda handler, body: time.sleep(seconds)


def drop(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def html_page(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    send(handler, 200, "<html>Welcome</html>", {"Content-Type": "text/html"})


# --- what a model might write


def answer_in(body: dict[str, Any]) -> str:
    """The answer as the grader's last message carries it: a JSON string at the very end."""
    first_human = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return json.loads(first_human[first_human.rindex("# The answer to grade") :].split("\n", 1)[1])


def points_in(body: dict[str, Any]) -> list[str]:
    return re.findall(r"^## ([a-z0-9-]+)$", body["messages"][1]["content"], re.MULTILINE)


def verdict(id: str, level: str = "met", evidence: list[str] | None = None, **more: object) -> dict[str, Any]:
    return {"criterion": id, "evidence": evidence or [], "reason": "so it is", "level": level, "misconception": None} | {
        "confidence": 0.9,
        **more,
    }


def grade_well(body: dict[str, Any]) -> str:
    """Every point met, with the answer's first six words as evidence."""
    quote = " ".join(answer_in(body).split()[:6])
    return json.dumps({"verdicts": [verdict(id, "met", [quote]) for id in points_in(body)], "suspicious": []})


def embed(text: str) -> list[float]:
    """Letter counts: enough to be deterministic and different."""
    return [1.0 + text.lower().count(chr(97 + i)) for i in range(26)]
