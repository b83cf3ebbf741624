"""What a search space is: the contract of users' spaces, and declared spaces that need only rows and a block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from . import strides
from .arch import ImageShape, NetArch
from .errors import ConfigError
from .taps import Taps
from .tokens import TokenRow, TokenTable, as_index

COMPAT = "paddleslim-2.6"


class SearchSpaceBase:
    """Base of all search spaces: three methods, as in PaddleSlim.

    Args:
        input_size: Height and width of the input, for spaces that are told so.
        output_size: Height and width wanted at the end.
        block_num: Number of blocks.
        block_mask: One entry per block, 1 where the block halves the feature map; stands above the other three.
        compat: ``"paddleslim-2.6"`` for the networks that PaddleSlim 2.6 builds where its documentation says otherwise.

    Attributes:
        version: Any number or string, to be changed when tokens come to mean other networks: searches that were begun
            with another version are not continued.
    """

    version: int | float | str | None = None

    def __init__(
        self,
        input_size: int | None = None,
        output_size: int | None = None,
        block_num: int | None = None,
        block_mask: Sequence[int] | None = None,
        *args: Any,
        compat: str | None = None,
    ) -> None:
        if compat not in (None, COMPAT):
            raise ConfigError(f"compat = {compat!r}: expected {COMPAT!r}")
        self.input_size = input_size
        self.output_size = output_size
        self.block_num = None if block_mask is not None else block_num
        self.block_mask = block_mask
        self.compat = compat

    def init_tokens(self) -> list[int]:
        """Tokens of the network that a search starts from."""
        raise NotImplementedError(f"{type(self).__name__} needs a method init_tokens()")

    def range_table(self) -> list[int]:
        """Number of choices of each token."""
        raise NotImplementedError(f"{type(self).__name__} needs a method range_table()")

    def token2arch(self, tokens: Sequence[int] | None = None) -> Any:
        """The ``net_arch`` function of ``tokens``, of the initial tokens by default."""
        raise NotImplementedError(f"{type(self).__name__} needs a method token2arch(tokens)")

    @property
    def table(self) -> TokenTable:
        """The choices behind the tokens."""
        return TokenTable.from_range_table(self.range_table())

    @property
    def input_shape(self) -> ImageShape:
        """Image shape [C, H, W] assumed where none is given."""
        return 3, self.input_size or 224, self.input_size or 224


class DeclaredSpace(SearchSpaceBase):
    """A space declared as labelled rows of choices and a function from decoded rows to layers."""

    def rows(self) -> list[tuple[str, type[TokenRow]]]:
        """Labels and rows in the order of the tokens."""
        raise NotImplementedError

    def network(self, rows: list[Any], input: Any, **kwargs: Any) -> Any:
        """Describe the network that the decoded ``rows`` stand for, with :mod:`sanas_spaces.ops`."""
        raise NotImplementedError

    @property
    def table(self) -> TokenTable:
        return TokenTable.from_rows(self.rows())

    def range_table(self) -> list[int]:
        return self.table.range_table

    def decode_rows(self, tokens: Sequence[int]) -> list[TokenRow]:
        """Cut checked tokens into rows."""
        decoded = []
        start = 0
        for _, row in self.rows():
            stop = start + len(row.choices)
            decoded.append(row(tokens[start:stop]))
            start = stop
        return decoded

    def token2arch(self, tokens: Sequence[int] | None = None) -> NetArch:
        """The architecture of ``tokens``, of the initial tokens by default.

        Raises:
            TokenError: Wrong length, type, sign or range.
        """
        table = self.table
        checked = table.check(self.init_tokens() if tokens is None else tokens)
        return NetArch(
            partial(self.network, self.decode_rows(checked)),
            described=True,
            name=type(self).__name__,
            tokens=checked,
            choices={field.label: field.options[t] for field, t in zip(table.fields, checked, strict=True)},
            input_shape=self.input_shape,
        )


class NetworkSpace(DeclaredSpace):
    """A space of whole networks: its rows are fixed, and so are its initial tokens."""

    layout: ClassVar[tuple[tuple[str, type[TokenRow]], ...]]
    initial: ClassVar[tuple[int, ...]]
    _table: ClassVar[TokenTable]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "layout" in vars(cls):
            cls._table = TokenTable.from_rows(cls.layout)

    def rows(self) -> list[tuple[str, type[TokenRow]]]:
        return list(self.layout)

    @property
    def table(self) -> TokenTable:
        return self._table

    def init_tokens(self) -> list[int]:
        return list(self.initial)


class BlockSpace(DeclaredSpace):
    """A stack of blocks of one kind; a subclass states its row and its block.

    Needs ``block_mask``, or ``input_size``, ``output_size`` and ``block_num``. Row i decides block i. With
    ``compat``, sizes read the rows that PaddleSlim 2.6 reads.
    """

    Row: ClassVar[type[TokenRow]]
    prefix: ClassVar[str]
    """Name of the blocks before their number."""
    random_init: ClassVar[bool] = True
    """Whether initial tokens are drawn at random."""
    records_last: ClassVar[bool] = False
    """Whether PaddleSlim 2.6 records the tap of the last stage of this space."""

    def __init__(
        self,
        input_size: int | None = None,
        output_size: int | None = None,
        block_num: int | None = None,
        block_mask: Sequence[int] | None = None,
        *,
        compat: str | None = None,
    ) -> None:
        name = type(self).__name__
        if block_mask is not None:
            block_mask = _mask(name, block_mask)
        super().__init__(input_size, output_size, block_num, block_mask, compat=compat)
        if block_mask is not None:
            if input_size is not None:
                self.input_size = _positive(name, "input_size", input_size)
            self.plan = strides.from_mask(list(block_mask))
        else:
            missing = [
                key
                for key, value in (("input_size", input_size), ("output_size", output_size), ("block_num", block_num))
                if value is None
            ]
            if missing:
                raise ConfigError(
                    f"{name} needs block_mask, or input_size, output_size and block_num; missing: {', '.join(missing)}"
                )
            self.input_size = _positive(name, "input_size", input_size)
            self.output_size = _positive(name, "output_size", output_size)
            self.block_num = _positive(name, "block_num", block_num)
            try:
                self.plan = strides.from_sizes(
                    self.input_size, self.output_size, self.block_num, reuse_rows=compat is not None
                )
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
        self._table = TokenTable.from_rows(self.rows())

    @property
    def table(self) -> TokenTable:
        return self._table

    def rows(self) -> list[tuple[str, type[TokenRow]]]:
        return [(f"block {i + 1}", self.Row) for i in range(len(self.plan.strides))]

    def init_tokens(self, rng: np.random.Generator | None = None) -> list[int]:
        """Random tokens, drawn anew at each call (from ``rng`` if one is given)."""
        return self.table.random(rng if rng is not None else np.random.default_rng())

    def network(  # type: ignore[override]
        self, rows: list[Any], input: Any, return_mid_layer: bool = False, return_block: Any = None
    ) -> Any:
        """Stack the blocks.

        Args:
            rows: Decoded rows.
            input: Feature map [N, C, H, W].
            return_mid_layer: Whether to return ``(feature, taps)`` instead of ``(feature,)``.
            return_block: Numbers of the stages whose last feature map is put into ``taps``; stage k ends before the
                k + 1st halving.
        """
        taps = Taps(return_block, overwrite=bool(self.compat))
        stage = 0
        x = tap = input
        for i, (row, stride) in enumerate(zip(self.plan.rows, self.plan.strides, strict=True)):
            stage += stride == 2
            taps.record(stage - 1, tap)
            x, tap = self.block(x, rows[row], stride, self.block_name(i))
        if self.records_last or not self.compat:
            taps.record(stage, tap)
        if return_mid_layer or taps.wanted:
            return x, taps.found
        return (x,)

    def block_name(self, index: int) -> str:
        """Name of a block's layers; numbers start at 1, as PaddleSlim's do."""
        if not hasattr(self, "prefix"):
            name = type(self).__name__
            raise ConfigError(f"{name} has no prefix, which names of layers begin with: prefix = {name.lower()!r}")
        return f"{self.prefix}{index + 1}"

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        """Describe one block: [N, C, H, W] -> [N, C', H / stride, W / stride], and the map that a tap shows."""
        raise NotImplementedError


def limit_stride(strides: Sequence[int], output_stride: int | None) -> list[int]:
    """Strides of a network whose stem halves once, kept at 1 where the product would exceed ``output_stride``."""
    if output_stride is None:
        return list(strides)
    if output_stride % 2:
        raise ConfigError(f"output_stride = {output_stride}: expected an even number")
    total = 2
    limited = []
    for stride in strides:
        total *= stride
        limited.append(1 if total > output_stride else stride)
    return limited


def scaled(channels: int, scale: float) -> int:
    """Channels times the width multiplier ``scale``, rounded down as PaddleSlim does."""
    return int(channels * scale)


def _mask(name: str, block_mask: Any) -> list[int]:
    given = (
        list(block_mask) if isinstance(block_mask, Sequence | np.ndarray) and not isinstance(block_mask, str) else []
    )
    if not given:
        raise ConfigError(f"{name}: block_mask = {block_mask!r}: expected a list of 0 and 1, one per block")
    mask = []
    for position, bit in enumerate(given):
        value = as_index(bit)
        if value not in (0, 1):
            raise ConfigError(f"{name}: block_mask[{position}] = {bit!r}: expected 0 (keep the size) or 1 (halve it)")
        mask.append(value)
    return mask


def _positive(name: str, key: str, value: Any) -> int:
    number = as_index(value)
    if number is None or number < 1:
        raise ConfigError(f"{name}: {key} = {value!r}: expected a positive integer")
    return number
