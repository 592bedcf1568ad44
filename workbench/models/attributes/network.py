"""The network: one trunk on photo features, a linear head per task, many copies trained at once.

Copies ("arms") differ in the photos that they see. Those that leave a fold out say when to stop and how
sure the heads may be; those that see everything are what is kept. One batched product trains them all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.models.attributes.targets import Targets

if TYPE_CHECKING:
    from torch import Tensor


class Arms:
    """`arms` multi-task networks of equal shape, with weights of their own."""

    def __init__(self, *, arms: int, inputs: int, hidden: int, outputs: int, tasks: int) -> None:
        import torch

        self.parameters: dict[str, Tensor] = {
            "trunk": torch.randn(arms, inputs, hidden) / math.sqrt(inputs),
            "trunk_offset": torch.zeros(arms, 1, hidden),
            "heads": 0.1 * torch.randn(arms, hidden, outputs) / math.sqrt(hidden),
            "heads_offset": torch.zeros(arms, 1, outputs),
            "log_variance": torch.zeros(arms, tasks),  # of each task
        }
        for tensor in self.parameters.values():
            tensor.requires_grad_()

    def __call__(self, x: Tensor, *, dropout: float = 0.0, input_dropout: float = 0.0) -> Tensor:
        """Features, shape (n, d), to outputs, (arms, n, outputs)."""
        import torch
        from torch.nn import functional

        own = self.parameters
        x = x.expand(len(own["trunk"]), *x.shape)
        x = functional.dropout(x, input_dropout)  # at 0 it changes nothing
        hidden = functional.gelu(torch.bmm(x, own["trunk"]) + own["trunk_offset"])
        return torch.bmm(functional.dropout(hidden, dropout), own["heads"]) + own["heads_offset"]

    def weighed(self, losses: Tensor, fixed: Tensor | None) -> Tensor:
        """Losses, shape (arms, tasks), as one number.

        Args:
            losses: Of each arm and task.
            fixed: Shape (tasks,), weights; None: each task's learnt uncertainty weighs it.

        Source: Kendall, Gal & Cipolla 2018, arXiv:1705.07115, equation 10.
        """
        import torch

        if fixed is not None:
            return (losses * fixed).sum()
        log_variance = self.parameters["log_variance"]
        return (torch.exp(-log_variance) * losses + log_variance / 2).sum()

    def weight_groups(self, weight_decay: float) -> list[dict[str, object]]:
        """Parameters for an optimiser: matrices decay, offsets and variances do not."""
        matrices = ("trunk", "heads")
        others = [p for name, p in self.parameters.items() if name not in matrices]
        return [
            {
                "params": [self.parameters[name] for name in matrices],
                "weight_decay": weight_decay,
            },
            {"params": others, "weight_decay": 0.0},
        ]


class TaskLosses:
    """The mean loss of each arm and task, missing values left out."""

    def __init__(self, targets: Targets, *, balance: float, price: tuple[float, float]) -> None:
        """Hold targets as tensors.

        Args:
            targets: Of n photos.
            balance: Power, 0 to 1, of the inverse frequency that weighs the classes of a task.
            price: Mean and standard deviation of ln(1 + price) over the training photos.
        """
        import torch

        self._tasks, self._spans = targets.tasks, targets.spans()
        self._answers = torch.from_numpy(targets.answers)
        self._known = torch.from_numpy(targets.known)
        self._classes = [
            _class_weights(self._answers[:, span] * self._known[:, t, None], balance)
            for t, span in enumerate(self._spans)
        ]
        self._price = None
        if targets.log_price is not None:
            scaled = torch.from_numpy((targets.log_price - price[0]) / price[1]).float()
            self._price = (torch.nan_to_num(scaled), (~torch.isnan(scaled)).float())

    @property
    def count(self) -> int:
        """Tasks, the price among them."""
        return len(self._tasks) + (self._price is not None)

    def __call__(self, outputs: Tensor, rows: Tensor, shares: Tensor) -> Tensor:
        """Losses, shape (arms, tasks).

        Args:
            outputs: Shape (arms, b, outputs).
            rows: Shape (b,), which photos these are.
            shares: Shape (arms, b), how much each photo counts for each arm.
        """
        import torch
        from torch.nn import functional

        found = []
        for t, (task, span) in enumerate(zip(self._tasks, self._spans, strict=True)):
            logits, answers = outputs[..., span], self._answers[rows][:, span]
            weight = shares * self._known[rows, t]
            if task.several:
                each = functional.binary_cross_entropy_with_logits(
                    logits, answers.expand_as(logits), reduction="none"
                ).sum(-1)
            else:
                each = -(answers * functional.log_softmax(logits, -1)).sum(-1)
                weight = weight * (answers @ self._classes[t])
            found.append(_mean(each, weight))
        if self._price:
            values, there = self._price
            error = (outputs[..., -1] - values[rows]) ** 2 / 2
            found.append(_mean(error, shares * there[rows]))
        return torch.stack(found, 1)


def _class_weights(answers: Tensor, balance: float) -> Tensor:
    """Weight of each class, shape (classes,): 1 on average over photos where `balance` is 1."""
    import torch

    counts = answers.sum(0)
    seen = counts > 0
    share = counts.sum() / (seen.sum() * counts.clamp(min=1))
    return torch.where(seen, share**balance, torch.ones_like(share))


def _mean(each: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over photos, shape (arms,); 0 where nothing counts."""
    return (each * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
