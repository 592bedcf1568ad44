"""An audit of drawn pictures, as a run leaves it in a store: what people are to answer; and axe-core's judgement."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import selection_of
from workbench.catalog.annotators import Known, known_image
from workbench.catalog.drawn import FLAWS, draw, image_prompt, sample_product
from workbench.records import Audit, CriterionScore, Generation, Verdict, content_key
from workbench.rubric import Rubric, dump_rubric, load_rubric
from workbench.store import Store

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
FAULTS = """(inside) => axe.run(inside ?? document, {resultTypes: ['violations']}).then((found) => found.violations
  .filter((one) => ['serious', 'critical'].includes(one.impact))
  .map((one) => [one.id, one.impact, one.nodes.map((n) => n.target.join(' ') + ' ' + n.html.slice(0, 200) + ' ' +
    n.any.map((why) => why.message).join('; '))]))"""


@pytest.fixture
def serious() -> Callable[..., list]:
    """`serious(page, inside=None)`: serious and critical faults, of what the selector names or of the whole page."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run tools/axe")

    def faults(page, inside: str | None = None) -> list:
        if not page.evaluate("'axe' in window"):
            # A loader of modules that the page has must not take it in.
            page.evaluate(f"(() => {{ const define = undefined; {AXE.read_text()} }})()")
        return page.evaluate(FAULTS, inside)

    return faults


@dataclass(frozen=True)
class Pictures:
    """A store with judged pictures, and an audit of some of them."""

    store: Store
    rubric: Rubric
    audit: Audit
    generations: tuple[Generation, ...]
    """Those that were drawn, in the audit's order."""
    spare: tuple[Generation, ...]
    """The others of the population."""
    known: Mapping[str, Known]
    """Generation key to what is true of it."""


@pytest.fixture
def pictures(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[int, int], Pictures]:
    """`pictures(judged, drawn)`: so many pictures are judged, and so many drawn for people.

    Every test has its own, so that tests that share a server never ask about the same outputs.
    """
    made: list[Store] = []

    def make(judged: int, drawn: int) -> Pictures:
        store = Store.open(tmp_path / f"store{len(made)}")
        made.append(store)
        return _pictures(store, judged, drawn, request.node.nodeid)

    yield make
    for store in made:
        store.close()


def _pictures(store: Store, judged: int, drawn: int, test: str) -> Pictures:
    rubric = load_rubric("category-image")
    store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
    rng = np.random.default_rng(5)
    generations, verdicts, known = [], [], {}
    for i in range(judged):
        flaws = [FLAWS[int(rng.integers(len(FLAWS)))]] if rng.random() < 0.5 else []
        product = sample_product(i)
        out = io.BytesIO()
        draw(product, size=96, flaws=flaws, seed=i).save(out, "PNG", compress_level=1)
        prompt = image_prompt(product)
        key = content_key("drawn", test, prompt, i)
        truth = known_image(flaws, rubric)
        approved = truth.approved != bool(rng.random() < 0.2)
        generations.append(
            Generation(
                key=key, kind="image", category=product.kind, model="drawn", revision="1",
                prompt=prompt, seed=i, image=store.images.put(out.getvalue()), simulated=True,
            )
        )  # fmt: skip
        verdicts.append(
            Verdict(
                key=content_key("verdict", key), generation=key, judge="simulated:judge",
                revision="1", rubric=rubric.label, approved=approved,
                scores=tuple(
                    CriterionScore(criterion=name, score=point, by="simulated:judge")
                    for name, point in truth.scores.items()
                ),
                failure_modes=() if approved else truth.failure_modes,
                confidence=round(float(rng.uniform(0.5, 1.0) if approved else rng.uniform(0, 0.5)), 3),
                simulated=True,
            )
        )  # fmt: skip
        known[key] = truth
    store.add([*generations, *verdicts])
    audit = draw_from(store, selection_of(verdicts, generations, part=None), size=drawn, seed=1)
    store.add([audit])
    by_key = {g.key: g for g in generations}
    chosen = tuple(by_key[item.generation] for item in audit.drawn)
    return Pictures(
        store=store,
        rubric=rubric,
        audit=audit,
        generations=chosen,
        spare=tuple(g for g in generations if g not in chosen),
        known=known,
    )
