"""The tabs as one ASGI application behind its guard: pages, pictures by content, login; and the server."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from annotation.app._desk import Desk
from annotation.app._guard import UPLOAD_BYTES, Asgi, Guard, Place
from annotation.app._html import TABS, render
from annotation.app._live import Live
from annotation.app._people import COOKIE, Gate
from workbench.errors import PhotoError, SettingsError

if TYPE_CHECKING:
    from fastapi import Request, Response

    from workbench.store import Store

_SIDES = (192, 320, 900)
"""Longer sides in pixels at which pictures are shown."""


def make_app(store: Store, *, gate: Gate, live: Live, place: Place) -> Asgi:
    """The app over `store`.

    Args:
        store: What is shown, and where answers go.
        gate: Who may read and write.
        live: What the pipelines give: demos, runs, and the words of the page.
        place: Where it is reached.

    Raises:
        SettingsError: Others than this machine would reach it, and nobody has to sign in.
    """
    if not place.alone and (gate.open_reading or not (gate.users or gate.sso)):
        raise SettingsError(
            f"want a login before other machines reach the app, but {place.host!r} was asked for without one: add "
            "people with `workbench app adduser NAME --role writer`, name a proxy that signs them in with "
            "--sso-header and --proxy, or leave --host out"
        )
    import gradio as gr
    from fastapi import FastAPI

    desk = Desk(store, gate=gate, live=live)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _add_routes(app, desk)
    with warnings.catch_warnings():
        # It says that pages are not rendered on the server, which we do not ask for.
        warnings.filterwarnings("ignore", message="SSR mode is not supported", category=UserWarning)
        blocks = _tabs(desk)
        gr.mount_gradio_app(
            app,
            blocks,
            path="",
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
            show_error=False,
            max_file_size=UPLOAD_BYTES,
            allowed_paths=[],
            theme=gr.themes.Base(
                font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
            ),
            head='<link rel="stylesheet" href="/face/app.css"><script src="/face/app.js" defer></script>',
        )
    desk.warm()
    return Guard(app, gate=gate, place=place)


def serve_app(
    app: Asgi, *, host: str, port: int, announce: Callable[[str], None] = lambda _: None
) -> None:
    """Answer until interrupted.

    Args:
        app: From `make_app`.
        host: To bind to.
        port: 0: any free one.
        announce: Told the address once it is bound.

    Raises:
        SettingsError: The address is taken, or may not be used.
    """
    import socket

    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
        bound.listen(128)  # whoever is told the address may come at once
    except (OSError, OverflowError) as error:
        bound.close()
        raise SettingsError(
            f"cannot serve at {host}, port {port}: {error}; choose another with --port, or 0 for any free one"
        ) from error
    name = f"[{host}]" if ":" in host and "[" not in host else host
    announce(f"http://{name}:{bound.getsockname()[1]}/")
    if threading.current_thread() is threading.main_thread():
        # Uvicorn ends politely and then sends itself the signal again: whoever called us is to clean up, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, proxy_headers=False, ws="none"
    )
    uvicorn.Server(config).run(sockets=[bound])


def _tabs(desk: Desk) -> Any:  # noqa: ANN401 - gradio says no types
    import gradio as gr

    from annotation.app import (
        tab_calibration,
        tab_correct,
        tab_failures,
        tab_rubric,
        tab_runs,
        tab_try,
    )

    others = {
        "/failures": tab_failures,
        "/calibration": tab_calibration,
        "/correct": tab_correct,
        "/rubric": tab_rubric,
        "/runs": tab_runs,
    }
    with gr.Blocks(title="Catalog Workbench", analytics_enabled=False) as blocks:
        tab_try.build(blocks, desk)
    for path, name in TABS[1:]:
        with blocks.route(name, path):
            others[path].build(blocks, desk)
    blocks.queue(default_concurrency_limit=8, max_size=200)
    return blocks


# ---- beside the tabs -----------------------------------------------------------------------------


def _add_routes(app: Any, desk: Desk) -> None:  # noqa: ANN401 - FastAPI's own type is imported late
    from fastapi.responses import HTMLResponse, RedirectResponse, Response
    from starlette.concurrency import run_in_threadpool

    def picture(request: Request) -> Response:
        asked = request.query_params.get("side", "")
        wanted = int(asked) if asked.isdecimal() and len(asked) < 6 else 320
        size = min(_SIDES, key=lambda one: abs(one - wanted))
        for pictures in filter(None, (desk.pictures, desk.tried)):
            try:
                data = pictures.jpeg(f"sha256:{request.path_params['digest']}", side=size)
            except PhotoError:
                continue
            # What a content's name stands for never changes.
            kept = {"cache-control": "private, max-age=31536000, immutable"}
            return Response(data, media_type="image/jpeg", headers=kept)
        return Response("The store holds no such picture.", 404, media_type="text/plain")

    def face(request: Request) -> Response:
        name = request.path_params["name"]
        kind = {"app.css": "text/css", "app.js": "text/javascript"}[
            name
        ]  # the guard passes no other
        text = files("annotation.app").joinpath("static", name).read_text(encoding="utf-8")
        return Response(text, media_type=kind, headers={"cache-control": "no-cache"})

    def ask(request: Request) -> Response:
        to = _within(request.query_params.get("next", "/"))
        key = request.query_params.get("key")
        token = desk.gate.sign_in_by_key(key) if key else None
        if token is not None:
            return _signed_in(RedirectResponse(to, 303), token, request)
        old = "This address signs nobody in any more: restart the app for a new one."
        return HTMLResponse(_login(desk, to, old if key else ""))

    async def answer(request: Request) -> Response:
        text = (await request.body()).decode("utf-8", "replace")
        try:
            fields = parse_qs(text, max_num_fields=5)
        except ValueError:
            fields = {}
        name, password, to = (fields.get(one, [""])[0] for one in ("name", "password", "next"))
        token = await run_in_threadpool(desk.gate.sign_in, name.strip(), password)
        if token is None:
            said = "Name and password do not fit. After five wrong ones, wait half a minute."
            return HTMLResponse(_login(desk, _within(to), said), 401)
        return _signed_in(RedirectResponse(_within(to), 303), token, request)

    def out(request: Request) -> Response:
        desk.gate.sign_out(request.headers.get("cookie", ""))
        left = RedirectResponse("/", 303)
        left.delete_cookie(COOKIE)
        return left

    app.add_route("/picture/{digest}", picture)
    app.add_route("/face/{name}", face)
    app.add_route("/login", ask)
    app.add_route("/login", answer, methods=["POST"])
    app.add_route("/logout", out, methods=["POST"])


def _login(desk: Desk, to: str, wrong: str) -> str:
    gate = desk.gate
    return render(
        "login",
        next=to,
        wrong=wrong,
        users=bool(gate.users),
        sole=gate.sole,
        reading=gate.open_reading,
    )


def _signed_in(response: Response, token: str, request: Request) -> Response:
    response.set_cookie(
        COOKIE, token, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )
    response.headers["cache-control"] = "no-store"
    return response


def _within(to: str) -> str:
    """Where to go after the login: a page of this app, whatever was asked for."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and "\\" not in to
    return to if inside and to.isascii() and to.isprintable() else "/"
