"""What every model behind OpenAI-compatible addresses has: its name on the servers, and which one it is."""

from __future__ import annotations

import hashlib
import json
import logging
from functools import cached_property
from typing import Any

from workbench.errors import ServerError
from workbench.models.http_calls import Endpoint
from workbench.models.server_calls import Session
from workbench.models.server_replies import AwayError, NotServedError, RequestError
from workbench.models.server_turns import Server

_log = logging.getLogger(__name__)


class ServedModel:
    """A model behind one or several addresses: what it is called, and which one it is."""

    def __init__(self, url: str, model: str | None, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._wanted = model
        self.name = f"openai:{url}" if model is None else f"openai:{url}#{model}"

    @property
    def servers(self) -> int:
        """How many there are."""
        return len(self._endpoint.servers)

    def call_off(self) -> None:
        """End all that is being asked, in whichever threads."""
        self._endpoint.call_off()

    @cached_property
    def _listed(self) -> dict[str, list[dict[str, Any]]]:
        """Address to what that server lists, which may be nothing (`transformers serve` without a cache).

        Of several servers, one that is not there is left out from now on: should it come later, nobody
        has looked whether it serves the same model.
        """

        async def models(session: Session, server: Server) -> list[dict[str, Any]] | AwayError:
            try:
                return list((await session.at(server).get("/models")).get("data") or [])
            except (RequestError, NotServedError):
                return []
            except AwayError as error:
                return error

        servers = self._endpoint.servers
        answers = dict(zip(servers, self._endpoint.run(servers, models), strict=True))
        away = {one: said for one, said in answers.items() if isinstance(said, AwayError)}
        if len(away) == len(servers):
            raise next(iter(away.values()))
        for said in away.values():
            _log.warning("%s; the others go on without it", said)
        self._endpoint.servers = [one for one in servers if one not in away]
        return {one.url: said for one, said in answers.items() if not isinstance(said, AwayError)}

    @cached_property
    def model(self) -> str:
        """The servers' name of the model.

        Raises:
            ServerError: No server is there, no name was given and they do not serve just one, or
                they do not serve the same.
        """
        if self._wanted is not None and len(self._endpoint.servers) == 1:
            return self._wanted
        listed = [{str(entry.get("id")) for entry in entries} for entries in self._listed.values()]
        names = sorted(set.intersection(*listed))
        if self._wanted is None and len(names) != 1:
            lists = "lists" if len(listed) == 1 else "all list"
            raise ServerError(
                f"{self._endpoint.url} {lists} {', '.join(names) or 'no model'}: name the one you want, "
                f"as in 'openai:{self._endpoint.url}#{names[0] if names else 'model'}'"
            )
        name = self._wanted or names[0]
        told = {url: _told(name, entries) for url, entries in self._listed.items()}
        first, *others = told
        for other in others:
            if told[other] != told[first]:
                raise ServerError(
                    f"{first} and {other} do not serve the same {name!r}: they list "
                    f"{told[first]} and {told[other]}; want one model, served alike, behind all addresses"
                )
        return name

    @cached_property
    def revision(self) -> str:
        """A digest of what the servers list about the model: id, root, parent, owner, sizes.

        Weaker than a digest of weights: other weights under the same name are not found out, and a
        server that lists nothing is known by the model's name alone. `created` is left out, because
        servers such as vLLM write the present moment there. The addresses are no part of it: more
        servers of one model are the same model.
        """
        told = [self.model, *_told(self.model, next(iter(self._listed.values()))).values()]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _told(model: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """What a server lists about `model`, as far as it tells one model from another."""
    entry = next((e for e in entries if e.get("id") == model), {})
    return {key: entry.get(key) for key in ("root", "parent", "owned_by", "max_model_len", "meta")}
