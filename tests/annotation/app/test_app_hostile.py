"""What nobody may do to the app: each tried against the running server, none works."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib

import httpx
import pytest
from PIL import Image

from workbench.calibration.audited import find_audit
from workbench.records import Annotation

ANNA, RITA = "anna@shop.example", "rita@shop.example"


_OPENED: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closed():
    yield
    while _OPENED:
        _OPENED.pop().close()


class Caller:
    """Asks the server as a program would, without its pages."""

    def __init__(self, server, name=None, **headers):
        cookies = server.sign_in(name) if name else {}
        self.client = httpx.Client(
            base_url=server.address, cookies=cookies, headers={"origin": server.address, **headers}
        )
        _OPENED.append(self.client)

    def config(self, path):
        page = self.client.get(path).text
        return json.loads(
            re.search(r"window\.gradio_config = (\{.*?\});?</script>", page, re.DOTALL)[1]
        )

    def handler(self, path, element):
        """Number of what runs when the component `element` is clicked."""
        config = self.config(path)
        own = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == element)
        return next(
            d["id"] for d in config["dependencies"] if any(t[0] == own for t in d["targets"])
        )

    def call(self, number, data):
        """The result of one handler, called directly; None where it was refused."""
        asked = self.client.post(
            "/gradio_api/queue/join",
            json={
                "data": data,
                "fn_index": number,
                "session_hash": "abc123def45",
                "event_data": None,
            },
        )
        if asked.status_code != 200:
            return None
        with self.client.stream(
            "GET", "/gradio_api/queue/data?session_hash=abc123def45", timeout=30
        ) as lines:
            for line in lines.iter_lines():
                if line.startswith("data:"):
                    told = json.loads(line[5:])
                    if told["msg"] == "process_completed":
                        return told
        return None


def key_of(server, place):
    with server.store() as store:
        return find_audit(store).drawn[place].generation


def answers(server):
    with server.store() as store:
        return {a.id: a for a in store.records(Annotation)}


FORM = [[], "Title", "Color: red", "1.00", "", "owned", ""]


def test_writers_handlers_refuse_readers_and_strangers(served):
    before = answers(served)
    key = key_of(served, 8)
    for caller in (Caller(served), Caller(served, RITA)):
        number = Caller(served, ANNA).handler("/correct", "key-n")
        told = caller.call(number, [key, *FORM])
        assert "Only somebody who signed in as a writer" in json.dumps(told)
        number = caller.handler("/rubric", "accept")
        told = caller.call(number, ["f" * 64, "because"])
        assert "Only somebody who signed in as a writer" in json.dumps(told)
        for element in ("stop", "again"):
            told = caller.call(caller.handler("/runs", element), ["abc"])
            assert "Only somebody who signed in as a writer" in json.dumps(told)
        number = caller.handler("/", "draw")
        told = caller.call(number, ["mug", "dir:/etc", "openai:http://127.0.0.1:1/v1#x"])
        assert "Only a writer may try another model" in json.dumps(told)
    assert answers(served) == before


def test_the_same_call_works_for_a_writer(served):
    """Else the test above would prove nothing."""
    key = key_of(served, 8)
    caller = Caller(served, ANNA)
    told = caller.call(caller.handler("/correct", "key-n"), [key, *FORM])
    assert "Kept: not suitable" in json.dumps(told)
    assert any(a.annotator == ANNA and a.generation == key for a in answers(served).values())


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:1", "null", "", "http://localhost.evil.example"],
)
def test_nothing_is_written_from_another_origin(served, origin):
    before = answers(served)
    number = Caller(served, ANNA).handler("/correct", "key-y")
    caller = Caller(served, ANNA, origin=origin)
    for path, body in (
        (
            "/gradio_api/queue/join",
            {"data": [key_of(served, 9), *FORM], "fn_index": number, "session_hash": "x"},
        ),
        ("/login", {}),
        ("/logout", {}),
    ):
        assert caller.client.post(path, json=body).status_code == 403
    files = {"files": ("a.jpg", b"x")}
    assert caller.client.post("/gradio_api/upload", files=files).status_code == 403
    assert answers(served) == before


def test_other_names_of_this_machine_are_refused(served):
    """A page elsewhere whose name is made to point here (DNS rebinding) reads nothing."""
    found = httpx.get(f"{served.address}/failures", headers={"host": "evil.example"})
    assert found.status_code == 421


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=workbench.db",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/file=/etc/passwd",
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets//etc/passwd",
        "/picture/../workbench.db",
        "/picture/%2e%2e%2fworkbench.db",
        "/picture/" + "0" * 63,
        "/picture/" + "0" * 64 + "/../../workbench.db",
        "/face/../_people.py",
        "/face/app.py",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/config",
        "/openapi.json",
        "/docs",
        "/monitoring",
        "/gradio_api/custom_component/x/client/component/index.js",
        "/gradio_api/deep_link",
        "/gradio_api/vibe-code/",
        "/robots.txt/../../etc/passwd",
    ],
)  # fmt: skip
def test_only_pages_and_pictures_of_the_store_are_served(served, path):
    """Sent as it stands: a client that tidies paths up would prove nothing."""
    import http.client

    host = served.address.removeprefix("http://")
    cookie = f"workbench_session={served.sign_in(ANNA)['workbench_session']}"
    for who in ({}, {"Cookie": cookie}):
        asked = http.client.HTTPConnection(host, timeout=20)
        asked.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in who.items():
            asked.putheader(name, value)
        asked.endheaders()
        answer = asked.getresponse()
        body = answer.read()
        asked.close()
        assert answer.status == 404, (path, answer.status)
        assert b"root:" not in body and b"SQLite" not in body


def test_every_other_way_to_ask_is_refused(served):
    caller = Caller(served, ANNA).client
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert caller.request(method, "/failures").status_code == 405
    for path in (
        "/gradio_api/run/save",
        "/gradio_api/call/save",
        "/gradio_api/api/predict",
        "/failures",
    ):
        assert caller.post(path, json={"data": []}).status_code == 404
    answer = caller.get("/failures")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in answer.headers


def test_pictures_are_drawn_anew(served):
    with served.store() as store:
        svg = store.images.put(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")
        photo = next(p for p in store.generations()["inputs"] if len(p))[0]
    good = httpx.get(f"{served.address}/picture/{photo.removeprefix('sha256:')}")
    assert good.headers["content-type"] == "image/jpeg" and good.content[:2] == b"\xff\xd8"
    bad = httpx.get(f"{served.address}/picture/{svg.removeprefix('sha256:')}")
    assert bad.status_code == 404 and b"script" not in bad.content


# ---- uploads -------------------------------------------------------------------------------------


def png_of(width, height):
    """A picture whose head promises more pixels than its few bytes could hold."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")  # fmt: skip


def sent(caller, data, name="photo.jpg"):
    answer = caller.client.post("/gradio_api/upload", files={"files": (name, io.BytesIO(data))})
    return answer.json()[0] if answer.status_code == 200 else answer.status_code


def tried(caller, path, name="photo.jpg"):
    number = caller.handler("/", "photo")
    file = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    return json.dumps(caller.call(number, [file, "mug", "tiny:vlm", "tiny:vlm"]))


def test_oversized_and_malicious_uploads_are_refused(served):
    caller = Caller(served, RITA)
    assert sent(caller, bytes(12_100_000)) == 413
    bomb = tried(caller, sent(caller, png_of(40_000, 40_000)))
    assert "want at most 24,000,000 pixels, got far more: scale the photo down" in bomb
    svg = (
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
    )
    told = tried(caller, sent(caller, svg))
    assert "want JPEG, PNG" in told and "<svg" not in told
    whole = io.BytesIO()
    Image.effect_noise((300, 300), 60).save(whole, "JPEG")
    assert "cut off or damaged" in tried(caller, sent(caller, whole.getvalue()[:5000]))
    html = tried(caller, sent(caller, b"<script>alert(1)</script>", "<img src=x>.jpg"))
    assert "<script>" not in html and "<img src=x" not in html


def test_a_body_without_a_length_is_cut_off(served):
    def endless():
        for _ in range(400):
            yield bytes(100_000)

    caller = Caller(served, RITA)
    try:
        status = caller.client.post("/gradio_api/queue/join", content=endless()).status_code
    except httpx.TransportError:
        return  # the connection was ended
    assert status >= 400


def test_a_file_of_this_machine_is_no_upload(served):
    """Nor is it opened: a second handle of the store's file, closed, would drop the server's locks."""
    caller = Caller(served, RITA)
    number = caller.handler("/", "photo")
    database = str(served.folder / "workbench.db")
    for path in ("/etc/passwd", database, str(served.folder / "app-users"), "http://127.0.0.1:1/x"):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        for sent_as in (file, [file], {"more": {"of": file}}):
            answer = caller.client.post(
                "/gradio_api/queue/join",
                json={"data": [sent_as, "mug", "x", "x"], "fn_index": number, "session_hash": "x"},
            )
            assert (answer.status_code, answer.text) == (403, "A file is sent, not named.")


# ---- who one is ----------------------------------------------------------------------------------


def test_wrong_passwords_and_forged_sessions(served):
    post = lambda **data: httpx.post(  # noqa: E731
        f"{served.address}/login", data=data, headers={"origin": served.address}
    )
    assert post(name=ANNA, password="wrong").status_code == 401
    assert post(name="nobody@x", password="").status_code == 401
    forged = Caller(served, None, cookie="workbench_session=forged; x-forwarded-user=" + ANNA)
    told = forged.call(forged.handler("/rubric", "refuse"), ["f" * 64, "because"])
    assert "Only somebody who signed in" in json.dumps(told)
    vouched = Caller(served, None, **{"x-forwarded-user": ANNA, "remote-user": ANNA})
    told = vouched.call(vouched.handler("/rubric", "refuse"), ["f" * 64, "because"])
    assert "Only somebody who signed in" in json.dumps(told)
    away = post(name=ANNA, password="a long enough password", next="//evil.example/")
    assert away.status_code == 303 and away.headers["location"] == "/"
    cookie = away.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower()
