"""Lists of image files with labels, as PaddleClas has them: ``train_list.txt`` with lines ``path label``."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from .image_files import PART_NAMES, RawImages, read_images

SUFFIX = "_list.txt"
TRAIN = "train" + SUFFIX


def is_list(path: Path) -> bool:
    """Whether ``path`` is a list of training images, or a folder with one."""
    return (path.is_file() and path.suffix == ".txt") or (path / TRAIN).is_file()


def read_lists(path: Path, image_size: int | None) -> RawImages:
    """Read ``train_list.txt`` and the ``val_list.txt`` and ``test_list.txt`` beside it; paths start from their folder.

    Names of the classes are in ``label_list.txt``, or a file whose name ends so: lines ``label name``.

    Raises:
        DataError: A line is not ``path label``, a file is missing, or a label is only in a later list.
    """
    folder = path.parent if path.is_file() else path
    files = {part: folder / (name + SUFFIX) for name, part in reversed(PART_NAMES.items())}
    files["train"] = path if path.is_file() else files["train"]
    listed = {part: _lines(file) for part, file in files.items() if file.is_file()}
    count = 1 + max(label for _, label in listed["train"])
    for part, lines in listed.items():
        for image, label in lines:
            if label >= count:
                raise DataError(
                    f"{files[part]}: {image} has the label {label}, and training images have 0 to {count - 1}"
                )
    parts = {part: read_images(lines, image_size) for part, lines in listed.items()}
    return RawImages(folder.resolve().name, parts, _class_names(folder, count))


def _lines(file: Path) -> list[tuple[Path, int]]:
    found = []
    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip():
            continue
        image, _, label = line.strip().replace("\t", " ").rpartition(" ")
        if not image or not label.isdecimal():
            raise DataError(f"{file}, line {number}: {line!r}: expected a path and a label, a whole number from 0")
        found.append((file.parent / image.strip(), int(label)))
    if not found:
        raise DataError(f"{file} lists no images")
    return found


def _class_names(folder: Path, count: int) -> tuple[str, ...]:
    names = {label: str(label) for label in range(count)}
    for file in sorted(folder.glob("*label" + SUFFIX))[:1]:
        for line in _text(file).splitlines():
            label, _, name = line.strip().replace("\t", " ").partition(" ")
            if label.isdecimal() and name.strip():
                names[int(label)] = name.strip()
    return tuple(names[label] for label in range(count))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error
