from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sanas_spaces.errors import DataError
from sanas_spaces.evaluate import ImageDataset, load_dataset

RNG = np.random.default_rng(0)
PARTS = ("train", "valid", "test")


def rows(dataset: ImageDataset) -> list[bytes]:
    return [image.tobytes() for part in PARTS for image in getattr(dataset, part).images]


def test_digits_are_split_by_class_and_standardised() -> None:
    digits = load_dataset("digits", seed=3)
    assert digits.image_shape == (1, 8, 8)
    assert digits.num_classes == 10
    assert len(rows(digits)) == 1797
    assert len(set(rows(digits))) == len(rows(digits)), "an image is in two splits"
    for part, share in zip(PARTS, (0.64, 0.16, 0.2), strict=True):
        counts = np.bincount(getattr(digits, part).labels)
        assert np.all(np.abs(counts - share * 179.7) < 6)
    assert digits.train.images.dtype == np.float32
    assert abs(float(digits.train.images.mean())) < 1e-3
    assert float(digits.train.images.std()) == pytest.approx(1, abs=1e-3)
    restored = digits.train.images * digits.std[0] + digits.mean[0]
    assert (restored.min(), restored.max()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))


def test_seed_decides_the_split() -> None:
    first, again, other = (load_dataset("digits", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.test.images, again.test.images)
    assert not np.array_equal(first.test.labels, other.test.labels)


def test_images_are_resized() -> None:
    assert load_dataset("digits", image_size=16).image_shape == (1, 16, 16)


def write_image(path: Path, colour: int, size: int = 6) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size, size, 3), colour, np.uint8)
    pixels[0, 0] = RNG.integers(0, 255, 3)
    Image.fromarray(pixels).save(path)


def test_folder_of_class_folders(tmp_path: Path) -> None:
    for name, colour in (("cat", 10), ("dog", 200)):
        for i in range(10):
            write_image(tmp_path / name / f"{i}.png", colour)
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.image_shape == (3, 6, 6)
    brightness = dataset.train.images[:, 0, 3, 3]
    assert np.all((brightness > 0) == (dataset.train.labels == 1))


def test_folder_with_splits_of_its_own(tmp_path: Path) -> None:
    for part, count in (("train", 8), ("val", 4), ("test", 3)):
        for name, colour in (("a", 0), ("b", 255)):
            for i in range(count):
                write_image(tmp_path / part / name / f"{i}.png", colour)
    dataset = load_dataset(tmp_path)
    assert [len(getattr(dataset, part)) for part in PARTS] == [16, 8, 6]


def test_npz_with_and_without_splits(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (40, 5, 5, 3)).astype(np.uint8)
    labels = np.arange(40) % 4
    np.savez(tmp_path / "one.npz", images=images, labels=labels)
    one = load_dataset(tmp_path / "one.npz")
    assert one.image_shape == (3, 5, 5)
    assert one.name == "one"
    np.savez(tmp_path / "two.npz", x_train=images, y_train=labels, x_test=images[:8], y_test=labels[:8, None])
    two = load_dataset(tmp_path / "two.npz")
    assert len(two.test) == 8
    assert len(two.train) + len(two.valid) == 40


def cifar_rows(count: int) -> bytes:
    rows = RNG.integers(0, 256, (count, 3073)).astype(np.uint8)
    rows[:, 0] = np.arange(count) % 10
    return rows.tobytes()


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_cifar10_binary_archive_and_folder(tmp_path: Path) -> None:
    files = {"data_batch_1.bin": cifar_rows(60), "data_batch_2.bin": cifar_rows(40), "test_batch.bin": cifar_rows(20)}
    write_archive(tmp_path / "cifar-10-binary.tar.gz", files)
    (tmp_path / "folder").mkdir()
    for name, content in files.items():
        (tmp_path / "folder" / name).write_bytes(content)
    from_archive, from_folder = load_dataset(tmp_path / "cifar-10-binary.tar.gz"), load_dataset(tmp_path / "folder")
    for dataset in (from_archive, from_folder):
        assert dataset.image_shape == (3, 32, 32)
        assert dataset.class_names[3] == "cat"
        assert (len(dataset.train) + len(dataset.valid), len(dataset.test)) == (100, 20)
    first = np.frombuffer(files["test_batch.bin"], np.uint8)[1:3073].reshape(3, 32, 32) / 255
    mean, std = (np.array(values)[:, None, None] for values in (from_archive.mean, from_archive.std))
    np.testing.assert_allclose(from_archive.test.images[0] * std + mean, first, atol=1e-5)
    assert rows(from_archive) == rows(from_folder)


def test_pickled_cifar10_is_not_unpickled(tmp_path: Path) -> None:
    class Dangerous:
        def __reduce__(self) -> Any:
            return (Path(tmp_path / "ran").touch, ())

    write_archive(tmp_path / "cifar-10-python.tar.gz", {"data_batch_1": pickle.dumps(Dangerous())})
    with pytest.raises(DataError, match=r"pickled version.*use the binary version"):
        load_dataset(tmp_path / "cifar-10-python.tar.gz")
    assert not (tmp_path / "ran").exists()


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", images=np.array([{}], dtype=object), labels=np.zeros(1, int))
    with pytest.raises(DataError, match=r"objects\.npz cannot be read as \.npz without pickled objects"):
        load_dataset(tmp_path / "objects.npz")


def bad_sources(folder: Path) -> dict[str, tuple[Any, str]]:
    good = RNG.integers(0, 256, (9, 4, 4)).astype(np.uint8)

    def npz(name: str, **arrays: Any) -> Path:
        np.savez(folder / name, **arrays)
        return folder / f"{name}.npz"

    (folder / "empty").mkdir()
    (folder / "text.png").write_text("no image")
    for name in ("a", "b"):
        write_image(folder / "sizes" / name / "1.png", 3, size=4 if name == "a" else 5)
        (folder / "broken" / name).mkdir(parents=True)
        (folder / "broken" / name / "1.png").write_text("no image")
        (folder / "no_images" / name).mkdir(parents=True)
    (folder / "noise.tar.gz").write_bytes(b"noise")
    write_archive(folder / "short.tar.gz", {"data_batch_1.bin": b"123"})
    return {
        "missing": (folder / "nothing", "no such file or folder"),
        "empty": (folder / "empty", "0 class folders, expected at least 2"),
        "sizes": (folder / "sizes", r"b/1\.png is 5x5 pixels and others are 4x4; give an image_size"),
        "broken": (folder / "broken", r"1\.png cannot be read as an image"),
        "no images": (folder / "no_images", "a has no images"),
        "arrays": (npz("arrays", pixels=good), r"has the arrays \['pixels'\]"),
        "lengths": (npz("lengths", images=good, labels=np.zeros(3, int)), "9 images and 3 labels"),
        "floats": (npz("floats", images=good, labels=np.zeros(9)), "labels of type float64"),
        "rare": (npz("rare", images=good, labels=np.arange(9)), "class '0' has 1 images, at least 3"),
        "shape": (npz("shape", images=good[:, 0], labels=np.zeros(9, int)), r"images of shape \(9, 4\)"),
        "nan": (npz("nan", images=np.full((9, 4, 4), np.nan), labels=np.arange(9) % 2), "NaN"),
        "noise": (folder / "noise.tar.gz", "neither an .npz file nor an archive"),
        "short": (folder / "short.tar.gz", r"data_batch_1\.bin has 3 bytes, not a multiple of 3073"),
    }


BAD = ("missing", "empty", "sizes", "broken", "no images", "arrays", "lengths", "floats", "rare", "shape", "nan")


@pytest.mark.parametrize("which", [*BAD, "noise", "short"])
def test_bad_sources_are_named(tmp_path: Path, which: str) -> None:
    source, message = bad_sources(tmp_path)[which]
    with pytest.raises(DataError, match=message):
        load_dataset(source)


@pytest.mark.parametrize("settings", [{"valid_fraction": 0}, {"test_fraction": 0.9}, {"image_size": 0}])
def test_bad_settings_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=next(iter(settings))):
        load_dataset("digits", **settings)
