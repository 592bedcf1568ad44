"""Models of the hub, from a cache that is laid out as the hub's own library lays it out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_hub_model_is_known_by_its_commit(model_folder, tmp_path):
    for name, family in (("reader", "llama"), ("painter", "stable-diffusion")):
        repository = tmp_path / f"models--somebody--{name}"
        (repository / "refs").mkdir(parents=True)
        for reference in ("main", "v1"):
            (repository / "refs" / reference).write_text(COMMIT)
        shutil.copytree(model_folder(family), repository / "snapshots" / COMMIT)
    code = (
        "import json\n"
        "from workbench.models import load_image, load_text\n"
        "loads = (load_text, 'reader'), (load_image, 'painter')\n"
        "print(json.dumps({\n"
        "    name: load(name).revision\n"
        "    for load, model in loads\n"
        "    for name in (f'hf:somebody/{model}', f'hf:somebody/{model}@v1')\n"
        "}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        # Read when the hub's library is imported, hence the process.
        env=os.environ | {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(
        [
            "hf:somebody/reader",
            "hf:somebody/reader@v1",
            "hf:somebody/painter",
            "hf:somebody/painter@v1",
        ],
        COMMIT,
    )
