"""From configs to one search space: ``(name, config)`` tuples in, tokens and chained architectures out."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arch import ArchList, ImageShape, NetArch
from .cost import METRICS
from .errors import ConfigError, SanasWarning, TokenError, did_you_mean
from .registry import SEARCHSPACE
from .space import BlockSpace, DeclaredSpace, SearchSpaceBase
from .tokens import TokenField, TokenTable

DOCUMENTED_KEYS = ("input_size", "output_size", "block_num", "block_mask")


class CombinedSpace:
    """The spaces of a config as one: token lists are joined, architectures chained.

    Args:
        configs: ``['MobileNetV2Space']``, ``[('MobileNetV2Space')]``, ``[(name, {})]`` or ``[(name, {...}), ...]``.

    Raises:
        ConfigError: A config is malformed; the message names the entry and the key.
        RegistryError: A name is unknown.
    """

    def __init__(self, configs: Sequence[Any]) -> None:
        self.configs = parse_configs(configs)
        self.spaces = [_make_space(name, config) for name, config in self.configs]
        self.tables = [_table(space) for space in self.spaces]
        self.table = _join_tables(self.names, self.tables)

    @property
    def names(self) -> list[str]:
        """Names of the spaces, in order."""
        return [name for name, _ in self.configs]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Figures of a network's cost, which a constraint can name."""
        return METRICS

    @property
    def features(self) -> tuple[str, ...]:
        """Figures of the cost that a search may learn from."""
        return ("flops", "params", "depth")

    @property
    def input_shape(self) -> ImageShape:
        """Image shape [C, H, W] assumed where none is given."""
        return _input_shape(self.spaces[0])

    @property
    def starts_random(self) -> bool:
        """Whether the initial tokens are drawn at random."""
        return any(isinstance(space, BlockSpace) and space.random_init for space in self.spaces)

    def init_tokens(self, tokens: Sequence[int] | None = None, *, rng: np.random.Generator | None = None) -> list[int]:
        """Joined initial tokens of the spaces, or ``tokens`` after a check.

        Args:
            tokens: Tokens to check and use instead.
            rng: Source of the random initial tokens of block spaces.
        """
        if tokens is not None:
            return self.table.check(tokens)
        joined: list[int] = []
        for space in self.spaces:
            own = space.init_tokens(rng) if isinstance(space, BlockSpace) else space.init_tokens()
            joined += list(own)
        try:
            return self.table.check(joined)
        except TokenError as error:
            raise TokenError(f"initial tokens of {', '.join(self.names)}: {error}") from None

    def holds(self, tokens: Sequence[int]) -> bool:
        """Whether there is a network of these tokens, which are within the range table: always."""
        return True

    def range_table(self) -> list[int]:
        """Joined range tables: number of choices of each token."""
        return self.table.range_table

    def token2arch(self, tokens: Sequence[int] | None = None) -> ArchList:
        """One architecture per space; the list as a whole is their chain.

        Raises:
            TokenError: Wrong length, type, sign or range.
        """
        checked = self.table.check(self.init_tokens() if tokens is None else tokens)
        archs = []
        start = 0
        seen: dict[str, int] = {}
        for (name, config), space, table in zip(self.configs, self.spaces, self.tables, strict=True):
            stop = start + len(table)
            arch = _as_net_arch(space, name, table, checked[start:stop])
            start = stop
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1 and not config.get("compat"):
                arch.scope = f"{name}_{seen[name]}/"
            archs.append(arch)
        return ArchList(archs)

    def fingerprint(self) -> str:
        """Configs and range table as JSON: equal for searches that can share a record."""
        return json.dumps({"configs": self.configs, "range_table": self.range_table()}, sort_keys=True, default=str)


class SearchSpaceFactory:
    """PaddleSlim's way to get a space from configs."""

    def get_search_space(self, config_lists: Sequence[Any]) -> CombinedSpace:
        """Return ``CombinedSpace(config_lists)``."""
        return CombinedSpace(config_lists)


def parse_configs(configs: Any) -> list[tuple[str, dict[str, Any]]]:
    """Bring every documented form of configs to ``[(name, {...}), ...]`` with plain lists and ints."""
    if not isinstance(configs, list) or not configs:
        raise ConfigError(
            f"configs = {configs!r}: expected a list of space names or (name, config) tuples, "
            "such as [('MobileNetV2BlockSpace', {'block_mask': [0, 1]})]"
        )
    return [_parse(position, entry) for position, entry in enumerate(configs)]


def _parse(position: int, entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, tuple | list) or not 1 <= len(entry) <= 2 or not isinstance(entry[0], str):
        raise ConfigError(f"configs[{position}] = {entry!r}: expected a space name or a (name, config) tuple")
    config = entry[1] if len(entry) == 2 else None
    if config is None:
        return entry[0], {}
    if not isinstance(config, Mapping):
        raise ConfigError(f"configs[{position}] ({entry[0]}) = {config!r}: expected a dict of settings")
    return entry[0], {str(key): _plain(value) for key, value in config.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _make_space(name: str, config: dict[str, Any]) -> SearchSpaceBase:
    cls: Any = SEARCHSPACE.get(name)
    allowed, open_ended = _settings(cls)
    for key in config:
        if key not in allowed and not open_ended:
            hint = did_you_mean(key, sorted(allowed))
            raise ConfigError(f"{name}: unknown setting {key!r} = {config[key]!r}; {hint}")
    sizes = [key for key in DOCUMENTED_KEYS if key in config]
    if issubclass(cls, DeclaredSpace) and not issubclass(cls, BlockSpace) and sizes:
        warnings.warn(f"{name} is a whole network; {', '.join(sizes)} are not used", SanasWarning, stacklevel=4)
    if "Block" in name and not issubclass(cls, BlockSpace) and not sizes:  # PaddleSlim's rule for users' spaces
        raise ConfigError(f"{name} needs block_mask, or input_size, output_size and block_num")
    first, second, third, mask = (config.get(key) for key in DOCUMENTED_KEYS)
    extra = {key: value for key, value in config.items() if key not in DOCUMENTED_KEYS}
    space = cls(first, second, third, block_mask=mask, **extra)
    if isinstance(space, SearchSpaceBase) and not hasattr(space, "block_mask"):
        raise ConfigError(
            f"{name}.__init__ has to call super().__init__(input_size, output_size, block_num, block_mask)"
        )
    return space  # type: ignore[no-any-return]


def _settings(cls: type) -> tuple[set[str], bool]:
    """Keys that a config of ``cls`` may have, and whether it may have any others."""
    allowed = set(DOCUMENTED_KEYS)
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
        allowed |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return allowed, False
    return allowed, base is object


def _table(space: Any) -> TokenTable:
    """The choices of a space; one that only keeps PaddleSlim's contract tells how many there are."""
    return space.table if isinstance(space, SearchSpaceBase) else TokenTable.from_range_table(space.range_table())


def _input_shape(space: Any) -> ImageShape:
    if isinstance(space, SearchSpaceBase):
        return space.input_shape
    size = getattr(space, "input_size", None) or 224
    return 3, size, size


def _as_net_arch(space: Any, name: str, table: TokenTable, tokens: list[int]) -> NetArch:
    arch = space.token2arch(tokens)
    if isinstance(arch, NetArch):
        return arch
    if not callable(arch):
        raise ConfigError(f"{name}.token2arch({tokens}) returned {arch!r}: expected a function of the input")
    return NetArch(
        arch,
        name=name,
        tokens=tokens,
        choices=table.decode(tokens),
        input_shape=_input_shape(space),
    )


def _join_tables(names: list[str], tables: list[TokenTable]) -> TokenTable:
    if len(tables) == 1:
        return tables[0]
    return TokenTable(
        tuple(
            TokenField(f"{name} ({position + 1}) {field.label}", field.options, field.ordered)
            for position, (name, table) in enumerate(zip(names, tables, strict=True))
            for field in table.fields
        )
    )
