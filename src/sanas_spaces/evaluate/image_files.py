"""Files of images, and images as their source has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..optional import import_optional

Part = tuple[NDArray[Any], NDArray[np.int64]]

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
PART_NAMES = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}
"""What sources call their splits, and what we do."""


@dataclass(frozen=True)
class RawImages:
    """Pixels as the source has them: integers from 0 to 255, or numbers from 0 to 1.

    Attributes:
        name: Name for people.
        parts: Images and labels by split; always ``train``, and what else the source has.
        class_names: Names of the classes, by label.
    """

    name: str
    parts: dict[str, Part]
    class_names: tuple[str, ...]


def read_images(files: Iterable[tuple[Path, int]], image_size: int | None) -> Part:
    """Read files of images with their labels.

    Raises:
        DataError: A file cannot be read, or images differ in size and there is no ``image_size`` to resize them to.
    """
    pixels: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for file, label in files:
        pixels.append(_read_image(file, image_size))
        if pixels[-1].shape != pixels[0].shape:
            raise DataError(
                f"{file} is {pixels[-1].shape[1]}x{pixels[-1].shape[0]} pixels and others are "
                f"{pixels[0].shape[1]}x{pixels[0].shape[0]}; give an image_size to resize them"
            )
        labels.append(label)
    return np.stack(pixels), np.asarray(labels, np.int64)


def resized_image(image: Any, size: int) -> Any:
    """An image of Pillow with ``size`` x ``size`` pixels."""
    resampling = import_optional("PIL.Image", "search", "resizing images").Resampling
    return image.resize((size, size), resampling.BILINEAR)


def _read_image(file: Path, image_size: int | None) -> NDArray[np.uint8]:
    image_module = import_optional("PIL.Image", "search", "reading images")
    try:
        with image_module.open(file) as image:
            converted = image.convert("RGB")
            if image_size is not None:
                converted = resized_image(converted, image_size)
            return np.asarray(converted)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read as an image: {error}") from error
