"""Serves one page on this machine, to this machine only."""

from __future__ import annotations

import contextlib
import http.server
from collections.abc import Callable
from pathlib import Path

from workbench.errors import SettingsError


def serve_file(page: Path, *, port: int, announce: Callable[[str], None]) -> None:
    """Serve `page` at `/` on 127.0.0.1 until interrupted; nothing else in its folder is reachable.

    Args:
        page: A file of HTML; read anew at each request, so that a page written again is shown.
        port: 0 for any free one.
        announce: Told the address once it answers.

    Raises:
        SettingsError: The port is taken or may not be used.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.split("?")[0] not in {"/", f"/{page.name}"}:
                self.send_error(404, "Only the page is served here")
                return
            body = page.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the terminal quiet."""

    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"cannot serve at port {port}: {error}; choose another with --port, or 0 for any free one"
        ) from error
    with server, contextlib.suppress(KeyboardInterrupt):
        announce(f"http://127.0.0.1:{server.server_address[1]}/")
        server.serve_forever()
