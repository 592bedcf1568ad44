"""The command `workbench run category-images`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli_options import (
    CatalogOption,
    ImagesOption,
    JsonOption,
    LimitOption,
    OnOption,
    StoreOption,
    beside_store,
    open_store,
    tell,
)
from workbench.errors import SettingsError

CATEGORY_IMAGES_EPILOG = (
    "\b\nExamples:\n"
    "  workbench run category-images --catalog magento:exports/shop --store shop \\\n"
    "    --image-model hf:stabilityai/stable-diffusion-xl-base-1.0 --judge hf:Qwen/Qwen2.5-VL-7B-Instruct\n"
    "  workbench run category-images --catalog drawn:seed=7,items=400 --store demo \\\n"
    "    --image-model tiny:image --judge tiny:vlm --themes themes.yaml"
)


def run_category_images_command(
    catalog: CatalogOption,
    image_model: Annotated[
        str,
        typer.Option(
            help="Who makes pictures: hf:NAME, dir:FOLDER, openai:URL, starter:image or tiny:image."
        ),
    ] = "starter:image",
    judge: Annotated[
        str,
        typer.Option(
            help="Who judges: any vision-language model's string, or instruments for a rubric that asks no model."
        ),
    ] = "starter:judge",
    store: StoreOption = None,
    images: ImagesOption = None,
    rubric: Annotated[
        str,
        typer.Option(
            help="A rubric file, a shipped one's name, or the store's: category-image@2, category-image@current."
        ),
    ] = "category-image",
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave out a criterion that nobody here can answer, such as safety; repeatable."
        ),
    ] = None,
    writer: Annotated[
        str,
        typer.Option(
            help="Makes titles short and writes prompts: rules, or a text model's string."
        ),
    ] = "rules",
    refiner: Annotated[
        str,
        typer.Option(
            help="Writes better prompts: rules, a vision-language model's string, or none: the same prompt, another seed."
        ),
    ] = "rules",
    attempts: Annotated[int, typer.Option(min=1, help="Prompts for a topic at most.")] = 4,
    patience: Annotated[
        int,
        typer.Option(min=0, help="Give up after so many attempts without progress; 0: never."),
    ] = 2,
    candidates: Annotated[int, typer.Option(min=1, max=32, help="Pictures of each prompt.")] = 1,
    items: Annotated[int, typer.Option(min=1, help="Popular items that stand for a topic.")] = 8,
    diversity: Annotated[
        float,
        typer.Option(min=0, max=1, help="0: the most popular items; 1: the most different ones."),
    ] = 0.3,
    likeness: Annotated[
        Literal["words", "embeddings"],
        typer.Option(
            help="How alike items are: by their words, or by embeddings of text and photo."
        ),
    ] = "words",
    category: Annotated[
        list[str] | None,
        typer.Option("--category", help="Only this category, or this step of a path; repeatable."),
    ] = None,
    themes: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A YAML file of themes, queries over items; instead of categories.",
        ),
    ] = None,
    limit: LimitOption = None,
    audit: Annotated[
        int,
        typer.Option(min=0, help="How many judged pictures are drawn for people; 0: none."),
    ] = 120,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of pictures and draw.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="The page; default: category-images.html in the store's folder."
        ),
    ] = None,
    on: OnOption = "local",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Popular items in; an approved picture for each category or theme, or why there is none, out.

    Run again, it does only what is not in the store: next season, only categories whose items, rubric or
    models changed. Stopped, it goes on where it was. Exit code 1 says that every topic failed.
    """
    from pipelines.category_images import CategoryImagesJob, run_category_images
    from pipelines.category_images_diversity import measure_narrowing
    from pipelines.category_images_start import telling
    from pipelines.places import open_place
    from reports.category_images import write_category_images_page
    from workbench.catalog import open_catalog, whole_address
    from workbench.prompting import load_themes

    if out is not None:
        _require_writable(out)
    source = open_catalog(catalog)
    page = out or beside_store(store, "category-images.html")
    with open_store(store, images, create=True) as opened:
        job = CategoryImagesJob(
            catalog=whole_address(catalog),
            image_model=image_model,
            judge=judge,
            rubric=rubric,
            without=tuple(without or ()),
            writer=writer,
            refiner=refiner,
            attempts=attempts,
            patience=patience,
            candidates=candidates,
            items=items,
            diversity=diversity,
            likeness=likeness,
            categories=tuple(category or ()),
            themes=load_themes(themes, schema=source.schema) if themes else (),
            limit=limit,
            audit=audit,
            seed=seed,
        )
        quiet = quiet or as_json
        with open_place(on) as place:
            summary = run_category_images(opened, source, job, on=place, quiet=quiet)
        with telling("comparing approved pictures with each other", quiet=quiet):
            narrowing = measure_narrowing(opened, summary.run)
        written = write_category_images_page(opened, page, run=summary.run, narrowing=narrowing)
    tell(
        as_json, {**summary.as_dict(), "page": str(written)}, lambda: f"{summary}\nPage: {written}"
    )
    if summary.topics and sum(summary.failed.values()) == summary.topics:
        raise typer.Exit(1)


def _require_writable(page: Path) -> None:
    """Refuse, before hours of work, a place where the page cannot be left; nothing is left there yet."""
    try:
        folder = page.absolute().parent
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"want a file that can be written as `--out`, got {str(page)!r}: {error.strerror}; "
            "name one in a folder of yours"
        ) from error
