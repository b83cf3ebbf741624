"""Labelled images, split into what a search trains on, what it looks at and what it never sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .image_files import RawImages
from .samples import is_samples, read_samples
from .sources import read_source

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images [N, C, H, W], standardised, and their labels [N]."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageDataset:
    """Labelled images in three splits that share no image.

    Attributes:
        name: Name for people.
        train: What candidates are trained on.
        valid: What they are compared by.
        test: What only the final network is scored on.
        class_names: Names of the classes, by label.
        mean: Mean of each channel of the training images, which was subtracted; of pixels from 0 to 1.
        std: Standard deviation of each channel of the training images, which was divided by.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape [C, H, W] of an image."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width


def load_dataset(
    source: Any,
    *,
    seed: int = 0,
    image_size: int | None = None,
    valid_fraction: float = 0.2,
    test_fraction: float = 0.2,
) -> ImageDataset:
    """Read labelled images and split them, each class in the same proportions.

    Args:
        source: ``"digits"`` (scikit-learn's 1,797 handwritten digits of 8x8 pixels); a folder with one folder of
            images per class, or with ``train`` and ``test`` (and ``val`` or ``valid``) folders of such; a folder with
            PaddleClas's lists, ``train_list.txt`` and perhaps ``val_list.txt`` and ``test_list.txt``, or the path of
            the first; a ``paddle.io.Dataset`` of images and labels, or several by split,
            ``{"train": ..., "test": ...}``; an ``.npz`` file with ``images`` and ``labels``, or ``x_train``,
            ``y_train``, ``x_test``, ``y_test``; a CIFAR-10 binary archive or its folder. Splits that the source has
            are kept.
        seed: Seed of the split.
        image_size: Height and width to resize images to; by default theirs, which have to be equal.
        valid_fraction: Share of the images that becomes the validation split, unless the source has one.
        test_fraction: Share of the images that becomes the test split, unless the source has one.

    Raises:
        DataError: The source is missing, cannot be read, or has too few images of a class.
        MissingDependencyError: Reading it needs a package that is not installed.
    """
    for key, value in (("valid_fraction", valid_fraction), ("test_fraction", test_fraction)):
        if not 0 < value < 0.5:
            raise DataError(f"{key} = {value!r}: expected a share between 0 and 0.5")
    raw = (read_samples if is_samples(source) else read_source)(source, image_size)
    rng = np.random.default_rng(seed)
    parts = {part: (_channels_first(raw.name, pixels), labels) for part, (pixels, labels) in raw.parts.items()}
    if "test" not in parts:
        parts["train"], parts["test"] = _split(raw, parts["train"], test_fraction, rng)
    if "valid" not in parts:
        parts["train"], parts["valid"] = _split(raw, parts["train"], valid_fraction, rng)
    train = parts["train"][0]
    mean = train.mean(axis=(0, 2, 3), keepdims=True)
    std = train.std(axis=(0, 2, 3), keepdims=True) + 1e-6
    splits = {part: Split((images - mean) / std, labels) for part, (images, labels) in parts.items()}
    return ImageDataset(
        raw.name,
        **splits,
        class_names=raw.class_names,
        mean=tuple(mean.ravel().tolist()),
        std=tuple(std.ravel().tolist()),
    )


def as_dataset(data: Any) -> ImageDataset:
    """``data`` itself, or what :func:`load_dataset` makes of it."""
    return data if isinstance(data, ImageDataset) else load_dataset(data)


def _split(raw: RawImages, part: tuple[Any, Labels], share: float, rng: np.random.Generator) -> tuple[Any, Any]:
    """Take ``share`` of each class away; at least one image stays and one goes."""
    pixels, labels = part
    taken: list[int] = []
    for label, name in enumerate(raw.class_names):
        members = np.flatnonzero(labels == label)
        if len(members) < 3:
            raise DataError(
                f"{raw.name}: class {name!r} has {len(members)} images, at least 3 are needed to split them"
            )
        taken += rng.permutation(members)[: max(1, round(share * len(members)))].tolist()
    away = np.zeros(len(labels), bool)
    away[taken] = True
    return (pixels[~away], labels[~away]), (pixels[away], labels[away])


def _channels_first(name: str, pixels: NDArray[Any]) -> Images:
    """[N, H, W] or [N, H, W, C] or [N, C, H, W] to float32 [N, C, H, W] of pixels from 0 to 1."""
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    elif pixels.ndim == 4 and pixels.shape[-1] in (1, 3, 4) and pixels.shape[1] not in (1, 3, 4):
        pixels = pixels.transpose(0, 3, 1, 2)
    elif pixels.ndim != 4:
        raise DataError(f"{name}: images of shape {pixels.shape}, expected [N, H, W], [N, H, W, C] or [N, C, H, W]")
    scale = 255.0 if np.issubdtype(pixels.dtype, np.integer) else 1.0
    images = np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(scale)
    if not np.isfinite(images).all():
        raise DataError(f"{name}: images contain NaN or infinite pixels")
    return images
