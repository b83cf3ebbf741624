"""``sanas show``: one network as tables in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..arch import ImageShape, NetArch
from ..blocks import Stage, fold
from ..combine import CombinedSpace
from ..cost import Cost
from ..draw import layer_rows
from ..errors import ConfigError, SanasError
from ..picture import percent_of
from ..registry import SEARCHSPACE
from ..report.compare import network_of, read_named
from ..searching.places import STUDY_NAME
from .arguments import parse_configs, parse_numbers, parse_shape
from .completion import complete_space
from .modules import Modules, import_modules
from .terminal import AsJson, amount, console, fail, plain, print_json


def show_command(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="SPACE",
            autocompletion=complete_space,
            help="Names of search spaces, which chain; or a run, an architecture file or a best.json.",
        ),
    ],
    config: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help="Config of a space, in order, once per space.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(metavar="T,T,...", help="Tokens; by default the initial ones.")] = None,
    shape: Annotated[str | None, typer.Option(metavar="CxHxW", help="Image shape for sizes and costs.")] = None,
    layers: Annotated[bool, typer.Option("--layers", help="List every layer, not only blocks of them.")] = False,
    draw: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the network into this SVG file, too.")] = None,
    study: Annotated[str, typer.Option(help="Name of the search in a database.")] = STUDY_NAME,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Show one network: what its tokens pick, its blocks and shapes, its cost. Of a run the best one.

    Examples:
    sanas show MobileNetV2Space;
    sanas show MobileNetV2BlockSpace --config '{"block_mask": [0, 1]}' --tokens 5,6,1,0,5,8,2,1 --shape 3x32x32;
    sanas show runs/search --layers --draw network.svg
    """
    try:
        import_modules(modules)
        image = parse_shape(shape)
        network, configs, options = _network(what, config or [], parse_numbers(tokens), study)
        cost = network.cost(image)
        if draw is not None:
            _draw(network, image, draw)
        if as_json:
            print_json(_as_json(network, configs, cost, image))
            return
        graph = network.graph(image)
        table = network.table(image) if layers else None
    except SanasError as error:
        fail(error)
    if network.choices:
        console.print(_choices(network, options))
        console.print()
    size = "x".join(map(str, image or network.input_shape))
    if table is not None:
        console.print(table, markup=False, soft_wrap=True)
    else:
        console.print(f"{network.name} on {size}", markup=False, soft_wrap=True)
        console.print(_blocks(fold(graph), cost))
    console.print(
        f"\nFLOPs {cost.flops:,}   parameters {cost.params:,}   peak activations "
        f"{amount(cost.peak_activation_bytes)}B   hash {network.hash(image)}",
        soft_wrap=True,
    )
    if draw is not None:
        console.print(f"drawing {draw}", markup=False, soft_wrap=True)


def _network(
    what: list[str], configs: list[str], tokens: list[int] | None, study: str
) -> tuple[NetArch, list[Any], dict[str, tuple[Any, ...]]]:
    """The network, the configs of its space, and the options of each choice where they are known."""
    if len(what) == 1 and what[0] not in SEARCHSPACE and _is_file(what[0]):
        if configs or tokens is not None:
            raise ConfigError(f"{what[0]} is a network by itself: --config and --tokens go with names of spaces")
        named = read_named(what[0], study=study)
        network = network_of(named)
        if named.result is None:
            return network, [], {}
        return network, named.result.settings["configs"], _options(named.result.space.table)
    space = CombinedSpace(parse_configs(what, configs))
    return space.token2arch(tokens).network, space.configs, _options(space.table)


def _is_file(name: str) -> bool:
    return Path(name).exists() or "/" in name or name.endswith((".json", ".journal", ".db"))


def _options(table: Any) -> dict[str, tuple[Any, ...]]:
    return {field.label: field.options for field in table.fields}


def _draw(network: NetArch, shape: ImageShape | None, path: Path) -> None:
    if path.suffix.lower() != ".svg":
        raise ConfigError(f"--draw {path}: expected a file that ends in .svg")
    try:
        network.draw(shape).save(path)
    except OSError as error:
        raise ConfigError(f"--draw {path}: {error.strerror or error}") from None


def _choices(network: NetArch, options: dict[str, tuple[Any, ...]]) -> Table:
    """What each token picks, and from what."""
    table = Table("token", "choice", "picks", "of", box=None, pad_edge=False, header_style="bold")
    for token, (label, picked) in zip(network.tokens, network.choices.items(), strict=True):
        known = " ".join(map(str, options.get(label, ())))
        table.add_row(str(token), plain(label), f"[bold]{plain(str(picked))}[/]", plain(known))
    return table


def _blocks(stages: list[Stage], cost: Cost) -> Table:
    """The blocks of each stage: what they do, their results, their share of the FLOPs."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("maps", "block", "what it does"):
        table.add_column(heading, overflow="fold")
    table.add_column("output", no_wrap=True)
    for heading in ("params", "FLOPs", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in stages:
        maps = "x".join(map(str, stage.size)) if stage.size else "vectors"
        for block in stage.blocks:
            times = f"{block.repeats} times: " if block.repeats > 1 else ""
            lines = [times + line if number == 0 else line for number, line in enumerate(block.lines)]
            lines += [f"({tap} from here)" for tap in block.taps]
            share = percent_of(block.flops, cost.flops)
            output = "x".join(map(str, block.output_shape))
            words = plain("\n".join(lines))
            table.add_row(maps, plain(block.name), words, output, f"{block.params:,}", f"{block.flops:,}", share)
            maps = ""
    table.add_row("", "total", f"depth {cost.depth}", "", f"{cost.params:,}", f"{cost.flops:,}", "")
    return table


def _as_json(network: NetArch, configs: list[Any], cost: Cost, shape: ImageShape | None) -> dict[str, Any]:
    """What ``sanas show`` tells, for programs."""
    keys = ("name", "operation", "output", "params", "flops")
    return {
        "configs": configs,
        "tokens": network.tokens,
        "choices": network.choices,
        "input_shape": list(shape or network.input_shape),
        "output_shape": list(cost.output_shape),
        "cost": cost.metrics(),
        "hash": network.hash(shape),
        "layers": [dict(zip(keys, row, strict=True)) for row in layer_rows(network.graph(shape))],
    }
