"""A run's folder: whose it is, and that nothing in it is ever half written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import LearningError, SettingsError
from workbench.models.starter.runs import CLAIM, claimed, kept_array, replaced

SETTINGS = {"pictures": 3, "painting": {"steps": 8, "seed": 0}}
DRAWS = """
import os
import sys
from pathlib import Path

from workbench.models.starter import drawers


def draw(number):
    Path(sys.argv[1], str(os.getpid())).touch()
    return number


if __name__ == "__main__":
    drawers._AT_ONCE = 1
    for _ in drawers.drawn_by_all(draw, range(10**5)):
        pass
"""


def claim(folder, kind="starter:image", settings=SETTINGS):
    with claimed(folder, kind, settings):
        pass


def test_a_folder_is_its_first_runs(tmp_path):
    folder = tmp_path / "a" / "run"
    claim(folder)
    claim(folder)
    with pytest.raises(LearningError, match="a run of 'starter:image', and this is one of 'class"):
        claim(folder, "classifier")
    other = {**SETTINGS, "painting": {"steps": 9, "seed": 0}}
    with pytest.raises(
        LearningError, match=r"other settings \(painting.steps 8 there and 9 here\)"
    ):
        claim(folder, settings=other)


def test_a_damaged_claim_and_files_of_nobody_are_refused(tmp_path):
    (tmp_path / CLAIM).write_text('{"kind": ')
    with pytest.raises(LearningError, match=r"run\.json.*cannot be read"):
        claim(tmp_path)
    (tmp_path / CLAIM).unlink()
    (tmp_path / "model").mkdir()
    (tmp_path / "seeing.pt").touch()
    with pytest.raises(LearningError, match=r"holds model, seeing\.pt and no run\.json"):
        claim(tmp_path)


def test_two_runs_in_one_folder_at_once_are_one(tmp_path):
    with (
        claimed(tmp_path, "classifier", {}),
        pytest.raises(LearningError, match="another process is training in"),
    ):
        claim(tmp_path, "classifier", {})
    claim(tmp_path, "classifier", {})


def test_a_folder_that_is_none_is_said(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SettingsError, match="want a folder that can be written to"):
            claim(place)


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    model = tmp_path / "model"
    with replaced(model) as half:
        (half / "old").touch()
    with pytest.raises(KeyboardInterrupt), replaced(model) as half:
        (half / "new").touch()
        raise KeyboardInterrupt
    assert [path.name for path in model.iterdir()] == ["old"]
    with replaced(model) as half:
        assert not list(half.iterdir()), "what the stopped one wrote is gone"
        (half / "new").touch()
    assert [path.name for path in model.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-7]), "is damaged"),
        (lambda file: file.write_bytes(b"no array"), "is damaged"),
        (lambda file: file.write_bytes(b""), "is damaged"),
        (lambda file: np.save(file, np.zeros((2, 4, 4, 3), np.uint8)), "got (2, 4, 4, 3) of uint8"),
        (lambda file: np.save(file, np.zeros((3, 4, 4, 3))), "of float64"),
    ],
)
def test_damaged_pictures_are_named(tmp_path, damage, said):
    file, shape = tmp_path / "pictures.npy", (3, 4, 4, 3)
    made = np.arange(144, dtype=np.uint8).reshape(shape)
    assert np.array_equal(kept_array(file, shape, lambda: made), made)
    damage(file)
    with pytest.raises(
        LearningError, match=r"pictures\.npy.*remove it, and it is drawn"
    ) as refused:
        kept_array(file, shape, lambda: made)
    assert said in str(refused.value)


def alive(pid):
    """Whether the process runs: one that nobody has waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc who is alive")
@pytest.mark.slow
def test_processes_that_draw_end_with_a_parent_that_is_killed(tmp_path):
    script, pids = tmp_path / "draws.py", tmp_path / "pids"
    script.write_text(DRAWS)
    pids.mkdir()
    parent = subprocess.Popen([sys.executable, script, pids], stderr=subprocess.DEVNULL)
    give_up = time.monotonic() + 120
    while not list(pids.iterdir()):
        assert parent.poll() is None and time.monotonic() < give_up
        time.sleep(0.05)
    drawing = [int(path.name) for path in pids.iterdir()]
    assert all(map(alive, drawing))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    give_up = time.monotonic() + 30
    while any(map(alive, drawing)):
        assert time.monotonic() < give_up, "they outlive their parent"
        time.sleep(0.05)


def test_the_claim_can_be_read(tmp_path):
    claim(tmp_path)
    assert json.loads((tmp_path / CLAIM).read_text()) == {
        "kind": "starter:image",
        "settings": SETTINGS,
    }
