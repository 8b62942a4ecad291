"""A token endpoint on a real socket, that counts and does what it is told."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import msgspec


class TokenServer:
    """`answer` makes (status, document) of the decoded request; `seen` are the requests."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.issued = 0
        self.delay_s = 0.0
        self.answer: Callable[[dict[str, Any]], tuple[int, Any]] = self.grant
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def grant(self, request: dict[str, Any]) -> tuple[int, Any]:
        self.issued += 1
        reply: dict[str, Any] = {"access_token": f"access-token-{self.issued}", "expires_in": 900}
        if request["grant_type"] == "authorization_code":
            reply["refresh_token"] = f"refresh-token-{self.issued}"
        return 200, reply

    def refuse(self, request: dict[str, Any]) -> tuple[int, Any]:
        return 400, {"error": {"code": "invalid_grant", "message": f"no: {request.get('refresh_token')}"}}

    def break_down(self, request: dict[str, Any]) -> tuple[int, Any]:
        return 503, "down"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: TokenServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_form = "form" in self.headers.get("Content-Type", "")
        request = dict(parse_qsl(body.decode())) if is_form else msgspec.json.decode(body)
        self.owner.seen.append(request)
        time.sleep(self.owner.delay_s)
        status, document = self.owner.answer(request)
        content = msgspec.json.encode(document)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return
