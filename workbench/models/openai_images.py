"""Images from an OpenAI-compatible server (`/images/generations`)."""

from __future__ import annotations

import base64
import reprlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.errors import ModelError, PhotoError
from workbench.models.costs import shares
from workbench.models.http_calls import Endpoint
from workbench.models.protocols import ImageRequest, MadeImage, Progress
from workbench.models.served_model import ServedModel
from workbench.models.server_calls import Session
from workbench.models.server_replies import RequestError
from workbench.photos import open_photo
from workbench.records import Cost

_NO_PICTURE = "the server sent no picture"


class OpenAIImageServer(ServedModel):
    """A text-to-image model behind an address: an `ImageModel`.

    Seed, negative prompt, steps and guidance are sent under the names that diffusion servers use
    (`seed`, `negative_prompt`, `num_inference_steps`, `guidance_scale`), and only where they are given;
    OpenAI's own models know none of them but refuse what they do not know.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        concurrency: int = 4,
        timeout: float = 300.0,
        retries: int = 5,
        patience: float = 900.0,
        images_per_request: int = 1,
    ) -> None:
        """Remember the address; nothing is sent before the first request.

        Args:
            url: As for `OpenAIServer`, one or several.
            model: The servers' name of the model; None: the one model that they serve.
            api_key: Sent as a bearer token; it never appears in a message or a record.
            concurrency: Requests in flight at each server at most.
            timeout: Seconds for one answer.
            retries: As for `OpenAIServer`.
            patience: The same.
            images_per_request: Images that are asked for at once (`n`) where they differ in nothing
                but the seed. Over 1 only the first one's seed is sent, and what the others look like
                is the server's choice: an image is then not reproducible by itself.

        Raises:
            ModelError: An argument is out of range, or the URL carries a password.
        """
        if images_per_request < 1:
            raise ModelError(f"want at least 1 image per request, got {images_per_request!r}")
        self._most = images_per_request
        super().__init__(
            url,
            model,
            Endpoint(
                url,
                api_key=api_key,
                concurrency=concurrency,
                timeout=timeout,
                retries=retries,
                patience=patience,
            ),
        )

    def make(
        self, requests: Sequence[ImageRequest], *, progress: Progress | None = None
    ) -> list[MadeImage]:
        """Make one image per request; one that fails after all retries comes back with `error`.

        Raises:
            ServerError: The server is not there, went away, or refuses everybody (401, 403, 404).
        """
        model = self.model
        alike: dict[ImageRequest, list[int]] = {}
        for place, request in enumerate(requests):
            alike.setdefault(replace(request, seed=0), []).append(place)
        groups = [
            places[start : start + self._most]
            for places in alike.values()
            for start in range(0, len(places), self._most)
        ]

        async def work(session: Session, places: list[int]) -> list[MadeImage]:
            began = time.perf_counter()
            try:
                body = {**_body(requests[places[0]]), "model": model, "n": len(places)}
                reply = (await session.post("/images/generations", body)).body
            except RequestError as error:
                return [MadeImage(image=None, error=str(error))] * len(places)
            seconds = (time.perf_counter() - began) / len(places)
            made = _read_all(reply.get("data"), len(places), self.name)
            return [
                replace(one, cost=Cost(seconds=seconds, images=int(one.image is not None)))
                for one in made
            ]

        started = time.perf_counter()
        answers = self._endpoint.run(groups, work, progress, weight=len)
        placed = {
            place: one
            for places, several in zip(groups, answers, strict=True)
            for place, one in zip(places, several, strict=True)
        }
        share = shares(time.perf_counter() - started, [one.cost for one in placed.values()])
        ordered = [placed[place] for place in range(len(requests))]
        return [replace(one, cost=share(one.cost)) for one in ordered]


def _body(request: ImageRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "prompt": request.prompt,
        "seed": request.seed,
        "response_format": "b64_json",
    }
    if request.width is not None or request.height is not None:
        if request.width is None or request.height is None:
            raise RequestError("want both width and height for an image, or neither")
        body["size"] = f"{request.width}x{request.height}"
    given = {
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
    }
    return body | {key: value for key, value in given.items() if value is not None}


def _read_all(sent: object, count: int, where: str) -> list[MadeImage]:
    if not isinstance(sent, list):
        said = f"{_NO_PICTURE}: want a list of pictures as `data`, got {reprlib.repr(sent)}"
        return [MadeImage(image=None, error=said)] * count
    made = [_read(one, where) for one in sent[:count]]
    missing = f"the server made {len(made)} of {count} images"
    return made + [MadeImage(image=None, error=missing)] * (count - len(made))


def _read(entry: object, where: str) -> MadeImage:
    data = entry.get("b64_json") if isinstance(entry, Mapping) else None
    if isinstance(data, str):
        try:
            return MadeImage(image=open_photo(base64.b64decode(data, validate=True), where=where))
        except PhotoError as error:
            said = f"{_NO_PICTURE}: {error}"
        except ValueError:  # a sign that base64 lacks, or an end cut off
            said = f"{_NO_PICTURE}: `b64_json` is not base64: {reprlib.repr(data)}"
    elif isinstance(entry, Mapping) and "url" in entry:
        said = f"{_NO_PICTURE} (`b64_json`); one that sends addresses is not supported"
    else:
        said = f"{_NO_PICTURE}: want `b64_json` with base64, got {reprlib.repr(entry)}"
    return MadeImage(image=None, error=said)
