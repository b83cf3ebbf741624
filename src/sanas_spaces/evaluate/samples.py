"""Data sets of samples, such as those of Paddle: anything with a length whose items are (image, label)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .image_files import PART_NAMES, Part, RawImages, resized_image
from .sources import resized


def is_samples(source: Any) -> bool:
    """Whether something is a data set of samples, or such ones by split."""
    if isinstance(source, Mapping):
        return all(is_samples(one) for one in source.values())
    return not isinstance(source, str | bytes) and hasattr(source, "__getitem__") and hasattr(source, "__len__")


def read_samples(source: Any, image_size: int | None) -> RawImages:
    """Read every sample once, what transforms do to it included.

    Raises:
        DataError: A sample is no image with a label, or images differ in shape.
    """
    given = dict(source) if isinstance(source, Mapping) else {"train": source}
    unknown = sorted(set(map(str, given)) - set(PART_NAMES))
    if unknown or "train" not in given:
        raise DataError(
            f"data sets for {', '.join(map(str, given)) or 'nothing'}: expected train, and val and test if any"
        )
    name = type(given["train"]).__name__
    parts = {PART_NAMES[key]: _read(f"{name} ({key})", samples, image_size) for key, samples in given.items()}
    count = 1 + max(int(labels.max()) for _, labels in parts.values())
    classes = tuple(map(str, getattr(given["train"], "classes", ())))
    raw = RawImages(name, parts, classes if len(classes) >= count else tuple(map(str, range(count))))
    done = all(pixels.shape[1:3] == (image_size, image_size) for pixels, _ in parts.values())
    return raw if done else resized(raw, image_size)


def _read(name: str, samples: Any, image_size: int | None) -> Part:
    try:
        count = len(samples)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise DataError(f"{name} does not tell how many samples it has: {error}") from error
    if not count:
        raise DataError(f"{name} has no samples")
    pixels: list[NDArray[Any]] = []
    labels: list[int] = []
    for index in range(count):
        sample = samples[index]
        if not isinstance(sample, tuple | list) or len(sample) < 2:
            raise DataError(f"{name}: sample {index} is {type(sample).__name__}, expected an image and its label")
        pixels.append(_pixels(sample[0], image_size))
        labels.append(_label(f"{name}: sample {index}", sample[1]))
        if pixels[-1].shape != pixels[0].shape:
            raise DataError(
                f"{name}: sample {index} has the shape {pixels[-1].shape} and others have {pixels[0].shape}; "
                "resize them in a transform of the data set"
            )
    return np.stack(pixels), np.asarray(labels, np.int64)


def _pixels(image: Any, image_size: int | None) -> NDArray[Any]:
    if hasattr(image, "getbands") and image_size is not None:  # Pillow's, which may differ in size
        image = resized_image(image, image_size)
    return np.asarray(image)


def _label(where: str, label: Any) -> int:
    found = np.asarray(label)
    if found.size != 1 or not np.issubdtype(found.dtype, np.integer) or found.item() < 0:
        raise DataError(f"{where} has the label {label!r}, expected a whole number from 0")
    return int(found.item())
