"""Training of vision-language models on a catalogue's own words and on what people prefer.

`train_sft` and `train_dpo` run TRL's trainers with the traps taken out: rows are checked one by one first, photos
are encoded once, a pair's prompt is computed once, a killed run goes on to the same bits.
"""

from workbench.training.checking import (
    Checked,
    Fault,
    TokenReport,
    check_format,
    check_rows,
    token_report,
)
from workbench.training.dpo import train_dpo
from workbench.training.examples import (
    Example,
    Pair,
    Turn,
    listing_example,
    mix,
    to_dataset,
    training_pair,
)
from workbench.training.plan import CONFIGS, TrainingPlan, load_plan, plan_names
from workbench.training.reading import Reader
from workbench.training.run import Trained, read_log, read_trained
from workbench.training.sft import train_sft

__all__ = [
    "CONFIGS",
    "Checked",
    "Example",
    "Fault",
    "Pair",
    "Reader",
    "TokenReport",
    "Trained",
    "TrainingPlan",
    "Turn",
    "check_format",
    "check_rows",
    "listing_example",
    "load_plan",
    "mix",
    "plan_names",
    "read_log",
    "read_trained",
    "to_dataset",
    "token_report",
    "train_dpo",
    "train_sft",
    "training_pair",
]
