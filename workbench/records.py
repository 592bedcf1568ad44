"""The nouns: what is sold, generated, judged, drawn for people, answered, corrected, preferred.

Frozen records without behaviour. Every record names what it was made from, so that a trained
preference pair can be walked back to a person's click. Records that a model made are keyed by
content (`content_key`): the same model, prompt, photo and parameters give the same key, so that
work which is in the store already is found and not done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Aspects = Mapping[str, tuple[str, ...]]
"""Aspect name to its values, in the order given; most aspects have one value."""

Part = Literal["train", "eval"]
"""What an item may be used for. An item of `eval` never trains anything."""

GenerationKind = Literal["listing", "image", "title", "prompt", "alignment", "dialogue"]
"""What a model made: a listing from photos; an image; a title made short; the prompt of an image, before any
pixel; a catalogue's own listing, cut down to what its photos show; a talk between buyer and seller."""

Side = Literal["propose", "prove", "aside"]
"""What an item's answers may do to a rubric: suggest a change, or test one. `aside`: neither."""


def utcnow() -> datetime:
    """The present moment, with its time zone (UTC)."""
    return datetime.now(UTC)


def content_key(*parts: object) -> str:
    """Sha256 (64 hex digits) of `parts` as canonical JSON: equal content, equal key, on any machine.

    Raises:
        TypeError: A part is not made of JSON's types (mappings, sequences, str, int, float, bool, None).
        ValueError: A part holds NaN or infinity.
    """
    text = json.dumps(
        parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a piece of work took."""

    seconds: float = 0.0
    """Wall-clock seconds, this record's share of its batch."""
    prompt_tokens: int = 0
    """Tokens read, those taken from a shared prefix not counted again."""
    completion_tokens: int = 0
    images: int = 0
    """Images made."""
    device_memory_bytes: int = 0
    """Peak memory of the accelerator during the batch; 0 on a CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to sell, as its catalogue describes it."""

    id: str
    """`<catalogue>/<own id>`, unique in a store."""
    category: str
    """Id of the category in the item's schema; `""` where the catalogue does not say."""
    photos: tuple[str, ...] = ()
    """`sha256:<hex>` once in a store; before that whatever address its catalogue can open."""
    title: str | None = None
    aspects: Aspects = field(default_factory=dict)
    description: str | None = None
    price: float | None = None
    """In `currency` units; None where unknown, never 0 for unknown."""
    currency: str | None = None
    """ISO 4217, such as `USD`."""
    clicks: int | None = None
    impressions: int | None = None
    group: str = ""
    """Items that share a parent product or a seller: splits keep a group together. `""`: its own."""
    truth: Mapping[str, str] = field(default_factory=dict)
    """What is known to be in the photo, where it is known (a drawn item); empty elsewhere."""
    simulated: bool = False
    """True for items that nobody sells: drawn by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One row or file of a catalogue that could not be used, and why; the rest was loaded."""

    source: str
    """File (or address) in which it was found."""
    row: int | None
    """1 for the first line of the file (the header of a table); None where it is a whole file."""
    reason: str
    """What was wanted and what came, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which part a group of items belongs to; written once, never changed."""

    group: str
    part: Part
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A title, aspects and a price, generated or corrected."""

    title: str
    aspects: Aspects = field(default_factory=dict)
    price: float | None = None
    category: str | None = None
    """Id of the category that the listing states; None where it states none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What a model made: text or an image. Listings and images are judged, the others lead to them."""

    key: str
    """Content key of model revision, rendered prompt, input images and parameters."""
    kind: GenerationKind
    category: str
    model: str
    """The string that loaded it, such as `starter:listing`."""
    revision: str
    """Digest or commit of the weights, so that a silently changed model is a new one."""
    prompt: str
    """The rendered prompt, whole."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Decoding or diffusion parameters (JSON types)."""
    seed: int | None = None
    item: str | None = None
    """The item that it describes; None for a category image."""
    inputs: tuple[str, ...] = ()
    """Photos that the model saw, as `sha256:<hex>`."""
    listing: Listing | None = None
    """None where `kind` is neither `listing` nor `alignment`, or where the answer could not be read as one."""
    image: str | None = None
    """`sha256:<hex>` of the image made; None where `kind` is not `image`."""
    text: str | None = None
    """The model's answer as it came."""
    parent: str | None = None
    """Key of the attempt that this one improves on."""
    attempt: int = 1
    """1 for the first attempt."""
    details: Mapping[str, object] = field(default_factory=dict)
    """Evidence behind the output, such as predicted attributes with probabilities (JSON types)."""
    cost: Cost = field(default_factory=Cost)
    run: str | None = None
    simulated: bool = False
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionScore:
    """One criterion of one verdict."""

    criterion: str
    score: float | None
    """Expected value on the criterion's scale; None where the judge abstained, never counted as a fail."""
    distribution: tuple[float, ...] | None = None
    """Probability of each point of the scale, summing to 1; None where the engine gives none."""
    passed: bool | None = None
    """Score at or above the criterion's threshold; None where the judge abstained."""
    by: str = ""
    """Who answered: a model's string, or `instrument:<name>`."""
    reason: str | None = None
    """In words; asked only for what failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judge, one rubric version, one generation."""

    key: str
    """Content key of generation, judge revision, rubric digest and parameters."""
    generation: str
    judge: str
    revision: str
    rubric: str
    """`<name>@<version>`."""
    scores: tuple[CriterionScore, ...]
    failure_modes: tuple[str, ...] = ()
    """Ids from the rubric."""
    approved: bool | None = None
    """None where a criterion that decides was not answered, and none of the others failed."""
    confidence: float | None = None
    """Probability, 0 to 1, that a person approves, as the judge sees it; what thresholds act on.
    None where a criterion that decides was not answered."""
    cost: Cost = field(default_factory=Cost)
    run: str | None = None
    simulated: bool = False
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedItem:
    """One generation that was drawn for people."""

    generation: str
    verdict: str
    stratum: str
    """Such as `approved` or `rejected/mugs`."""
    inclusion_probability: float
    """Probability, over 0 and up to 1, with which the design drew it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A sample for people, drawn with known probabilities."""

    id: str
    judge: str
    rubric: str
    design: str
    """`uniform`, `stratified`, …; the parameters are in `parameters`."""
    seed: int
    strata: Mapping[str, int]
    """Stratum to the number of generations in the population that it stands for."""
    drawn: tuple[AuditedItem, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    run: str | None = None
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One person's answer about one generation, or about two that were shown side by side.

    An answer that was skipped or deleted stays, with nothing in it: `approved` and `preferred` are
    None, and scores, failure modes and note are empty.
    """

    id: str
    """The answer's own id where it was given, such as `label_studio:<server>/<project>/<task>/<annotation>`."""
    generation: str
    annotator: str
    """A person, `catalogue-truth` or `simulated:<name>`."""
    rubric: str
    approved: bool | None
    """None where the person did not say: skipped, deleted, or asked something else."""
    state: Literal["answered", "skipped", "deleted"] = "answered"
    against: str | None = None
    """The other generation where two were shown; None where there was one."""
    preferred: Literal["generation", "against", "tie", "neither"] | None = None
    """Which of the two is better; `tie`: both good, `neither`: both bad. None where there was one."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Criterion to the point chosen; criteria that were not answered are absent."""
    failure_modes: tuple[str, ...] = ()
    note: str | None = None
    seconds: float | None = None
    """Time that the person took; None where it was not measured."""
    blind: bool = True
    """False where the annotator saw the judge's answer first."""
    adjudicates: bool = False
    """True where others' answers were seen and differed: this one counts instead of theirs."""
    audit: str | None = None
    simulated: bool = False
    """True where no person answered: a simulation, or the catalogue's own truth."""
    run: str | None = None
    created_at: datetime = field(default_factory=utcnow)
    """When the answer was first given."""
    updated_at: datetime | None = None
    """When it was last changed where it was given; None where nobody keeps that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The better text, or the failure that a person named."""

    id: str
    annotation: str
    generation: str
    about: str
    """`title`, `aspects.<name>`, `price`, `prompt` or `failure_mode`."""
    before: str | None
    after: str | None
    """None where the person removed it."""
    withdrawn: bool = False
    """True where the person took the correction back, or deleted the answer that it belongs to."""
    simulated: bool = False
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """Chosen against rejected, and the corrections that it came from."""

    key: str
    item: str | None
    generation: str
    """The one that was rejected."""
    prompt: str
    images: tuple[str, ...]
    """`sha256:<hex>`."""
    chosen: str
    rejected: str
    corrections: tuple[str, ...] = ()
    source: str = ""
    """`correction`, `pairwise`, `five-class` or `attempts`."""
    against: str | None = None
    """The generation that was chosen; None where the chosen text is a correction or the aligned truth."""
    annotations: tuple[str, ...] = ()
    """Answers that say so; empty where a judge alone does."""
    simulated: bool = False
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSplit:
    """Whether an item's answers suggest changes of a rubric or test them; written once, never changed."""

    item: str
    """The item's id; `prompt:<key of the first attempt>` for an image that describes no item."""
    group: str
    """Product or seller that it shares with others, which are on the same side."""
    side: Side
    audit: str
    """Id of the audit that dealt it, which is the seed of the deal too."""
    pictures: tuple[str, ...] = ()
    """Perceptual hashes of its pictures, 16 hex digits each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricProposal:
    """One change of a rubric, with the answers that speak for it and against it."""

    key: str
    """Content key of everything below, the moment left out."""
    rubric: str
    """`<name>@<version>` that it changes."""
    audit: str
    """Id of the audit whose answers suggest it; `""` where a person wrote it."""
    kind: Literal["new criterion", "changed threshold", "worked example", "clearer wording"]
    about: str
    """Id of the criterion, or of the failure mode that the new one is made from."""
    edit: Mapping[str, object]
    """What changes: a `workbench.evolution.Edit` as JSON."""
    sentence: str
    """What it changes and why, for a person who decides."""
    items_for: tuple[str, ...] = ()
    """Keys of the generations that speak for it."""
    items_against: tuple[str, ...] = ()
    """Keys of suitable generations that it would cost, as far as that is known beforehand."""
    read: tuple[str, ...] = ()
    """Keys of all generations whose answers were looked at; none of their items may prove it."""
    effect: Mapping[str, object] = field(default_factory=dict)
    """Name to estimate (JSON) on the items that were read: what it would catch, and what it would cost."""
    p_value: float | None = None
    """None where no test stands behind it."""
    q_value: float | None = None
    """`p_value` after Benjamini and Hochberg over all changes that were tried."""
    simulated: bool = False
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricEvent:
    """Something that happened to a rubric: a person decided, a version was made, tested, taken into use."""

    id: str
    rubric: str
    """Name, without the version."""
    kind: Literal["accepted", "edited", "refused", "made", "tested", "used"]
    about: str
    """Key of the proposal decided on; else `<name>@<version>`."""
    by: str
    """Who: a person's login, or the command."""
    why: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    """What belongs to it (JSON types), such as the measured effect."""
    simulated: bool = False
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One start of one command."""

    id: str
    command: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """Library to version, and `machine`: cores, memory, accelerator in words."""
    created_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened to a run: it started a stage, ended one, finished, failed."""

    id: str
    run: str
    kind: Literal["started", "stage", "finished", "failed", "stopped"]
    stage: str = ""
    done: int = 0
    """Records that the stage made now."""
    known: int = 0
    """Records that it found in the store and did not make again."""
    cost: Cost = field(default_factory=Cost)
    pace: tuple[tuple[int, float], ...] = ()
    """Records made and the seconds that they took, piece after piece; the first piece holds what starting took."""
    inside: bool = False
    """The stage took turns with others inside another stage, whose seconds hold its own."""
    note: str = ""
    created_at: datetime = field(default_factory=utcnow)


Record = (
    Item
    | Split
    | Generation
    | Verdict
    | Audit
    | Annotation
    | Correction
    | PreferencePair
    | ProofSplit
    | RubricProposal
    | RubricEvent
    | Run
    | RunEvent
)
