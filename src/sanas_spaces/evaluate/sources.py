"""Where images come from: scikit-learn's digits, folders, lists of files, .npz files, CIFAR-10 archives."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..optional import import_optional
from .image_files import IMAGE_SUFFIXES, PART_NAMES, Part, RawImages, read_images
from .lists import is_list, read_lists

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_ROW = 1 + 3 * 32 * 32


def read_source(source: str | Path, image_size: int | None) -> RawImages:
    """Read ``source``; see :func:`sanas_spaces.evaluate.load_dataset`."""
    if image_size is not None and image_size < 1:
        raise DataError(f"image_size = {image_size!r}: expected a positive number of pixels")
    if str(source) == "digits":
        return resized(_digits(), image_size)
    path = Path(source)
    if is_list(path):
        return read_lists(path, image_size)
    if not path.exists():
        raise DataError(f"data {str(source)!r}: no such file or folder, and no built-in data set ('digits')")
    if path.suffix == ".npz":
        return resized(_npz(path), image_size)
    if path.is_file():
        return resized(_cifar10(path.name, _archive_files(path)), image_size)
    batches = sorted(path.rglob("*_batch*.bin"))
    if batches:
        return resized(_cifar10(path.name, ((file.name, file.read_bytes()) for file in batches)), image_size)
    return _folder(path, image_size)


def _digits() -> RawImages:
    datasets = import_optional("sklearn.datasets", "search", "the digits data set")
    digits = datasets.load_digits()
    pixels = (digits.images / 16.0).astype(np.float32)
    return RawImages("digits", {"train": (pixels, digits.target.astype(np.int64))}, tuple("0123456789"))


def _npz(path: Path) -> RawImages:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as .npz without pickled objects: {error}") from error
    if {"images", "labels"} <= set(arrays):
        found = {"train": (arrays["images"], arrays["labels"])}
    else:
        found = {
            part: (arrays[f"x_{key}"], arrays[f"y_{key}"])
            for key, part in PART_NAMES.items()
            if f"x_{key}" in arrays and f"y_{key}" in arrays
        }
    if "train" not in found:
        raise DataError(f"{path} has the arrays {sorted(arrays)}; expected images and labels, or x_train and y_train")
    parts = {part: (pixels, _labels(path, labels, len(pixels))) for part, (pixels, labels) in found.items()}
    count = 1 + max(int(labels.max()) for _, labels in parts.values())
    names = tuple(map(str, arrays["class_names"])) if "class_names" in arrays else tuple(map(str, range(count)))
    if len(names) < count:
        raise DataError(f"{path}: label {count - 1} has no name among the {len(names)} class_names")
    return RawImages(path.stem, parts, names)


def _labels(path: Path, labels: NDArray[Any], images: int) -> NDArray[np.int64]:
    flat = labels.reshape(-1)
    if len(flat) != images or not len(flat):
        raise DataError(f"{path}: {images} images and {len(flat)} labels")
    if not np.issubdtype(flat.dtype, np.integer) or flat.min() < 0:
        raise DataError(f"{path}: labels of type {flat.dtype} from {flat.min()}: expected whole numbers from 0")
    return flat.astype(np.int64)


def _archive_files(path: Path) -> Iterable[tuple[str, bytes]]:
    """Files of an archive, read in memory; nothing is unpacked to disk."""
    try:
        with tarfile.open(path) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            if any("data_batch" in member.name and not member.name.endswith(".bin") for member in members):
                raise DataError(
                    f"{path} is the pickled version of CIFAR-10, which can run code when it is read; "
                    "use the binary version, cifar-10-binary.tar.gz"
                )
            for member in members:
                file = archive.extractfile(member)
                if file is not None and member.name.endswith(".bin"):
                    yield Path(member.name).name, file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{path} is neither an .npz file nor an archive that can be read: {error}") from error


def _cifar10(name: str, files: Iterable[tuple[str, bytes]]) -> RawImages:
    rows: dict[str, list[NDArray[np.uint8]]] = {"train": [], "test": []}
    for file, content in files:
        if len(content) % CIFAR10_ROW or not content:
            raise DataError(f"{name}: {file} has {len(content)} bytes, not a multiple of {CIFAR10_ROW} as CIFAR-10 has")
        rows["test" if file.startswith("test") else "train"].append(
            np.frombuffer(content, np.uint8).reshape(-1, CIFAR10_ROW)
        )
    if not rows["train"]:
        raise DataError(f"{name} holds no CIFAR-10 training batches (data_batch_1.bin ...)")
    parts = {}
    for part, batches in rows.items():
        if batches:
            joined = np.concatenate(batches)
            labels = joined[:, 0].astype(np.int64)
            if labels.max() > 9:
                raise DataError(f"{name}: label {labels.max()} in the {part} batches, expected 0 to 9")
            parts[part] = (joined[:, 1:].reshape(-1, 3, 32, 32), labels)
    return RawImages("CIFAR-10", parts, CIFAR10_CLASSES)


def _folder(path: Path, image_size: int | None) -> RawImages:
    folders = sorted(child for child in path.iterdir() if child.is_dir())
    named = {PART_NAMES[child.name]: child for child in folders if child.name in PART_NAMES}
    parts_of = named if "train" in named else {"train": path}
    classes = sorted(child.name for child in parts_of["train"].iterdir() if child.is_dir())
    if len(classes) < 2:
        raise DataError(
            f"{parts_of['train']} has {len(classes)} class folders, expected at least 2 with images in them"
        )
    parts = {part: _class_folders(folder, classes, image_size) for part, folder in parts_of.items()}
    return RawImages(path.name, parts, tuple(classes))


def _class_folders(folder: Path, classes: list[str], image_size: int | None) -> Part:
    files: list[tuple[Path, int]] = []
    for label, name in enumerate(classes):
        found = sorted(file for file in (folder / name).rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
        if not found:
            raise DataError(f"{folder / name} has no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
        files += [(file, label) for file in found]
    return read_images(files, image_size)


def resized(raw: RawImages, image_size: int | None) -> RawImages:
    """Images of ``image_size`` x ``image_size`` pixels, or as they are without it."""
    if image_size is None:
        return raw
    parts = {part: (_resize(pixels, image_size), labels) for part, (pixels, labels) in raw.parts.items()}
    return RawImages(raw.name, parts, raw.class_names)


def _resize(pixels: NDArray[Any], size: int) -> NDArray[Any]:
    """Bilinear interpolation of the two axes of pixels, with the corners kept."""
    height = 2 if pixels.ndim == 4 and pixels.shape[1] in (1, 3, 4) else 1
    as_float = pixels.astype(np.float32) / (255.0 if np.issubdtype(pixels.dtype, np.integer) else 1.0)
    for axis in (height, height + 1):
        position = np.linspace(0.0, pixels.shape[axis] - 1, size)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, pixels.shape[axis] - 1)
        shape = [1] * pixels.ndim
        shape[axis] = size
        share = (position - low).astype(np.float32).reshape(shape)
        as_float = np.take(as_float, low, axis) * (1 - share) + np.take(as_float, high, axis) * share
    return as_float
