"""axe-core finds no serious fault in any tab; `tools/axe` brings it."""

from __future__ import annotations

import json

import pytest

from workbench.calibration.audited import find_audit

CLEO = "cleo@shop.example"
TABS = {
    "/": "#draw",
    "/failures": ".grid > li",
    "/failures?item=": "article.one",
    "/calibration": "h1.answer",
    "/correct?item=": "#modes label",
    "/rubric": "#view table",
    "/runs": "#view .empty",
    "/login": "input[name=name]",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_fault(served, visit, serious, scheme):
    with served.store() as store:
        key = find_audit(store).drawn[3].generation
    seen = visit(served, CLEO, scheme=scheme)
    found = {}
    for path, there in TABS.items():
        seen.open(path + (key if path.endswith("=") else ""), wait=there)
        faults = serious(seen.page)
        if faults:
            found[path] = faults
    assert not found, json.dumps(found, indent=1)
