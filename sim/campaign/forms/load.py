"""From a campaign's name or file to a Campaign; everything that is wrong with it is said at once."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.campaign.forms.assets import asset_of, asset_tree
from sim.campaign.forms.entries import entry_of
from sim.campaign.forms.tables import MOST_RUNS, CampaignForm
from sim.campaign.records import (
    Asset,
    CalendarTeam,
    Campaign,
    DataLump,
    PublishedSum,
    RunEntry,
)
from sim.errors import InputError, ScenarioError, unknown_name
from sim.scenario.messages import error_lines
from sim.scenario.source import overridden, read_toml

NAMED = ("assets", "runs", "teams", "data")
"""Lists whose tables have a name, by which overrides can call them."""


def campaign_names() -> list[str]:
    """Return the names of the campaigns that ship with the project.

    >>> "small" in campaign_names()
    True
    """
    folder = files("experiments") / "campaigns"
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".toml"))


def load_campaign(name_or_path: str, overrides: Iterable[str] = (), allow_plugins: bool = False) -> Campaign:
    """Return a campaign that ships with the project, or that of a file; overrides as in `runs.NAME.count=3`.

    Scenarios that are files lie beside the campaign's; a topology "module:function" of an asset is imported only with
    allow_plugins. Raises InputError with a line for each thing that is wrong: the
    file, the dotted key, what it got and expected, the nearest key or name.

    >>> load_campaign("small", ["seed=7"]).seed
    7
    """
    path = Path(name_or_path).expanduser()
    if not (name_or_path.endswith(".toml") or "/" in name_or_path):
        if name_or_path not in campaign_names():
            raise unknown_name("campaign", name_or_path, campaign_names(), "campaign (a file would end in .toml)")
        path = Path(str(files("experiments") / "campaigns" / f"{name_or_path}.toml"))
    tree = read_toml(path, "a campaign in TOML, or the name of one")
    tree = overridden(tree, [indexed(tree, override) for override in overrides])
    return campaign_of(tree, name_or_path, path.parent, allow_plugins)


def indexed(tree: Mapping[str, Any], override: str) -> str:
    """Return an override in which a table of a list is called by its place instead of its name.

    >>> indexed({"runs": [{"name": "a"}, {"name": "b c"}]}, "runs.b c.count=3")
    'runs.1.count=3'

    Raises UnknownNameError for a table that the list does not hold.
    """
    part, _, rest = override.partition(".")
    rows = tree.get(part) if part in NAMED else None
    if not isinstance(rows, list) or not rest:
        return override
    names = [str(row.get("name")) if isinstance(row, Mapping) else "" for row in rows]
    for index, name in enumerate(names):
        if name and rest.startswith(f"{name}."):
            return f"{part}.{index}.{rest[len(name) + 1 :]}"
    first = rest.partition("=")[0].partition(".")[0]
    if first.isdigit() or not first:
        return override
    raise unknown_name("name", first, names, f"--set {part}")


def campaign_of(tree: Mapping[str, Any], source: str, folder: Path, allow_plugins: bool = False) -> Campaign:
    """Return the campaign of a tree of keys; folder: in which the files lie that it names."""
    try:
        form = CampaignForm.model_validate(tree)
    except ValidationError as error:
        raise InputError("\n".join(f"{source}: {line}" for line in error_lines(error, CampaignForm))) from None
    _refuse([*_faults(form)], source)
    assets, entries = _resolved(form, source, folder, allow_plugins)
    campaign = Campaign(
        name=form.name,
        source=source,
        start=form.start,
        seed=form.seed,
        policy=form.queue,
        assets=assets,
        runs=entries,
        teams=tuple(CalendarTeam(name=t.name, fte=t.fte, start=t.from_, end=t.to) for t in form.teams),
        data=tuple(DataLump(name=each.name, usd=each.cost, source=each.source) for each in form.data),
        published=tuple(
            PublishedSum(
                figure=each.figure,
                runs=tuple(each.runs),
                value=each.value,
                source=each.source,
                gap=tuple((gap.what, gap.gpu_hours) for gap in each.gap),
            )
            for each in form.published
        ),
        notes=tuple(form.notes),
    )
    _refuse([*_misfits(campaign)], source)
    return campaign


def _refuse(lines: list[str], source: str) -> None:
    if lines:
        raise ScenarioError("\n".join(f"{source}: {line}" for line in lines))


def _resolved(
    form: CampaignForm, source: str, folder: Path, allow_plugins: bool
) -> tuple[tuple[Asset, ...], tuple[RunEntry, ...]]:
    """Return assets and entries; what is wrong with any of them is said together."""
    lines: list[str] = []
    trees, assets, entries = {}, {}, []
    for each in form.assets:
        try:
            trees[each.name] = asset_tree(each, folder)
            assets[each.name] = asset_of(each, trees[each.name], form.start, allow_plugins)
        except InputError as error:
            lines += [f"assets.{each.name}: {line}" for line in str(error).splitlines()]
    for run in form.runs:
        name = run.asset or form.assets[0].name
        try:
            if name in assets:
                entries.append(entry_of(run, assets[name], trees[name], form.start, folder))
        except InputError as error:
            lines += [f"runs.{run.name}: {line}" for line in str(error).splitlines()]
    _refuse(lines, source)
    return tuple(assets.values()), tuple(entries)


def _faults(form: CampaignForm) -> Iterator[str]:
    """Yield what is wrong between tables: names given twice or unknown, waiting in a circle, too many runs."""
    runs, assets = [run.name for run in form.runs], [asset.name for asset in form.assets]
    for part, names in (("runs", runs), ("assets", assets), ("teams", [t.name for t in form.teams])):
        twice = dict.fromkeys(name for index, name in enumerate(names) if name in names[:index])
        yield from (f"{part}: the name '{name}' is given twice" for name in twice)
    for run in form.runs:
        yield from (
            str(unknown_name("run", name, runs, f"runs.{run.name}.after")) for name in run.after if name not in runs
        )
        if run.asset is None and len(assets) > 1:
            yield f"runs.{run.name}.asset: is missing; expected one of {', '.join(assets)}"
        if run.asset is not None and run.asset not in assets:
            yield str(unknown_name("asset", run.asset, assets, f"runs.{run.name}.asset"))
    for index, each in enumerate(form.published):
        where = f"published.{index}.runs"
        yield from (str(unknown_name("run", name, runs, where)) for name in each.runs if name not in runs)
    circle = _circle({run.name: run.after for run in form.runs})
    if circle:
        yield f"runs: {' after '.join(circle)}: a circle in which nothing begins"
    total = sum(run.count * run.attempts for run in form.runs)
    if total > MOST_RUNS:
        yield f"runs: got {total} runs and attempts; expected at most {MOST_RUNS}"


def _circle(after: Mapping[str, list[str]]) -> list[str]:
    """Return runs of which each waits for the next, and the last for the first; none where there is no circle.

    >>> _circle({"a": ["b"], "b": ["a"], "c": []})
    ['a', 'b', 'a']
    """
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in after.get(name, ()):
            if found := walk(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in after if (found := walk(name, []))), [])


def _misfits(campaign: Campaign) -> Iterator[str]:
    """Yield what does not fit the assets: more nodes than there are, a day before they are there."""
    assets = {asset.name: asset for asset in campaign.assets}
    for run in campaign.runs:
        asset = assets[run.asset]
        if run.nodes > asset.nodes:
            yield f"runs.{run.name}: got {run.nodes:,} nodes; asset '{asset.name}' has {asset.nodes:,}"
