"""Who asks: passwords, a named proxy, sessions, and what is seen before somebody has signed in."""

from __future__ import annotations

from contextlib import closing

import pytest
from starlette.testclient import TestClient

from annotation.app import (
    Gate,
    Live,
    Place,
    Sso,
    User,
    checked_name,
    make_app,
    read_users,
    write_user,
)
from annotation.app._guard import Guard
from workbench.errors import SettingsError

ANNA, RITA = "anna@shop.example", "rita@shop.example"


def test_only_the_named_proxy_says_who_asks():
    users = {ANNA: User(name=ANNA, role="writer", hashed=None)}
    gate = Gate(
        users=users,
        sso=Sso(header="X-Forwarded-User", proxies=("10.0.0.0/24",)),
        open_reading=False,
    )
    head = {"x-forwarded-user": ANNA}
    assert gate.identify(head, "10.0.0.5").writes
    assert gate.identify(head, "10.0.1.5").role == "nobody"
    assert gate.identify(head, "").role == "nobody"
    assert gate.identify({}, "10.0.0.5").role == "nobody"
    assert gate.identify({"x-forwarded-user": "simulated:anna"}, "10.0.0.5").role == "nobody"
    assert gate.identify({"x-forwarded-user": "guest@x"}, "10.0.0.5").role == "reader"
    assert gate.sign_in(ANNA, "") is None, "nobody signs in without a password"
    with pytest.raises(SettingsError, match="named proxy alone"):
        Sso(header="X-Forwarded-User", proxies=())
    with pytest.raises(SettingsError, match="a proxy's address"):
        Sso(header="X-Forwarded-User", proxies=("proxy",))


def test_a_proxy_may_name_anybody_but_none_who_hides():
    users = {"zoë@shop.example": User(name="zoë@shop.example", role="writer", hashed=None)}
    gate = Gate(users=users, sso=Sso(header="X-User", proxies=("10.0.0.5",)), open_reading=False)

    def asked(name):
        return gate.identify({"x-user": name.encode().decode("latin-1")}, "10.0.0.5")

    assert asked("zoë@shop.example").writes, "names come in UTF-8"
    assert gate.identify({"x-user": "zo\xeb@shop.example"}, "10.0.0.5").writes, "or in Latin-1"
    strange = (
        "",
        " ",
        "a b",
        "a\nb",
        "\u202enna",
        "an\u200bna",
        "x" * 121,
        "simulated:anna",
        "a:b",
    )
    for name in strange:
        assert asked(name).role == "nobody", name
        with pytest.raises(SettingsError, match="a person's name"):
            checked_name(name)


async def _inside(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def test_where_one_has_to_sign_in_nothing_is_seen_before():
    sso = Sso(header="X-Forwarded-User", proxies=("10.0.0.5",))
    gate = Gate(users={}, sso=sso, open_reading=False)
    place = Place(host="0.0.0.0", address="https://workbench.shop.example")
    guard = Guard(_inside, gate=gate, place=place)

    def asked(path, *, client="10.0.0.9", method="GET", **headers):
        caller = TestClient(guard, base_url="http://workbench.shop.example", client=(client, 1))
        with closing(caller):
            return caller.request(method, path, headers=headers, follow_redirects=False)

    to = asked("/correct?item=abc")
    assert to.status_code == 303
    assert to.headers["location"] == "/login?next=%2Fcorrect%3Fitem%3Dabc"
    for path in ("/picture/" + "0" * 64, "/gradio_api/queue/data", "/theme.css", "/face/app.js"):
        assert asked(path).status_code == 401
    assert asked("/failures", **{"x-forwarded-user": ANNA}).status_code == 303
    assert asked("/failures", client="10.0.0.5", **{"x-forwarded-user": ANNA}).text == "inside"
    sending = {"x-forwarded-user": ANNA, "client": "10.0.0.5", "method": "POST"}
    path = "/gradio_api/queue/join"
    assert asked(path, **sending, origin="https://workbench.shop.example").text == "inside"
    assert asked(path, **sending, origin="http://workbench.shop.example").status_code == 403


def test_too_many_wrong_passwords_wait(hashed):
    gate = Gate(users={ANNA: User(name=ANNA, role="writer", hashed=hashed)})
    assert all(gate.sign_in(ANNA, f"wrong {number}") is None for number in range(5))
    assert gate.sign_in(ANNA, "a long enough password") is None


def test_no_other_machine_without_a_login():
    for gate in (Gate(), Gate(open_reading=False), Gate(sole=ANNA)):
        with pytest.raises(SettingsError, match="want a login before other machines reach the app"):
            make_app(None, gate=gate, live=Live(answer=str), place=Place(host="0.0.0.0"))


def test_the_file_of_users_is_read_or_refused(tmp_path, hashed):
    path = tmp_path / "users"
    write_user(path, User(name=ANNA, role="writer", hashed=hashed))
    write_user(path, User(name=RITA, role="reader", hashed=None))
    assert path.stat().st_mode & 0o077 == 0
    assert read_users(path)[RITA] == User(name=RITA, role="reader", hashed=None)
    path.write_text("anna writer secret\n")
    with pytest.raises(SettingsError, match="line 1: want an Argon2 hash"):
        read_users(path)
    path.write_text("anna owner\n")
    with pytest.raises(SettingsError, match="line 1: want NAME"):
        read_users(path)
    for name in ("", "a b", "simulated:x", "x\ny"):
        with pytest.raises(SettingsError, match="a person's name"):
            checked_name(name)
