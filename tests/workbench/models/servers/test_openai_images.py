"""Images over HTTP, from a real (tiny, random) diffusion model behind a real server."""

from __future__ import annotations

import asyncio
import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from workbench.errors import ModelError
from workbench.models import ImageRequest, load_image
from workbench.models.openai_images import OpenAIImageServer


@pytest.fixture(scope="module")
def tiny():
    return load_image("tiny:image", batch_size=4)


@pytest.fixture
def image_server(tiny, run_app):
    """`/v1/images/generations` as servers of diffusion models offer it, in front of `tiny:image`."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    bodies = []
    one_at_a_time = asyncio.Lock()

    async def generate(request):
        body = await request.json()
        bodies.append(body)
        if "forbidden" in body["prompt"]:
            return JSONResponse({"error": {"message": "not made here"}}, status_code=400)
        width, _, height = body.get("size", "x").partition("x")
        wanted = [
            ImageRequest(
                prompt=body["prompt"],
                seed=body["seed"] + i,
                width=int(width) if width else None,
                height=int(height) if height else None,
                steps=body.get("num_inference_steps"),
            )
            for i in range(body["n"])
        ]
        async with one_at_a_time:
            made = await run_in_threadpool(tiny.make, wanted)
        return JSONResponse({"data": [{"b64_json": encoded(one.image)} for one in made]})

    routes = [Route("/v1/images/generations", generate, methods=["POST"])]
    with run_app(Starlette(routes=routes)) as address:
        yield f"{address}/v1", bodies


def encoded(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


@pytest.fixture(scope="module")
def picture_reply():
    return json.dumps({"data": [{"b64_json": encoded(Image.new("RGB", (8, 8), "red"))}]})


def requests(*seeds, prompt="a red mug"):
    return [ImageRequest(prompt=prompt, seed=seed, steps=2) for seed in seeds]


def test_an_image_over_http_is_the_image_that_the_model_made(image_server, tiny):
    address, bodies = image_server
    wanted = requests(3, 4)
    made = OpenAIImageServer(address, "tiny").make(wanted)
    for one, request in zip(made, wanted, strict=True):
        (direct,) = tiny.make([request])
        assert np.array_equal(np.asarray(one.image), np.asarray(direct.image))
        assert one.cost.images == 1 and one.cost.seconds > 0
    assert sorted(body["seed"] for body in bodies) == [3, 4]
    assert all(body["n"] == 1 and body["num_inference_steps"] == 2 for body in bodies)
    assert all("negative_prompt" not in body and "size" not in body for body in bodies)


def test_several_images_are_asked_for_at_once_where_only_seeds_differ(image_server):
    address, bodies = image_server
    model = OpenAIImageServer(address, "tiny", images_per_request=2)
    told = []
    made = model.make([*requests(1, 2, 3), *requests(9, prompt="a hat")], progress=told.append)
    assert all(one.image is not None for one in made) and sum(told) == 4
    assert sorted((body["prompt"], body["n"]) for body in bodies) == [
        ("a hat", 1),
        ("a red mug", 1),
        ("a red mug", 2),
    ]


def test_an_image_that_is_refused_does_not_stop_its_neighbours(image_server):
    address, _ = image_server
    half = ImageRequest(prompt="a mug", seed=0, width=64)
    bad, good, unsized = OpenAIImageServer(address, "tiny").make(
        [*requests(0, prompt="forbidden"), *requests(1), half]
    )
    assert bad.image is None and "not made here" in bad.error and bad.cost.images == 0
    assert good.image is not None and good.error is None
    assert "both width and height" in unsized.error


@pytest.fixture
def odd_server(run_app):
    """Answers `/v1/images/generations` with the JSON that the prompt holds."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def generate(request):
        body = await request.json()
        return Response(body["prompt"], media_type="application/json")

    routes = [Route("/v1/images/generations", generate, methods=["POST"])]
    with run_app(Starlette(routes=routes)) as address:
        yield f"{address}/v1"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"data": [{"b64_json": "é☃"}]}, "`b64_json` is not base64: 'é☃'"),
        ({"data": [{"b64_json": "!!!not base64"}]}, "`b64_json` is not base64: '!!!not base64'"),
        ({"data": [{"b64_json": "abc"}]}, "`b64_json` is not base64: 'abc'"),
        ({"data": [{"b64_json": "YWJj"}]}, "no picture"),
        ({"data": [{"b64_json": 5}]}, "want `b64_json` with base64, got {'b64_json': 5}"),
        ({"data": ["x"]}, "want `b64_json` with base64, got 'x'"),
        ({"data": [None]}, "want `b64_json` with base64, got None"),
        ({"data": {"a": 1}}, "want a list of pictures as `data`, got {'a': 1}"),
        ({"data": 5}, "want a list of pictures as `data`, got 5"),
        ({"data": "x" * 9999}, "want a list of pictures as `data`, got 'xxx"),
        ({"data": []}, "the server made 0 of 1 images"),
        ({}, "want a list of pictures as `data`, got None"),
        ({"data": [{"url": "https://a.example/1.png"}]}, "one that sends addresses is not supported"),
    ],
)  # fmt: skip
def test_a_reply_without_a_picture_fails_its_own_picture_alone(
    odd_server, picture_reply, reply, said
):
    model = OpenAIImageServer(odd_server, "tiny")
    bad, good = model.make([*requests(0, prompt=json.dumps(reply)), *requests(0, prompt=picture_reply)])  # fmt: skip
    assert bad.image is None and bad.error.startswith("the server ")
    assert said in bad.error and len(bad.error) < 300
    assert good.image is not None and good.error is None


def test_no_images_per_request_is_refused():
    with pytest.raises(ModelError, match="at least 1 image"):
        OpenAIImageServer("http://127.0.0.1:1/v1", images_per_request=0)
