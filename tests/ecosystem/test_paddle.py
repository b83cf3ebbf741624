"""Paddle's own ways to train and to hold data fit without glue."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from PIL import Image

from sanas_spaces import CombinedSpace, search
from sanas_spaces.errors import DataError
from sanas_spaces.evaluate import ImageClassification, ZeroCost, load_dataset
from sanas_spaces.evaluate.training import classifier

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
TOKENS = [1, 2, 0, 0, 1, 2, 0, 0]
RNG = np.random.default_rng(0)


def striped(label: int, size: int = 8) -> Any:
    """An image whose class can be seen: bright rows, bright columns, or neither; [size, size, 3] of uint8."""
    image = RNG.integers(0, 60, (size, size, 3)).astype(np.uint8)
    if label == 0:
        image[::2] += 150
    elif label == 1:
        image[:, ::2] += 150
    return image


class Stripes(paddle.io.Dataset):  # type: ignore[misc]
    """Images [3, 8, 8] as many transforms leave them."""

    def __init__(self, count: int = 90) -> None:
        super().__init__()
        self.labels = [index % 3 for index in range(count)]
        self.images = [(striped(label).transpose(2, 0, 1) / 127.5 - 1).astype(np.float32) for label in self.labels]

    def __getitem__(self, index: int) -> Any:
        return self.images[index], np.array([self.labels[index]])

    def __len__(self) -> int:
        return len(self.labels)


def class_folders(folder: Path, count: int = 12, size: int = 8) -> Path:
    for label, name in enumerate(("rows", "columns", "grey")):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(striped(label, size)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(autouse=True)
def _dygraph() -> None:
    paddle.disable_static()


def test_a_found_network_trains_with_paddle_model(tmp_path: Path) -> None:
    """A search on a data set of Paddle, and its best network in ``paddle.Model`` on the same one."""
    data = Stripes()
    result = search(
        CONFIGS, ImageClassification(data, epochs=1, batch_size=16), constraints={"flops": 3e5}, steps=2, seed=0
    )
    assert all(row["state"] == "complete" for row in result.history)
    paddle.seed(0)
    network = classifier(result.best.archs, 3, (3, 8, 8))
    model = paddle.Model(network.layer((3, 8, 8)))
    optimizer = paddle.optimizer.Adam(0.01, parameters=model.parameters())
    model.prepare(optimizer, paddle.nn.CrossEntropyLoss(), paddle.metric.Accuracy())
    model.fit(data, epochs=4, batch_size=18, verbose=0)
    assert model.evaluate(data, batch_size=18, verbose=0)["acc"] > 0.5
    (logits,) = model.predict(data, batch_size=18, stack_outputs=True, verbose=0)
    assert logits.shape == (90, 3)
    model.save(str(tmp_path / "model"))
    assert (tmp_path / "model.pdparams").is_file()
    assert model.summary((1, 3, 8, 8))["total_params"] == network.cost().params


def test_any_dataset_of_paddle_is_data() -> None:
    data = load_dataset(Stripes())
    assert (data.name, data.image_shape, data.num_classes) == ("Stripes", (3, 8, 8), 3)
    assert [len(data.train), len(data.valid), len(data.test)] == [57, 15, 18]
    tensors = paddle.io.TensorDataset([paddle.rand([30, 3, 8, 8]), paddle.arange(30) % 3])
    assert load_dataset(tensors).image_shape == (3, 8, 8)
    train, test = paddle.io.random_split(Stripes(), [60, 30])
    split = load_dataset({"train": train, "test": test})
    assert [len(split.train) + len(split.valid), len(split.test)] == [60, 30]
    assert ZeroCost("naswot", Stripes(), batch_size=8)(CombinedSpace(CONFIGS).token2arch(TOKENS))["naswot"] < 1e9


def test_mnist_of_paddle_vision(tmp_path: Path) -> None:
    paths = {}
    for mode, count in (("train", 200), ("test", 100)):  # Paddle reads them by hundreds
        images = RNG.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        paths[mode] = tmp_path / f"{mode}-images.gz", tmp_path / f"{mode}-labels.gz"
        paths[mode][0].write_bytes(gzip.compress(struct.pack(">4i", 2051, count, 28, 28) + images.tobytes()))
        paths[mode][1].write_bytes(gzip.compress(struct.pack(">2i", 2049, count) + labels.tobytes()))
    for backend in ("pil", "cv2"):
        parts = {
            mode: paddle.vision.datasets.MNIST(str(images), str(labels), mode=mode, backend=backend)
            for mode, (images, labels) in paths.items()
        }
        data = load_dataset(parts)
        assert (data.name, data.image_shape, data.num_classes) == ("MNIST", (1, 28, 28), 10)
        assert [len(data.train) + len(data.valid), len(data.test)] == [200, 100]
        assert abs(float(data.train.images.mean())) < 1e-3
    small = load_dataset(parts, image_size=14)
    assert small.image_shape == (1, 14, 14)


def test_dataset_folder_of_paddle_vision(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "images")
    data = load_dataset(paddle.vision.datasets.DatasetFolder(str(folder)))
    assert data.class_names == ("columns", "grey", "rows")
    assert data.image_shape == (3, 8, 8)
    same = load_dataset(folder)
    assert np.array_equal(data.test.images, same.test.images)
    assert np.array_equal(data.test.labels, same.test.labels)
    with pytest.raises(DataError, match="expected an image and its label"):
        load_dataset(paddle.vision.datasets.ImageFolder(str(folder)))


def test_a_network_learns_from_a_dataset_of_paddle() -> None:
    evaluator = ImageClassification(Stripes(150), epochs=6, batch_size=16, learning_rate=0.05)
    assert evaluator(CombinedSpace(CONFIGS).token2arch(TOKENS)) > 0.6


def paddleclas(folder: Path, count: int = 12) -> Path:
    class_folders(folder / "jpg", count)
    names = ("rows", "columns", "grey")
    for part, chosen in (("train", range(8)), ("val", range(8, 12))):
        lines = [f"jpg/{name}/{index}.png {label}" for index in chosen for label, name in enumerate(names)]
        (folder / f"{part}_list.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "stripes_label_list.txt").write_text("0 bright rows\n1 bright columns\n2 neither\n", encoding="utf-8")
    return folder


def test_lists_of_paddleclas(tmp_path: Path) -> None:
    folder = paddleclas(tmp_path / "stripes")
    data = load_dataset(folder)
    assert (data.name, data.num_classes, data.image_shape) == ("stripes", 3, (3, 8, 8))
    assert data.class_names == ("bright rows", "bright columns", "neither")
    assert len(data.valid) == 12
    assert len(data.train) + len(data.test) == 24
    assert np.bincount(data.valid.labels).tolist() == [4, 4, 4]
    assert np.array_equal(load_dataset(folder / "train_list.txt").train.images, data.train.images)
    assert load_dataset(folder, image_size=16).image_shape == (3, 16, 16)


def test_paths_with_spaces_and_tabs(tmp_path: Path) -> None:
    folder = paddleclas(tmp_path / "stripes")
    (folder / "jpg").rename(folder / "my photos")
    for part in ("train", "val"):
        file = folder / f"{part}_list.txt"
        text = file.read_text(encoding="utf-8").replace("jpg/", "my photos/").replace(".png ", ".png\t")
        file.write_text(text, encoding="utf-8")
    assert len(load_dataset(folder).valid) == 12


@pytest.mark.parametrize(
    ("part", "line", "message"),
    [
        ("train", "jpg/rows/0.png", r"train_list.txt, line 25: 'jpg/rows/0.png': expected a path and a label"),
        ("train", "jpg/rows/0.png -1", "expected a path and a label, a whole number from 0"),
        ("train", "jpg/rows/none.png 0", "none.png cannot be read as an image"),
        ("val", "jpg/rows/0.png 3", "has the label 3, and training images have 0 to 2"),
    ],
)
def test_mistakes_in_lists(part: str, line: str, message: str, tmp_path: Path) -> None:
    folder = paddleclas(tmp_path / "stripes")
    with (folder / f"{part}_list.txt").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=message):
        load_dataset(folder)


class Endless(paddle.io.IterableDataset):  # type: ignore[misc]
    def __iter__(self) -> Any:
        yield np.zeros([3, 8, 8], np.float32), 0


class Uneven(Stripes):
    def __getitem__(self, index: int) -> Any:
        return np.zeros([3, 8, 8 + index % 2], np.float32), 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Endless(), "does not tell how many samples it has"),
        (Uneven(), r"sample 1 has the shape \(3, 8, 9\) and others have \(3, 8, 8\)"),
        ([], "has no samples"),
        ([(np.zeros([3, 8, 8]), 0.5)], "has the label 0.5, expected a whole number from 0"),
        ({"training": Stripes()}, "data sets for training: expected train, and val and test"),
    ],
)
def test_mistakes_in_datasets(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(data)
