"""The shared fixtures do what they say: the network is closed, the servers are real."""

from __future__ import annotations

import asyncio
import socket
import subprocess

import httpx
import pytest
from sqlalchemy import create_engine, text

ELSEWHERE = "192.0.2.1"  # TEST-NET-1 (RFC 5737): belongs to nobody


def test_an_address_elsewhere_is_refused_and_named():
    with socket.socket() as sock, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        sock.connect((ELSEWHERE, 80))
    with socket.socket() as sock, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        sock.connect_ex((ELSEWHERE, 80))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(RuntimeError, match=r"192\.0\.2\.1"),
    ):
        sock.sendto(b"?", (ELSEWHERE, 53))


def test_a_name_elsewhere_is_refused_before_anyone_is_asked_for_it():
    with pytest.raises(RuntimeError, match=r"hub\.invalid"):
        httpx.get("https://hub.invalid/model")

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await client.get("https://hub.invalid/model")

    with pytest.raises(RuntimeError, match=r"hub\.invalid"):
        asyncio.run(ask())


def test_loopback_and_unix_sockets_work(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_postgres_is_real_and_each_test_has_a_database_for_itself(postgres_database):
    engine = create_engine(postgres_database)
    with engine.begin() as connection:
        assert "PostgreSQL" in connection.execute(text("select version()")).scalar_one()
        connection.execute(text("create table mugs (price numeric)"))
        connection.execute(text("insert into mugs values (12.50)"))
    engine.dispose()


def test_the_next_test_does_not_see_its_table(postgres_database):
    engine = create_engine(postgres_database)
    with engine.begin() as connection:
        count = text("select count(*) from pg_tables where tablename = 'mugs'")
        assert connection.execute(count).scalar_one() == 0
    engine.dispose()


def test_chromium_runs_a_page(chromium, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p id=p></p><script>p.textContent = 6 * 7</script>")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run(
        [chromium, *options, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert '<p id="p">42</p>' in done.stdout
