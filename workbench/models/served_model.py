"""What every model behind an OpenAI-compatible address has: its name on the server, and which one it is."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any

from workbench.errors import ServerError
from workbench.models.http_calls import Endpoint, NotServedError, RequestError, Session


class ServedModel:
    """A model behind an address: what it is called, and which one it is."""

    def __init__(self, url: str, model: str | None, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._wanted = model
        self.name = f"openai:{url}" if model is None else f"openai:{url}#{model}"

    @cached_property
    def _listed(self) -> list[dict[str, Any]]:
        """What the server lists; empty where it lists nothing (`transformers serve` without a cache)."""

        async def models(session: Session, path: str) -> list[dict[str, Any]]:
            try:
                return list((await session.get(path)).get("data") or [])
            except (RequestError, NotServedError):
                return []

        (listed,) = self._endpoint.run(["/models"], models)
        return listed

    @cached_property
    def model(self) -> str:
        """The server's name of the model.

        Raises:
            ServerError: The server is not there, or no name was given and it does not serve just one.
        """
        names = [str(entry.get("id")) for entry in self._listed]
        if self._wanted is not None:
            return self._wanted
        if len(names) == 1:
            return names[0]
        raise ServerError(
            f"{self._endpoint.url} lists {', '.join(names) or 'no model'}: name the one you want, "
            f"as in 'openai:{self._endpoint.url}#{names[0] if names else 'model'}'"
        )

    @cached_property
    def revision(self) -> str:
        """A digest of what the server lists about the model: id, root, parent, owner, sizes.

        Weaker than a digest of weights: other weights under the same name are not found out, and a
        server that lists nothing is known by the model's name alone. `created` is left out, because
        servers such as vLLM write the present moment there.
        """
        entry = next((e for e in self._listed if e.get("id") == self.model), {})
        kept = ("root", "parent", "owned_by", "max_model_len", "meta")
        told = [self.model, *(entry.get(key) for key in kept)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
