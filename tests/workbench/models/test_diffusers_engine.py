"""Text-to-image pipelines in this process: four kinds, built small and loaded by the same line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import ModelError
from workbench.models import ImageRequest, load_image, tiny

pytestmark = pytest.mark.filterwarnings(
    # diffusers 0.42's Euler scheduler asks numpy 2 for an array of a tensor in numpy 1's way.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def text_encoder(projection: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = tiny.build_clip_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        projection_dim=32,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def vae(shift: float | None = None) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        shift_factor=shift,
    )


def unet(**more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    settings: dict[str, Any] = {
        "sample_size": 16,
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 32,
        "attention_head_dim": 4,
    }
    return UNet2DConditionModel(**(settings | more))


def sdxl() -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    return StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        text_encoder_2=text_encoder(projection=True),
        tokenizer=tiny.build_clip_tokenizer(),
        tokenizer_2=tiny.build_clip_tokenizer(),
        unet=unet(
            cross_attention_dim=64,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=80,
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear"),
        add_watermarker=False,
    )


def sd3() -> Any:
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("\u2581", -2.0)]
    tokenizer = T5Tokenizer(
        vocab=[*pieces, *((letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz0123456789")],
        extra_ids=0,
        model_max_length=77,
    )
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=1,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=64,
            pooled_projection_dim=64,
            out_channels=4,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae(shift=0.06),
        text_encoder=text_encoder(projection=True),
        tokenizer=tiny.build_clip_tokenizer(),
        text_encoder_2=text_encoder(projection=True),
        tokenizer_2=tiny.build_clip_tokenizer(),
        text_encoder_3=T5EncoderModel(
            T5Config(
                vocab_size=len(tokenizer), d_model=64, d_ff=64, d_kv=8, num_heads=2, num_layers=1
            )
        ),
        tokenizer_3=tokenizer,
    )


def latent_consistency() -> Any:
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    return LatentConsistencyModelPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        tokenizer=tiny.build_clip_tokenizer(),
        unet=unet(time_cond_proj_dim=16),
        scheduler=LCMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


PIPELINES = {"sdxl": sdxl, "sd3": sd3, "latent-consistency": latent_consistency}


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory, model_folder):
    """The folder of a random pipeline by its kind."""
    import torch
    from diffusers.utils import logging

    logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("pipelines")

    def folder_of(kind: str) -> Path:
        if kind == "stable-diffusion":
            return model_folder(kind)
        if not (root / kind).exists():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                PIPELINES[kind]().save_pretrained(root / kind)
        return root / kind

    return folder_of


@pytest.fixture
def model():
    return load_image("tiny:image")


def request_for(seed: int, **more: Any) -> ImageRequest:
    return ImageRequest(
        prompt=f"a mug, number {seed}", seed=seed, steps=3, width=64, height=64, **more
    )


def levels(image):
    return np.asarray(image, dtype=int)


@pytest.mark.parametrize("kind", ["stable-diffusion", *PIPELINES])
def test_a_request_gives_the_same_image_in_any_batch(kind, pipeline_folder):
    size = {} if kind == "stable-diffusion" else {"width": 32, "height": 32}
    requests = [
        ImageRequest(prompt=f"mug {seed}", seed=seed, steps=3, **size) for seed in (5, 6, 7)
    ]
    model = load_image(f"dir:{pipeline_folder(kind)}")
    together = model.make(requests)
    assert [made.error for made in together] == [None] * 3
    for request, made in zip(requests, together, strict=True):
        [alone] = model.make([request])
        assert np.abs(levels(made.image) - levels(alone.image)).max() <= 2
        assert made.image.mode == "RGB"
        assert made.cost.images == 1
        assert made.cost.seconds > 0
    # The seed makes the image: another one differs by far more than rounding.
    assert np.abs(levels(together[0].image) - levels(together[1].image)).mean() > 5


def test_seed_prompt_steps_guidance_and_negative_prompt_all_count(model):
    base = request_for(1)
    made = model.make(
        [
            base,
            request_for(2),
            ImageRequest(prompt="a shoe", seed=1, steps=3, width=64, height=64),
            ImageRequest(prompt=base.prompt, seed=1, steps=5, width=64, height=64),
            request_for(1, guidance=1.5),
            request_for(1, negative_prompt="blurred, dark"),
        ]
    )
    images = [levels(one.image) for one in made]
    for place, one in enumerate(images):
        for other in images[place + 1 :]:
            assert np.abs(one - other).max() > 0


def test_sizes_are_made_as_asked(model):
    made = model.make(
        [
            ImageRequest(prompt="x", seed=0, steps=1, width=64, height=32),
            ImageRequest(prompt="x", seed=0, steps=1),
        ]
    )
    assert [one.image.size for one in made] == [(64, 32), (64, 64)]


def test_a_request_that_cannot_be_served_does_not_stop_its_neighbours(model):
    bad = ImageRequest(prompt="x", seed=0, steps=3, width=63, height=64)
    counted = []
    made = model.make([request_for(0), bad, request_for(1)], progress=counted.append)
    assert made[0].error is None
    assert made[2].error is None
    assert made[1].image is None
    assert "divisible by 8" in made[1].error
    assert sum(counted) == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": 0}, "want 1 to 999 denoising steps, got 0"),
        ({"steps": 5000}, "want 1 to 999 denoising steps, got 5000"),
        ({"steps": 2.5}, "got 2.5"),
        ({"guidance": -1.0}, "want a guidance of 0 or more, got -1.0"),
        ({"guidance": float("nan")}, "got nan"),
        ({"width": None}, "want width and height together, or neither; got None by 64"),
        ({"height": None}, "got 64 by None"),
        ({"width": -64, "height": -64}, "want whole numbers of pixels from 1 on, got -64 by -64"),
        ({"width": 0}, "got 0 by 64"),
        ({"width": 64.5}, "got 64.5 by 64"),
        ({"seed": 2**64}, "want a whole number below 2^64 as a seed, got 18446744073709551616"),
        ({"seed": 1.5}, "as a seed, got 1.5"),
    ],
)
def test_what_a_sampler_would_answer_with_noise_or_not_at_all_is_refused_in_a_sentence(
    model, wrong, said
):
    bad, good = model.make([replace(request_for(1), **wrong), request_for(2)])
    assert bad.image is None and said in bad.error
    assert good.image is not None


def test_steps_are_told_where_the_pipeline_offers_it(model):
    told = []
    model.make([request_for(0)], on_step=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_a_pipeline_does_not_take_is_warned_of_once(pipeline_folder, recwarn):
    model = load_image(f"dir:{pipeline_folder('latent-consistency')}")
    request = ImageRequest(
        prompt="x", seed=0, steps=2, width=32, height=32, negative_prompt="dark", guidance=3.0
    )
    with pytest.warns(UserWarning, match="takes no negative_prompt") as warned:
        [made] = model.make([request])
    assert made.error is None
    assert len(warned) == 1  # guidance is taken
    model.make([request])  # a second warning would be an error here


LONG = "a mug with a handle, " * 20


def test_a_prompt_that_is_cut_is_told_of_in_the_answer_and_nowhere_else(capfd):
    model = load_image("tiny:image")
    plain = request_for(1)
    asked = [
        plain,
        replace(plain, prompt=LONG),
        replace(plain, prompt=LONG + "red"),
        replace(plain, negative_prompt=LONG),
    ]
    made = model.make(asked)
    assert [one.cut for one in made] == [False, True, True, True]
    assert np.array_equal(levels(made[1].image), levels(made[2].image))  # the end did not count
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_a_prompt_that_one_of_several_text_encoders_reads_whole_is_not_cut(pipeline_folder, capfd):
    """Stable Diffusion 3: CLIP is given 77 tokens, T5 256; here a token is a letter."""
    model = load_image(f"dir:{pipeline_folder('sd3')}")
    capfd.readouterr()
    asked = [
        ImageRequest(prompt="x" * count, seed=0, steps=1, width=32, height=32)
        for count in (20, 200, 300)
    ]
    assert [one.cut for one in model.make(asked)] == [False, False, True]
    assert capfd.readouterr().err == ""


def test_images_withheld_by_the_safety_checker_are_errors(model):
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessorPil

    pipeline = model._pipeline
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(
            projection_dim=16,
            text_config={"hidden_size": 16, "intermediate_size": 16, "vocab_size": 99, **layers},
            vision_config={
                "hidden_size": 16,
                "intermediate_size": 16,
                "image_size": 32,
                "patch_size": 16,
                **layers,
            },
        )
    )
    pipeline.safety_checker = checker.eval()
    pipeline.feature_extractor = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    [made] = model.make([request_for(0)])
    assert made.error is None
    checker.concept_embeds_weights.data.fill_(-1.0)  # now every picture is too close to a concept
    [made] = model.make([request_for(0)])
    assert made.image is None
    assert "safety checker" in made.error


def test_an_image_of_no_numbers_is_an_error_and_not_black(model):
    model._pipeline.vae.decoder.conv_out.weight.data.fill_(float("nan"))
    [made] = model.make([request_for(0)])
    assert made.image is None
    assert "no numbers" in made.error


def test_memory_that_runs_out_halves_the_batch_for_good(model):
    import torch

    sizes = []

    def refuse_four(_module, arguments, given):
        sample = arguments[0] if arguments else given["sample"]
        sizes.append(sample.shape[0] // 2)  # guidance doubles the batch
        if sample.shape[0] > 2 * 2:
            raise torch.OutOfMemoryError("CUDA out of memory (raised by a test)")

    model._pipeline.unet.register_forward_pre_hook(refuse_four, with_kwargs=True)
    made = model.make([request_for(seed) for seed in range(6)])
    assert [one.error for one in made] == [None] * 6
    assert sizes[0] == 4
    assert max(sizes[1:]) == 2  # not tried with four again


def test_one_image_that_does_not_fit_is_made_in_less_memory(model):
    import torch

    def refuse_whole_attention(_module, _arguments, _given):
        if not model._pipeline.vae.use_tiling:
            raise torch.OutOfMemoryError("CUDA out of memory (raised by a test)")

    model._pipeline.unet.register_forward_pre_hook(refuse_whole_attention, with_kwargs=True)
    [made] = model.make([request_for(0)])
    assert made.error is None
    assert model._pipeline.vae.use_tiling


def test_a_pipeline_that_makes_no_images_from_text_is_refused(tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    DDPMPipeline(
        unet=UNet2DModel(
            sample_size=8,
            block_out_channels=(8, 8),
            norm_num_groups=4,
            down_block_types=("DownBlock2D",) * 2,
            up_block_types=("UpBlock2D",) * 2,
        ),
        scheduler=DDPMScheduler(),
    ).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="makes images from text, got DDPMPipeline"):
        load_image(f"dir:{tmp_path}")
