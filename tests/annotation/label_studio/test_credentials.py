"""Which server is meant, and who may read the token."""

from __future__ import annotations

import stat

import pytest

from annotation.label_studio import (
    Credentials,
    read_credentials,
    server_folder,
    stored_credentials,
    write_credentials,
)
from workbench.errors import LabelStudioError

TOKEN = "4f" * 20
OURS = Credentials(url="http://127.0.0.1:8080", token=TOKEN)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_URL", raising=False)
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_TOKEN", raising=False)


def test_a_stored_file_is_its_owners_alone_and_comes_back(tmp_path):
    path = write_credentials(tmp_path / "label_studio", OURS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stored_credentials(path.parent) == OURS == read_credentials(folder=path.parent)
    names = sorted(one.name for one in path.parent.iterdir())
    assert names == [".gitignore", "credentials.json"]
    assert (path.parent / ".gitignore").read_text() == "*\n", "a repository takes none of it"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    path = write_credentials(tmp_path, OURS)
    path.chmod(mode)
    with pytest.raises(LabelStudioError, match="chmod 600") as caught:
        read_credentials(folder=tmp_path)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("text", [f'{{"token": "{TOKEN}"', "[]", f'{{"token": "{TOKEN}"}}', "{}"])
def test_a_damaged_file_is_said_to_be_without_its_words(tmp_path, text):
    write_credentials(tmp_path, OURS).write_text(text)
    with pytest.raises(LabelStudioError, match="is damaged") as caught:
        read_credentials(folder=tmp_path)
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None


def test_arguments_win_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    write_credentials(tmp_path, OURS)
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", "https://labels.example.com/")
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", "b" * 40)
    found = read_credentials(folder=tmp_path)
    assert (found.url, found.token) == ("https://labels.example.com", "b" * 40)
    assert read_credentials("http://other:1", "c" * 40, folder=tmp_path).token == "c" * 40


def test_a_stored_token_goes_to_no_other_server(tmp_path):
    write_credentials(tmp_path, OURS)
    with pytest.raises(LabelStudioError, match=r"no token is known for 'http://127\.0\.0\.1:9999'"):
        read_credentials("http://127.0.0.1:9999", folder=tmp_path)
    assert read_credentials("http://127.0.0.1:8080/", folder=tmp_path) == OURS


def test_nothing_known_is_said_with_the_way_out(tmp_path):
    with pytest.raises(LabelStudioError, match="workbench labelstudio up"):
        read_credentials(folder=tmp_path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "want a Label Studio's address"),
        ("127.0.0.1:8080", "want a Label Studio's address"),
        ("ftp://host", "want a Label Studio's address"),
        ("http://host:port", "want a Label Studio's address"),
        ("http://h ost", "want a Label Studio's address"),
        ("http://h\tost", "want a Label Studio's address"),
        ("https://me:word@host", "no user and no password"),
    ],
)
def test_an_address_that_is_none(url, sentence):
    with pytest.raises(LabelStudioError, match=sentence) as caught:
        Credentials(url=url, token=TOKEN)
    assert TOKEN not in str(caught.value)
    assert "word" not in str(caught.value).removeprefix("a Label Studio's").replace("password", "")


@pytest.mark.parametrize(
    "url",
    [
        f"http://host/?token={TOKEN}",
        f"http://host/#{TOKEN}",
        f"http://me:{TOKEN}@host",
        f"http://me:{TOKEN}@host:port",
        f"me:{TOKEN}@host",
    ],
)
def test_a_token_in_an_address_is_not_repeated(tmp_path, url):
    for ask in (
        lambda: Credentials(url=url, token="b" * 40),
        lambda: read_credentials(url, folder=tmp_path),
    ):
        with pytest.raises(LabelStudioError, match="Label Studio's address") as caught:
            ask()
        assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("token", ["", "  ", "two words", "a\nb", "b\0"])
def test_a_token_that_cannot_be_one(token):
    with pytest.raises(LabelStudioError, match="the token for http://host is empty or has blanks"):
        Credentials(url="http://host", token=token)
    assert Credentials(url="http://host", token=f"{TOKEN}\n").token == TOKEN


def test_where_a_stores_server_is(tmp_path):
    assert server_folder(tmp_path) == tmp_path / "label_studio"
    assert server_folder(f"sqlite:///{tmp_path}/workbench.db") == tmp_path / "label_studio"
    assert str(server_folder("postgresql+psycopg://me@host/name")) == "workspace/label_studio"
