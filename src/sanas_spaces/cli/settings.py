"""Files of settings for ``sanas search -c``: what may stand in them, and reading it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, did_you_mean
from ..searching import ALGORITHMS, PRUNERS
from . import values
from .arguments import parse_configs

DEFAULT_SPACE = "MobileNetV2BlockSpace"
DEFAULT_CONFIG = {"block_mask": [1, 0, 1, 0]}
DEFAULT_START = [1, 4, 0, 0, 1, 5, 0, 0, 2, 6, 0, 0, 2, 7, 0, 0]
"""A network made by hand for the default space: what the search has to beat."""
DEFAULT_STEPS = 20
DEFAULT_FLOPS = 400e3


@dataclass(frozen=True)
class Setting:
    """One key of a file.

    Attributes:
        default: What holds without it.
        read: Gives the value as a search wants it; raises ValueError with what was expected.
        about: What it does, for people.
    """

    default: Any
    read: Callable[[Any], Any]
    about: str


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a YAML file. Nothing in it is evaluated.

    Raises:
        ConfigError: It cannot be read, or one of its keys or values is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_twice(text)
        content = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"-c {path}: {error.strerror or error}; sanas init writes such a file") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected lines of KEY: VALUE, not {content!r:.60}")
    found = {}
    for key, value in content.items():
        if key not in SETTINGS:
            raise ConfigError(f"{path}: unknown key {key!r}; {did_you_mean(str(key), tuple(SETTINGS))}")
        try:
            found[key] = SETTINGS[key].read(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{path}: {key} = {value!r}: expected {error}") from None
    return found


def merge(
    of_file: Mapping[str, Any], typed: Mapping[str, Any], spaces: Sequence[str], configs: Sequence[str]
) -> dict[str, Any]:
    """All settings of a search: what was typed, else what the file says, else what holds by default.

    The first candidate and the constraint of the default space do not go with other spaces.

    Args:
        of_file: Settings of a file, as ``read_file`` gives them.
        typed: Values of options, None where there was none.
        spaces: Names of spaces that were typed.
        configs: JSON texts of their configs.
    """
    defaults = {key: setting.read(setting.default) for key, setting in SETTINGS.items()}
    if spaces or "spaces" in of_file:
        defaults["constraints"] = None
    if spaces or configs or "spaces" in of_file:
        defaults["tokens"] = None
    found = {**defaults, **of_file}
    if spaces or configs:
        found["spaces"] = parse_configs(spaces or [name for name, _ in found["spaces"]], configs)
        found["tokens"] = None
    return {**found, **{key: value for key, value in typed.items() if value is not None}}


def as_yaml() -> str:
    """A file of all settings with their defaults, each with what it does."""
    names = {"ALGORITHMS": ", ".join(ALGORITHMS), "PRUNERS": ", ".join(PRUNERS)}
    lines = [
        "# Settings of a search: sanas search -c FILE. What is left out is as it stands here;",
        "# options that are typed go first.",
    ]
    for key, setting in SETTINGS.items():
        about = setting.about
        for name, text in names.items():
            about = about.replace(name, text)
        style = None if isinstance(setting.default, list | dict) else False  # lists of numbers on one line
        value = yaml.safe_dump({key: setting.default}, default_flow_style=style, width=200)
        lines += ["", *textwrap.wrap(about, 98, initial_indent="# ", subsequent_indent="# "), value.rstrip()]
    return "\n".join(lines) + "\n"


def _refuse_twice(text: str) -> None:
    """Raise YAMLError for a key that stands twice; YAML would take the last one without a word."""
    node = yaml.compose(text, yaml.SafeLoader)
    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value in seen:
            line = key.start_mark.line + 1
            raise yaml.YAMLError(f"key {key.value!r} stands there twice, the second time in line {line}")
        seen.add(str(key.value))


SETTINGS: Mapping[str, Setting] = {
    "spaces": Setting(
        [{DEFAULT_SPACE: DEFAULT_CONFIG}],
        values.spaces,
        "Search spaces, each with its config; several chain into one network. `sanas spaces` lists them.",
    ),
    "tokens": Setting(DEFAULT_START, values.numbers, "The first candidate; null takes the one of the spaces."),
    "constraints": Setting(
        {"flops": int(DEFAULT_FLOPS)},
        values.constraints,
        "What every candidate must meet: HIGH or [LOW, HIGH] for flops, params, depth, ...; null for nothing.",
    ),
    "data": Setting(
        "digits", values.text(), "digits, a folder of class folders, an .npz file, or a binary CIFAR-10 archive."
    ),
    "image_size": Setting(
        None, values.whole(1, optional=True), "Height and width to resize images to; null keeps them."
    ),
    "steps": Setting(DEFAULT_STEPS, values.whole(1), "Number of candidates to train."),
    "epochs": Setting(
        None, values.whole(1, optional=True), "Passes over the training images per candidate; null for 6."
    ),
    "batch_size": Setting(64, values.whole(1), "Images per training step."),
    "algorithm": Setting("model", values.text(), "What proposes candidates: ALGORITHMS."),
    "pruner": Setting(
        None,
        values.text(optional=True),
        "Stops bad candidates early by their accuracy on the way: PRUNERS; null for none.",
    ),
    "budgets": Setting(
        None, values.numbers, "Train all for few epochs, the best for more, such as [2, 6, 18]; null trains all alike."
    ),
    "workers": Setting(
        None,
        values.whole(1, optional=True),
        "Candidates trained at once, each in a process of its own; null for one, here.",
    ),
    "time_limit": Setting(None, values.real, "Most seconds that one candidate may take; null for no limit."),
    "memory_limit": Setting(
        None, values.real, "Most bytes that one candidate may use, such as 2e9; null for no limit."
    ),
    "storage": Setting(
        None,
        values.text(optional=True),
        "Where others can join: postgresql://..., mysql://..., or a .db or .journal file; null for the output folder.",
    ),
    "seed": Setting(0, values.whole(0), "Seed of split, search and training."),
    "output": Setting(
        None, values.text(optional=True), "Folder for the results; null for runs/search, or a numbered one."
    ),
}
"""The keys of a file, in the order in which ``sanas init`` writes them."""
