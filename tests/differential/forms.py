"""What is compared: spaces, forms of their configs, random token lists. Knows neither Paddle nor this library."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BATCH = 2
ImageShape = tuple[int, int, int]

V1_WHOLE = (7, 8, 8, 2, 8, 10, 2, 10, 10, 2, 10, 12, 2, 12, 11, 2, 11, 14, 2, 6, 14, 13, 2, 13, 12, 2, 12, 12, 2)
V2_WHOLE = (7, *(5, 8, 6, 2) * 3, *(5, 10, 6, 2) * 2, 5, 12, 6, 2)
WHOLE: dict[str, tuple[int, ...]] = {
    "MobileNetV1Space": V1_WHOLE,
    "MobileNetV2Space": V2_WHOLE,
    "ResNetSpace": (7, 5, 7, 6, 6, 13, 5, 6),
    "DartsSpace": (14,) * 20,
}
BLOCKS: dict[str, tuple[int, ...]] = {
    "MobileNetV1BlockSpace": (25, 25, 2),
    "MobileNetV2BlockSpace": (6, 20, 6, 2),
    "ResNetBlockSpace": (12, 12, 12, 2, 12, 12),
    "InceptionABlockSpace": (23, 23, 23, 23, 23, 23, 23, 2, 2),
}


@dataclass(frozen=True)
class Form:
    """One way to configure and call a space.

    Attributes:
        space: Name of the space.
        config: Its config, as PaddleSlim takes it.
        call: Keywords of the call of ``net_arch``.
        image: Image shape [C, H, W] of the description: parameters, FLOPs and output shape.
        small: Image shape [C, H, W] of the numbers: outputs and the training step.
        batch: Number of images of the numbers.
        step: Whether a training step is among the numbers; static programs always take one.
        layers: Whether this library computes the numbers with a layer, instead of static programs: Paddle prepares a
            program of 5400 operations for ten seconds to run it once.
    """

    space: str
    config: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    image: ImageShape = (3, 32, 32)
    small: ImageShape = (3, 32, 32)
    batch: int = BATCH
    step: bool = True
    layers: bool = False

    @property
    def title(self) -> str:
        """The form for people."""
        settings = [f"{key}={_short(value)}" for key, value in {**self.config, **self.call}.items()]
        return " ".join([self.space, *settings, f"on {_short(self.image)}"])

    @property
    def kind(self) -> str:
        """The space and the form of its config: a mask, sizes, or none, whatever their lengths and values."""
        keys = " and ".join(key for key in ("block_mask", "input_size") if key in self.config)
        return f"{self.space} with {keys.replace('input_size', 'sizes')}" if keys else self.space

    @property
    def key(self) -> str:
        """A name that can be the name of a file."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", self.title)

    @property
    def range_table(self) -> list[int]:
        """Number of choices of each token."""
        if self.space in WHOLE:
            return list(WHOLE[self.space])
        blocks = len(self.config["block_mask"]) if "block_mask" in self.config else self.config["block_num"]
        return list(BLOCKS[self.space] * blocks)

    def tokens(self, index: int) -> list[int]:
        """The random tokens of case ``index``."""
        generator = random.Random(f"{self.key} {index}")
        return [generator.randrange(count) for count in self.range_table]

    def images(self, index: int) -> Any:
        """The images [N, C, H, W] of case ``index``."""
        seed = zlib.crc32(f"{self.key} {index}".encode())
        return np.random.default_rng(seed).normal(size=(self.batch, *self.small)).astype("float32")


def form_from(settings: dict[str, Any]) -> Form:
    """The form that ``dataclasses.asdict`` and JSON made ``settings`` of."""
    shapes = {key: tuple(settings[key]) for key in ("image", "small")}
    return Form(**{**settings, **shapes})


def all_forms() -> list[Form]:
    """The forms that run beside this library, in one environment."""
    return [*_whole(), *(form for space in BLOCKS for form in _blocks(space))]


def training_forms() -> list[Form]:
    """The forms that PaddleSlim builds with Paddle 2.6 only; it takes one image then."""
    return [Form("DartsSpace", call={"is_train": True, "num_classes": 10}, batch=1, layers=True)]


def _whole() -> Iterator[Form]:
    yield Form("MobileNetV1Space")
    yield Form("MobileNetV1Space", call={"scale": 0.5})
    yield Form("MobileNetV1Space", call={"return_block": [1, 2, 3], "end_points": 4})
    yield Form("MobileNetV2Space")
    yield Form("MobileNetV2Space", call={"scale": 0.5})
    yield Form("MobileNetV2Space", call={"output_stride": 8})
    yield Form("MobileNetV2Space", call={"return_block": [1, 2, 3], "end_points": 4})
    yield Form("ResNetSpace")
    yield Form("ResNetSpace", call={"return_block": [1, 2], "end_points": 3})
    yield Form("DartsSpace", call={"is_train": False, "num_classes": 10}, step=False, layers=True)


def _blocks(space: str) -> Iterator[Form]:
    narrow, wide = (3, 32, 32), (16, 32, 32)
    size = 8 if space == "InceptionABlockSpace" else 16
    small_narrow, small_wide = (3, size, size), (16, size, size)
    taps = {"return_mid_layer": True, "return_block": [1, 2]}
    yield Form(space, {"block_mask": [1]}, image=wide, small=small_wide)
    yield Form(space, {"block_mask": [0, 1]}, image=narrow, small=small_narrow)
    yield Form(space, {"block_mask": [1, 0, 0, 1]}, image=wide, small=small_wide)
    yield Form(space, {"block_mask": [1, 0, 1]}, taps, image=narrow, small=small_narrow)
    for input_size, output_size, block_num, shape in ((32, 8, 2, narrow), (32, 4, 7, wide), (224, 7, 10, narrow)):
        config = {"input_size": input_size, "output_size": output_size, "block_num": block_num}
        image = (shape[0], input_size, input_size)
        # seven and ten blocks on small images, so that hundreds of cases are affordable
        yield Form(space, config, image=image, small=(shape[0], size, size))


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return str(value).replace(" ", "")
