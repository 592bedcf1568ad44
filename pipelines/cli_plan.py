"""`workbench plan`: hours, machines and money for many items, from a run that was recorded on few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import ImagesOption, JsonOption, StoreOption, open_store, tell

if TYPE_CHECKING:
    from pipelines.plan import Plan
    from workbench.metrics.estimate import Estimate

PLAN_EPILOG = (
    "\b\nExamples:\n  workbench plan --store demo --items 1000000 --machines 8 --price 2.50"
    "\n  workbench plan --store demo --items 1000000 --hours 24"
    "\n  workbench plan --store demo --money 500 --price 2.50"
)


def plan_command(
    store: StoreOption = None,
    images: ImagesOption = None,
    run: Annotated[
        str | None,
        typer.Option(
            help="A run's id, or its beginning (workbench status); default: the latest that made something."
        ),
    ] = None,
    items: Annotated[int, typer.Option(min=1, help="How many are to be done.")] = 1_000_000,
    machines: Annotated[
        int | None,
        typer.Option(min=1, help="Like the one of the run, each with an equal share; default: 1."),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0, help="Say how many machines do it in this time, instead of --machines."
        ),
    ] = None,
    money: Annotated[
        float | None,
        typer.Option(min=0, help="Say how many items this pays for, instead of --items."),
    ] = None,
    price: Annotated[float, typer.Option(min=0, help="Of a machine, per hour.")] = 0.0,
    price_in: Annotated[
        float,
        typer.Option(
            min=0, help="Of a million tokens that models read, where a server bills them."
        ),
    ] = 0.0,
    price_out: Annotated[
        float, typer.Option(min=0, help="Of a million tokens that they write.")
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Foretell what many items would take, from the pace of a recorded run.

    Time grows with the items, besides what each machine takes to start; waiting for people is not in it.
    """
    from pipelines.plan import Prices, items_for, machines_for, make_plan, read_recorded
    from workbench.errors import SettingsError

    if machines is not None and hours is not None:
        raise SettingsError("want --machines or --hours, got both: one follows from the other")
    paid = price or price_in or price_out
    if money is not None and not paid:
        raise SettingsError(
            f"--money {money:g} pays for nothing that has a price: give --price, --price-in or --price-out"
        )
    if money is not None and hours is not None:
        raise SettingsError(
            "want --money or --hours, got both: how many items --money pays for rests on --machines"
        )
    prices = Prices(machine_hour=price, tokens_in=price_in, tokens_out=price_out) if paid else None
    with open_store(store, images) as opened:
        recorded = read_recorded(opened, run)
    if money is not None:
        assert prices is not None
        items = items_for(recorded, money=money, machines=machines or 1, prices=prices)
        if not items:
            raise SettingsError(
                f"--money {money:g} does not even pay for the start of {machines or 1} machines"
            )
    if hours is not None:
        machines = machines_for(recorded, items=items, hours=hours)
    plan = make_plan(recorded, items=items, machines=machines or 1, prices=prices)
    tell(as_json, plan.as_dict(), lambda: describe_plan(plan))


def describe_plan(plan: Plan) -> str:
    """As text for a terminal."""
    several = f"{plan.machines:,} machines, each" if plan.machines > 1 else "one machine"
    lines = [
        f"{plan.items:,} items on {several} like that of run {plan.run} ({plan.command}, "
        f"{plan.recorded_items:,} items, {plan.machine}):",
        "",
    ]
    width = max(len(stage.name) for stage in plan.stages) + 2
    for stage in plan.stages:
        tokens = stage.tokens_in + stage.tokens_out
        lines.append(
            f"  {' ' * 2 * stage.inside}{stage.name:<{width}}"
            f"{time_of(stage.hours)}, {stage.rate.value:,.3g} a second, {stage.per_item:.3g} an item"
            + (f", {tokens / 1e6:,.1f} million tokens" if tokens else "")
        )
    if any(stage.inside for stage in plan.stages):
        lines.append("  Indented stages take turns inside the one above.")
    lines += ["", f"All: {time_of(plan.hours)}."]
    if plan.hours.low is None:
        lines[-1] += f" No interval: {plan.hours.reason}, which a run on more items gives."
    if plan.cost is not None:
        between = (
            "" if plan.cost.low is None else f" ({plan.cost.low:,.2f} to {plan.cost.high:,.2f})"
        )
        lines.append(f"Cost: {plan.cost.value:,.2f}{between}.")
    if plan.checked is not None:
        told = plan.checked
        low, high = told.foretold.low, told.foretold.high
        right = low is not None and high is not None and low <= told.took <= high
        lines.append(
            f"Checked on the run itself: from its first {told.from_records:,} records the rest of its longest stage "
            f"is foretold to take {told.foretold.value:,.1f} s ({low:,.1f} to {high:,.1f}); it took {told.took:,.1f} s, "
            f"{'inside' if right else 'outside'} the interval"
            + (
                "."
                if right
                else ": its pace changed while it ran, so trust the plan less than its interval."
            )
        )
    return "\n".join(lines)


def time_of(hours: Estimate) -> str:
    """A time with its interval, in the unit that fits."""
    assert hours.value is not None
    unit, name = next(
        ((u, n) for u, n in ((24, "days"), (1, "hours"), (1 / 60, "minutes")) if hours.value >= 2 * u),
        (1 / 3600, "seconds"),
    )  # fmt: skip
    value = f"{hours.value / unit:,.1f}"
    if hours.low is None or hours.high is None:
        return f"{value} {name}"
    return f"{value} {name} ({hours.low / unit:,.1f} to {hours.high / unit:,.1f})"
