"""A deterministic OpenAI-compatible server on the loopback, with scripted faults. The one fake of the test suite.

It speaks chat completions with json_schema, tools, json_object and plain text, streamed or whole, and embeddings.
"""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020, "prompt_tokens_details": {"cached_tokens": 600}}
PIECE = 40
"""Characters of a reply that go into one event of a stream."""

Act = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]
Write = Callable[[dict[str, Any]], str] | str


class Loopback:
    """`script` holds what to do with each request in turn; when it is used up, requests are graded by `model`.

    `refuses` holds what this server cannot do: a form of asking, or a field of the body, with the HTTP status and the words
    it says so with. Such requests are counted, and leave the script alone.
    """

    def __init__(self) -> None:
        self.script: list[Act] = []
        self.model: Write = grade_well
        self.refuses: dict[str, tuple[int, str]] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.models = ["gpt-4.1-mini"]
        self._lock = threading.Lock()
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
                if self.path == "/api/chat":
                    chat_as_ollama(self, body, outer)
                    return
                outer.paths.append(self.path)
                outer.act_on(body, dict(self.headers))(self, body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *args: object) -> None:
                pass  # clients that hang up early are part of the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def act_on(self, body: dict[str, Any], headers: dict[str, str]) -> Act:
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            for part, (status, words) in self.refuses.items():
                if part in (form_of(body), *body):
                    return fail(status, message=words)
            return self.script.pop(0) if self.script else complete(self.model)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def forms(self) -> list[str]:
        """How each request asked for JSON."""
        return [form_of(body) for body in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def form_of(body: dict[str, Any]) -> str:
    if "tools" in body:
        return "tool"
    form = body.get("response_format") or {"type": "text"}
    return "json_object_schema" if form["type"] == "json_object" and "schema" in form else form["type"]


# --- what a server might do


def complete(write: Write, finish: str = "stop", usage: object = USAGE, **message: Any) -> Act:
    """A 200 reply with the given content, in the form that was asked for; `message` adds to or replaces what it holds."""

    def act(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        content = write(body) if callable(write) else write
        if body.get("stream"):
            send_stream(handler, body, events(body, content, finish, usage, message))
            return
        told: dict[str, Any] = {"role": "assistant", "content": content}
        if form_of(body) == "tool" and "content" not in message:
            name = body["tool_choice"]["function"]["name"]
            told |= {"content": None, "tool_calls": [tool_call(content, name)]}
        choice = {"index": 0, "finish_reason": finish, "message": told | message}
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}
        send_json(handler, 200, reply | ({"usage": usage} if usage else {}))

    return act


def events(
    body: dict[str, Any], content: str, finish: str | None, usage: object, message: dict[str, Any]
) -> list[dict[str, Any]]:
    """The events of a streamed reply. Without `finish` it is one that was cut off."""
    base = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
    pieces = [content[at : at + PIECE] for at in range(0, len(content), PIECE)]
    deltas: list[dict[str, Any]] = [{"role": "assistant", **message}, *({"content": piece} for piece in pieces)]
    found = [base | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if finish:
        found.append(base | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage and (body.get("stream_options") or {}).get("include_usage"):
        found.append(base | {"choices": [], "usage": usage})
    return found


def tool_call(arguments: str, name: str = "give_verdicts") -> dict[str, Any]:
    return {"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}


def cut_stream(write: Write, share: float = 0.5) -> Act:
    """A stream that ends, politely, in the middle of the reply."""

    def act(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        content = write(body) if callable(write) else write
        send_stream(handler, body, events(body, content[: int(len(content) * share)], None, None, {}))

    return act


def held_stream(write: Write, go_on: threading.Event, cut: bool = False) -> Act:
    """A stream that stops after two thirds until it is told to go on, and then ends well or, if `cut`, in the middle."""

    def act(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        content = write(body) if callable(write) else write
        chunks = events(body, content, "stop", USAGE, {})
        lines = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", str(sum(map(len, lines))))
        handler.end_headers()
        held = len(lines) * 2 // 3
        handler.wfile.write(b"".join(lines[:held]))
        handler.wfile.flush()
        go_on.wait(20)
        if cut:
            drop(handler, body)
        else:
            handler.wfile.write(b"".join(lines[held:]))

    return act


def send_stream(handler: BaseHTTPRequestHandler, body: dict[str, Any], chunks: list[dict[str, Any]]) -> None:
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    send(handler, 200, text, {"Content-Type": "text/event-stream"})


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


def chat_as_ollama(handler: BaseHTTPRequestHandler, body: dict[str, Any], outer: Loopback) -> None:
    """Ollama's own protocol: lines of JSON, the arguments of tool calls as objects."""
    outer.requests.append(body)
    content = outer.model(body) if callable(outer.model) else outer.model
    message: dict[str, Any] = {"role": "assistant", "content": "Let me see." if body.get("tools") else content}
    if body.get("tools"):
        message["tool_calls"] = [{"function": {"name": "give_verdicts", "arguments": json.loads(content)}}]
    base = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
    last = {"done": True, "done_reason": "stop", "prompt_eval_count": 900, "eval_count": 120}
    lines = [base | {"message": message, "done": False}, base | {"message": {"role": "assistant", "content": ""}} | last]
    send(handler, 200, "".join(json.dumps(line) + "\n" for line in lines), {"Content-Type": "application/x-ndjson"})


def say(body: object, status: int = 200) -> Act:
    """Just this JSON, whatever was asked."""
    return lambda handler, _: send_json(handler, status, body)


def fail(status: int, code: str = "", message: str = "no", headers: dict[str, str] | None = None) -> Act:
    error = {"error": {"message": message, "type": code or "error", "code": code or None}}
    return lambda handler, body: send_json(handler, status, error, headers)


def hang(seconds: float) -> Act:
    return lambda handler, body: time.sleep(seconds)


def one_at_a_time(seconds: float) -> Act:
    """What a local server does: requests stand in a queue, and those who hung up are passed over."""
    lock = threading.Lock()

    def act(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with lock:
            readable, _, _ = select.select([handler.connection], [], [], 0)
            if readable and not handler.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError
            time.sleep(seconds)
        complete(grade_well)(handler, body)

    return act


def trickle(seconds: float) -> Act:
    """A body that never ends: a byte every twentieth of a second."""

    def act(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
        handler.close_connection = True

    return act


def drop(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def drop_body(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    """Hangs up in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"message": {"content": "')
    drop(handler, body)


def html_page(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    send(handler, 200, "<html>Welcome</html>", {"Content-Type": "text/html"})


# --- what a model might write


def answer_in(body: dict[str, Any]) -> str:
    """The answer as the grader's first message carries it: a JSON string at the very end."""
    first_human = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return json.loads(first_human[first_human.rindex("# The answer to grade") :].split("\n", 1)[1])


def points_in(body: dict[str, Any]) -> list[str]:
    return re.findall(r"^## ([a-z0-9-]+)$", body["messages"][1]["content"], re.MULTILINE)


def verdict(id: str, level: str = "met", evidence: list[str] | None = None, **more: object) -> dict[str, Any]:
    return {"criterion": id, "evidence": evidence or [], "reason": "so it is", "level": level, "misconception": None} | {
        "confidence": 0.9,
        **more,
    }


def write_verdicts(*rows: dict[str, Any], **more: object) -> Callable[[dict[str, Any]], str]:
    """These verdicts, of those asked about; the points not named are missed."""

    def write(body: dict[str, Any]) -> str:
        given = {row["criterion"]: row for row in rows}
        listed = [given.get(id, verdict(id, "missed")) for id in points_in(body)]
        return json.dumps({"verdicts": listed, "suspicious": [], **more}, ensure_ascii=False)

    return write


def grade_well(body: dict[str, Any]) -> str:
    """Every point met, with the answer's first six words as evidence."""
    quote = " ".join(answer_in(body).split()[:6])
    return json.dumps({"verdicts": [verdict(id, "met", [quote]) for id in points_in(body)], "suspicious": []})


def embed(text: str) -> list[float]:
    """Letter counts: enough to be deterministic and different."""
    return [1.0 + text.lower().count(chr(97 + i)) for i in range(26)]
