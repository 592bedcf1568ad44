"""How a model is trained: one frozen record, read from a YAML file that says which value is wrong and where.

Ready plans ship in `configs/`: `cpu`, `one-gpu`, and `opal-8gpu`, the set-up of arXiv:2508.10116 as far as it
is published. Learning rates and β are not; those of the file are usual defaults.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench import _yaml
from workbench.errors import SettingsError

if TYPE_CHECKING:
    from pydantic import BaseModel

CONFIGS = Path(__file__).parent / "configs"
"""Folder of the plans and of the launcher's settings that ship."""

Method = Literal["sft", "dpo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Everything that decides how a model is trained, its data aside. The vision tower is always frozen."""

    method: Method
    learning_rate: float
    """Highest rate of AdamW, reached after the warm-up; then half a cosine down to 0."""
    epochs: float = 1.0
    """Times that every row is seen; not looked at where `steps` is set."""
    steps: int | None = None
    """Steps of the optimizer; None: as many as `epochs` takes."""
    batch: int = 8
    """Rows (or pairs) on one device at a time."""
    accumulation: int = 1
    """Batches whose gradients make one step."""
    devices: int = 1
    """Processes for which this was planned: the rows of one step are batch × accumulation × devices."""
    weights: Literal["full", "lora"] = "full"
    """`lora`: adapters on the part that writes; the finished folder holds them merged."""
    lora_rank: int = 16
    lora_alpha: int = 32
    projector: Literal["frozen", "tuned"] = "frozen"
    """What joins the vision tower to the language model. Frozen, photos are encoded once for all epochs."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16`: computed in it, weights and optimizer kept in float32."""
    saved_as: Literal["float32", "bfloat16"] = "float32"
    """How the finished weights are written. bfloat16 has 8 bits of mantissa: small steps are lost in it."""
    weight_decay: float = 0.0
    warmup: float = 0.1
    """Share of all steps, 0 to 1, in which the rate rises."""
    max_length: int | None = None
    """Tokens of prompt and answer together that a row may have. A longer row is an error that is told before
    training starts: nothing is ever cut. None: any length."""
    max_megapixels: float = 16.0
    """Photos above are an error that is told before training starts."""
    group_by_length: bool = True
    """Rows of like length come together; which ones follows from `seed` and the epoch alone."""
    gradient_checkpointing: bool = False
    """Compute activations twice to keep fewer of them."""
    attention: Literal["eager", "sdpa"] = "sdpa"
    """`eager` trains small models faster on a CPU."""
    evaluate_every: int | None = None
    """Steps between looks at held-out rows; None: at the end of each epoch."""
    save_every: int | None = None
    """Steps between checkpoints; None: at the end of each epoch. With held-out rows a checkpoint follows each
    look at them."""
    patience: int | None = None
    """Looks without improvement after which training stops; None: it runs to its end."""
    seed: int = 0
    beta: float = 0.1
    """DPO: how strongly preferences pull against the reference."""
    sft_weight: float = 0.0
    """DPO: weight of the negative log-likelihood of what is chosen. Pure DPO can damage the form of answers."""
    kl_weight: float = 0.0
    """DPO: weight λ of the explicit KL term to the reference (arXiv:2508.10116, eq. 3)."""
    feature_gigabytes: float = 20.0
    """Disk that encoded photos may take; where they would take more, photos are encoded as they come."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be used.

        Raises:
            SettingsError: One is out of its range; the message names it.
        """
        at_least_one = ("batch", "accumulation", "devices", "lora_rank", "lora_alpha")
        for name in at_least_one:
            _want(name, getattr(self, name), "1 or more", getattr(self, name) >= 1)
        for name in ("steps", "max_length", "evaluate_every", "save_every", "patience"):
            value = getattr(self, name)
            _want(name, value, "1 or more, or nothing", value is None or value >= 1)
        for name in ("learning_rate", "epochs", "beta", "max_megapixels"):
            _want(name, getattr(self, name), "over 0", getattr(self, name) > 0)
        for name in ("sft_weight", "kl_weight", "weight_decay", "feature_gigabytes"):
            _want(name, getattr(self, name), "0 or more", getattr(self, name) >= 0)
        _want("warmup", self.warmup, "0 to 1", 0 <= self.warmup <= 1)
        if self.weights == "lora" and self.projector == "tuned":
            raise SettingsError(
                "want `projector: frozen` with `weights: lora`: adapters are on the part that writes alone; "
                "use `weights: full` to train the projector"
            )

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def _want(name: str, value: object, wanted: str, fine: bool) -> None:
    if not fine:
        raise SettingsError(f"want `{name}` of {wanted} in a training plan, got {value!r}")


def plan_names() -> tuple[str, ...]:
    """The plans that ship."""
    return tuple(sorted(path.stem for path in CONFIGS.glob("*.yaml")))


def load_plan(name: str | Path, method: Method) -> TrainingPlan:
    """The plan for `method` of a file, or of one that ships.

    A file has one section for each method, `sft` and `dpo`, with the fields of `TrainingPlan`; a line `about`
    may stand above them.

    Args:
        name: `cpu`, `one-gpu`, `opal-8gpu`, or the path of a YAML file.
        method: Which section.

    Raises:
        SettingsError: There is no such file, it has no such section, or something in it is wrong: every
            problem is named with its line.
    """
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"} and str(name) in plan_names():
        path = CONFIGS / f"{name}.yaml"
    if not path.is_file():
        raise SettingsError(
            f"want a training plan, {', '.join(plan_names())} or a YAML file; got {str(name)!r}, which is neither"
        )
    text = path.read_text(encoding="utf-8")
    try:
        document = _yaml.read(text, where=path.name)
    except _yaml.UnreadableError as error:
        raise SettingsError(str(error)) from error
    found = _yaml.problems(document, _shape(), where=path.name)
    if found:
        raise SettingsError(_yaml.sentence(f"the training plan {path.name}", found))
    if method not in document.data:
        there = ", ".join(key for key in document.data if key != "about") or "none"
        raise SettingsError(
            f"want a section `{method}` in the training plan {path.name}; there is {there}"
        )
    try:
        return TrainingPlan(method=method, **document.data[method])
    except SettingsError as error:
        raise SettingsError(f"{path.name}:{document.line((method,))}: {error}") from error


def _shape() -> type[BaseModel]:
    """The file's shape, made from the fields of `TrainingPlan`."""
    import dataclasses
    import typing

    from pydantic import ConfigDict, create_model

    hints = typing.get_type_hints(TrainingPlan)
    fields: dict[str, typing.Any] = {
        field.name: (
            hints[field.name],
            ... if field.default is dataclasses.MISSING else field.default,
        )
        for field in dataclasses.fields(TrainingPlan)
        if field.name != "method"
    }
    section = create_model("Section", __config__=ConfigDict(extra="forbid"), **fields)
    optional: typing.Any = (section | None, None)
    whole: type[BaseModel] = create_model(
        "PlanFile",
        __config__=ConfigDict(extra="forbid"),
        about=(str, ""),
        sft=optional,
        dpo=optional,
    )
    return whole
