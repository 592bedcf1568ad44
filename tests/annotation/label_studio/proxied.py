"""A proxy before a real server, which a test may let say something else."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from annotation.label_studio import Client, Credentials, connect

Answer = tuple[int, bytes]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _do(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.server.rewrite(self.path)
        said = self.server.hook(self.command, path)
        status, headers, body = (said[0], [], said[1]) if said else self._ask(path, sent)
        self.server.after(self.command, path)
        self.send_response_only(status)
        for name, value in headers or [("Content-Type", "application/json")]:
            if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _ask(self, path, sent):
        place = urlsplit(self.server.target)
        asking = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        with closing(asking):
            asking.request(self.command, path, sent, dict(self.headers.items()))
            answer = asking.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815 - as the library calls them


@contextmanager
def proxied(
    client: Client,
    *,
    hook: Callable[[str, str], Answer | None] = lambda *_: None,
    rewrite: Callable[[str], str] = str,
    after: Callable[[str, str], object] = lambda *_: None,
) -> Iterator[Client]:
    """`client` through a proxy.

    Args:
        client: Of the server.
        hook: Method and path to an answer in the server's place; None: the server answers.
        rewrite: Path to the one that the server is asked.
        after: Called with method and path once the server answered, before that goes on.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.target, server.hook, server.rewrite, server.after = client.url, hook, rewrite, after
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with connect(Credentials(url=url, token=client.credentials.token)) as asking:
            yield asking
    finally:
        server.shutdown()
        server.server_close()
