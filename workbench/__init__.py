"""Catalog Workbench: generate, judge, audit and correct e-commerce content.

`import workbench` loads no heavy library; each module imports its own when it is used.
"""

from __future__ import annotations

__version__ = "0.1.0"
