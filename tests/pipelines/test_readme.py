"""What README shows in Python runs as it stands there."""

import re
import shutil
import subprocess
import sys


def test_the_python_in_readme_runs(finished, repository, tmp_path):
    blocks = re.findall(
        r"^```python\n(.*?)^```", (repository / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert blocks
    shutil.copytree(finished.folder / "store", tmp_path / "demo")
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
