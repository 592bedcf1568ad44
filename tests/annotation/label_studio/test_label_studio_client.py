"""Calls to a real server: who may ask, what a refusal says, and that no word of it holds a token."""

from __future__ import annotations

import pytest

from annotation.label_studio import Credentials, connect
from workbench.errors import LabelStudioError


def test_a_server_answers_to_its_first_and_its_second_person(client, second, server):
    assert client.version == second.version == "1.23.2"
    assert client.user["email"] == server.admin.email
    assert second.user["email"] == "second@example.com"
    assert client.fingerprint == second.fingerprint


def test_a_wrong_token_is_refused_in_one_sentence(server):
    with pytest.raises(LabelStudioError, match="refuses the token") as caught:
        connect(Credentials(url=server.url, token="0" * 40))
    assert caught.value.status == 401
    assert "0" * 40 not in str(caught.value)


def test_nobody_at_the_address_is_said_with_the_way_out():
    with pytest.raises(LabelStudioError, match=r"nothing answers at .*`workbench labelstudio up`"):
        connect(Credentials(url="http://127.0.0.1:9", token="0" * 40))


def test_a_project_is_made_and_seen(client, project):
    number = project()
    found = {one["id"] for one in client.pages("/api/projects", doing="list projects")}
    assert number in found
    with client.errors("list projects"):
        assert number in {one.id for one in client.sdk.projects.list()}
