"""How often do nominal 95% intervals hold the truth? Simulated judges whose rates are known.

    python benchmarks/coverage.py [replications, 2000 unless told]

Three groups, each with seeds: rates from labels alone (few suitable items among the rejections, too),
the same with the judge's confidence (PPI++), and a batch without labels corrected by Rogan and Gladen,
beside the package judgy where it is known to fall short. Bar: 93% in every line.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from judgy import estimate_success_rate

from workbench.calibration import About, Estimate, ppi_rates, rates, rogan_gladen

BAR = 0.93
REPLICATIONS = 2000
RATES = ("precision", "recall", "suitable_rate")
JUDGY_RESAMPLES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Intervals of one kind under one setting: how many held the truth, and how wide they were."""

    kind: str
    held: int
    given: int
    asked: int
    width: float

    @property
    def coverage(self) -> float:
        """Share that held the truth, of those that were given."""
        return self.held / self.given


@dataclass(slots=True)
class _Counter:
    kind: str
    held: int = 0
    given: int = 0
    asked: int = 0
    widths: float = 0.0

    def add(self, estimate: Estimate, truth: float) -> None:
        self.asked += 1
        if estimate.low is None or estimate.high is None:
            return
        self.given += 1
        self.held += estimate.low - 1e-12 <= truth <= estimate.high + 1e-12
        self.widths += estimate.high - estimate.low

    def tally(self) -> Tally:
        width = self.widths / max(self.given, 1)
        return Tally(
            kind=self.kind, held=self.held, given=self.given, asked=self.asked, width=width
        )


# ---- labels alone, and PPI++ ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A judge with known rates, and how its items are drawn for people."""

    name: str
    items: int = 1000
    approve: float = 0.6
    precision: tuple[float, float] = (0.75, 0.97)
    """Range from which each replication takes the share of suitable approvals."""
    missed: tuple[float, float] = (0.05, 0.35)
    """The same of suitable rejections."""
    labels: tuple[int, ...]
    """One number: drawn from all items alike. Two: so many approvals, and rejections."""
    near: bool = False
    """Half of each verdict's labels from the tenth of items nearest the threshold, a stratum."""
    confidence: str | None = None
    about: About = "items like these"


CONFIDENCES: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "good": lambda rng, y: np.where(y, rng.beta(8, 2, y.size), rng.beta(2, 8, y.size)),
    "useless": lambda rng, y: rng.beta(2, 2, y.size),
    "anti-correlated": lambda rng, y: np.where(y, rng.beta(2, 5, y.size), rng.beta(5, 2, y.size)),
}


def labels_only() -> Iterator[Audit]:
    """Audits without a confidence; in the first ones next to no rejection is suitable."""
    for about in ("items like these", "these items"):
        for labels, missed in (
            ((100, 60), (0.01, 0.03)),
            ((200, 100), (0.005, 0.02)),
            ((60, 40), (0.02, 0.08)),
        ):
            yield Audit(
                name=f"{labels[0]} + {labels[1]} labels, {missed[0]:.1%} to {missed[1]:.1%} of rejections suitable, {about}",
                labels=labels, missed=missed, about=about,
            )  # fmt: skip
        yield Audit(name=f"88 + 12 labels, {about}", labels=(88, 12), about=about)
        yield Audit(name=f"150 labels, drawn alike, {about}", labels=(150,), about=about)


def powered() -> Iterator[Audit]:
    """Audits with a confidence: 50, 100 and 200 labels, three confidences, three designs."""
    for confidence in CONFIDENCES:
        for n in (50, 100, 200):
            yield Audit(
                name=f"{confidence}, {n} labels drawn alike", labels=(n,), confidence=confidence
            )
            yield Audit(
                name=f"{confidence}, {n} labels, half of them rejections",
                labels=(n // 2, n // 2),
                confidence=confidence,
            )
        yield Audit(
            name=f"{confidence}, 100 labels, half of them near the threshold",
            labels=(50, 50), near=True, confidence=confidence,
        )  # fmt: skip
        yield Audit(
            name=f"{confidence}, 100 labels drawn alike, these items",
            labels=(100,), confidence=confidence, about="these items",
        )  # fmt: skip


def run_audit(audit: Audit, replications: int, *, seed: int = 0) -> list[Tally]:
    """Draw the audit again and again: labels only, and PPI++ where there is a confidence."""
    rng = np.random.default_rng(seed)
    kinds = ["labels only"] + (["PPI++"] if audit.confidence else [])
    counters = {(kind, rate): _Counter(f"{kind}: {rate}") for kind in kinds for rate in RATES}
    for _ in range(replications):
        p1, p0 = rng.uniform(*audit.precision), rng.uniform(*audit.missed)
        approved = rng.random(audit.items) < audit.approve
        suitable = rng.random(audit.items) < np.where(approved, p1, p0)
        stratum = None
        confidence = None
        if audit.confidence:
            confidence = CONFIDENCES[audit.confidence](rng, suitable)
            if audit.near:
                distance = np.abs(confidence - 0.5)
                stratum = np.where(distance <= np.quantile(distance, 0.1), "near", "far")
        inclusion = _draw(rng, approved, stratum, audit.labels)
        arguments = {
            "approved": approved,
            "inclusion_probability": inclusion,
            "answer": [
                bool(y) if p > 0 else None for y, p in zip(suitable, inclusion, strict=True)
            ],
            "stratum": stratum,
            "about": audit.about,
        }
        if audit.about == "these items":
            a, p1, p0 = approved.mean(), suitable[approved].mean(), suitable[~approved].mean()
        else:
            a = audit.approve
        total = a * p1 + (1 - a) * p0
        truth = {"precision": p1, "recall": a * p1 / total, "suitable_rate": total}
        found = {"labels only": rates(**arguments)}
        if confidence is not None:
            found["PPI++"] = ppi_rates(**arguments, confidence=confidence).rates
        for (kind, rate), counter in counters.items():
            counter.add(getattr(found[kind], rate), truth[rate])
    return [counter.tally() for counter in counters.values()]


def _draw(
    rng: np.random.Generator,
    approved: np.ndarray,
    stratum: np.ndarray | None,
    labels: tuple[int, ...],
) -> np.ndarray:
    """Inclusion probabilities, NaN where an item was not drawn."""
    inclusion = np.full(approved.size, math.nan)
    groups: list[tuple[np.ndarray, int]]
    if len(labels) == 1:
        groups = [(np.ones(approved.size, dtype=bool), labels[0])]
    else:
        groups = [(approved, labels[0]), (~approved, labels[1])]
    if stratum is not None:
        groups = [
            (group & (stratum == name), take // 2)
            for group, take in groups
            for name in ("near", "far")
        ]
    for group, wanted in groups:
        members = np.flatnonzero(group)
        take = min(wanted, members.size)
        if take:
            inclusion[rng.choice(members, take, replace=False)] = take / members.size
    return inclusion


# ---- Rogan and Gladen ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Labels of so many suitable and unsuitable items, and a batch that the judge alone has seen."""

    suitable: int
    unsuitable: int
    batch: int
    true_positive_rate: float
    true_negative_rate: float
    rate: float
    peer: bool = field(default=False)
    """Whether judgy is asked the same."""

    @property
    def name(self) -> str:
        """Its numbers in words."""
        return (
            f"{self.suitable} + {self.unsuitable} labels, {self.batch} items, TPR {self.true_positive_rate}, "
            f"TNR {self.true_negative_rate}, true rate {self.rate}"
        )


def known_short() -> Iterator[Transport]:
    """The two sizes at which judgy is known to cover 84% and 72%."""
    yield Transport(
        suitable=50, unsuitable=50, batch=100, true_positive_rate=0.85, true_negative_rate=0.9,
        rate=0.88, peer=True,
    )  # fmt: skip
    yield Transport(
        suitable=88, unsuitable=12, batch=200, true_positive_rate=0.95, true_negative_rate=0.95,
        rate=0.7, peer=True,
    )  # fmt: skip


def grid() -> Iterator[Transport]:
    """Rates up to the edges, and a judge that is hardly better than none."""
    for suitable, unsuitable, batch in ((50, 50, 100), (88, 12, 200), (180, 20, 20_000)):
        for t, f in ((0.7, 0.3), (0.9, 0.2), (0.97, 0.05), (0.995, 0.005)):
            for rate in (0.03, 0.5, 0.97):
                yield Transport(
                    suitable=suitable, unsuitable=unsuitable, batch=batch, true_positive_rate=t,
                    true_negative_rate=round(1 - f, 3), rate=rate,
                )  # fmt: skip


def run_transport(transport: Transport, replications: int, *, seed: int = 0) -> list[Tally]:
    """Draw labels and batch again and again."""
    rng = np.random.default_rng(seed)
    np.random.seed(seed)  # judgy draws from the global generator
    ours, peer = _Counter("Rogan–Gladen"), _Counter("judgy")
    t, f = transport.true_positive_rate, 1 - transport.true_negative_rate
    answer = _said(transport.suitable, transport.suitable + transport.unsuitable)
    for _ in range(replications):
        verdict = _said(rng.binomial(transport.suitable, t), transport.suitable)
        verdict += _said(rng.binomial(transport.unsuitable, f), transport.unsuitable)
        hits = rng.binomial(transport.batch, transport.rate * t + (1 - transport.rate) * f)
        approved = _said(hits, transport.batch)
        found = rogan_gladen(approved=approved, verdict=verdict, answer=answer).suitable_rate
        ours.add(found, transport.rate)
        if transport.peer:
            _, low, high = estimate_success_rate(answer, verdict, approved, JUDGY_RESAMPLES)
            peer.add(
                Estimate(value=low, low=low, high=high, method="judgy", n=len(answer)),
                transport.rate,
            )
    return [ours.tally()] + ([peer.tally()] if transport.peer else [])


def _said(yes: int, of: int) -> list[bool]:
    return [True] * yes + [False] * (of - yes)


# ---- the table -----------------------------------------------------------------------------------


def main() -> int:
    """Print one line per setting; 1 where one of ours is under the bar."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS
    start = time.perf_counter()
    error = math.sqrt(0.95 * 0.05 / replications)
    print(
        f"{replications} replications a line, Monte Carlo error ±{error:.4f} (one standard error)\n"
    )
    least = 1.0
    print("| audit | " + " | ".join(f"{rate}: coverage (mean width)" for rate in RATES) + " |")
    print("|---|" + "---|" * len(RATES))
    for audit in (*labels_only(), *powered()):
        tallies = run_audit(audit, replications)
        for part in range(0, len(tallies), len(RATES)):
            some = tallies[part : part + len(RATES)]
            kind = some[0].kind.split(":")[0]
            cells = " | ".join(f"{one.coverage:.3f} ({one.width:.3f})" for one in some)
            print(f"| {kind}: {audit.name} | {cells} |", flush=True)
            least = min(least, *(one.coverage for one in some))
    print("\n| Rogan–Gladen | coverage (mean width) | not identifiable | judgy |")
    print("|---|---|---|---|")
    for transport in (*known_short(), *grid()):
        ours, *peer = run_transport(transport, replications)
        beside = f"{peer[0].coverage:.3f} ({peer[0].width:.3f})" if peer else ""
        refused = 1 - ours.given / ours.asked
        print(
            f"| {transport.name} | {ours.coverage:.3f} ({ours.width:.3f}) | {refused:.1%} | {beside} |",
            flush=True,
        )
        least = min(least, ours.coverage)
    print(f"\nleast coverage {least:.3f}, bar {BAR}; {time.perf_counter() - start:.0f} s")
    return int(least < BAR)


if __name__ == "__main__":
    sys.exit(main())
