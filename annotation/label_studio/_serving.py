"""Our side that Label Studio calls: an application served in a thread of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from starlette.applications import Starlette


@contextmanager
def serving(app: Starlette, *, host: str, port: int, what: str) -> Iterator[str]:
    """Serve `app` until the end of the `with` block; yields its address, such as `http://127.0.0.1:8123`.

    Args:
        app: What answers.
        host: Address of this machine at which the Label Studio server reaches it.
        port: 0: any free one.
        what: Is served, in words, for the error.

    Raises:
        LabelStudioError: The address cannot be served at.
    """
    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise LabelStudioError(
            f"cannot serve {what} at {host}:{port}: {why}; choose another port, or an address of this machine"
        ) from error
    taken = listening.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        yield f"http://{f'[{host}]' if family == socket.AF_INET6 else host}:{taken}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
