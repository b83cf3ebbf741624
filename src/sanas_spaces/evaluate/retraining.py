"""Training of one network for long: a recipe, checkpoints, and going on from them as if nothing had happened."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arch import ArchList, NetArch
from ..errors import BuildError, ConfigError, EvaluationError, RecordError
from ..files import read_arrays, write_arrays
from .data import ImageDataset, Split
from .trained import TrainedNetwork
from .training import CALIBRATION_BATCH, CALIBRATION_IMAGES, OnEpoch, classifier, shifted

CHECKPOINT = "checkpoint.npz"


@dataclass(frozen=True)
class Recipe:
    """How a network is trained for long.

    Stochastic gradient descent with Nesterov momentum 0.9; the learning rate rises linearly and then follows one cosine
    down to zero (Goyal et al., arXiv:1706.02677, section 2.2; Loshchilov and Hutter, arXiv:1608.03983, section 3).

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Largest learning rate.
        warm_up: Epochs in which it rises.
        weight_decay: Factor of the L2 penalty.
        label_smoothing: Share of the target that goes to all classes equally (Szegedy et al., arXiv:1512.00567,
            section 7).
        crop: Pixels by which an image is padded on each side before a random part of its old size is cut out.
        flip: Whether images are mirrored left to right at random; not for images where that changes the class, such as
            digits.
        seed: Seed of weights, order and augmentation.
    """

    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 0.1
    warm_up: int = 3
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    crop: int = 0
    flip: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("warm_up", 0), ("crop", 0), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} = {value!r}: expected a whole number from {least}")
        for name, below in (("learning_rate", math.inf), ("weight_decay", math.inf), ("label_smoothing", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < below:
                raise ConfigError(f"{name} = {value!r}: expected a number from 0 to below {below:g}")

    @classmethod
    def for_data(cls, dataset: ImageDataset, **settings: Any) -> Recipe:
        """The usual recipe for images: crops of an eighth of their size; flips, unless they are digits.

        Args:
            dataset: The images.
            settings: What is to be otherwise; None keeps what is usual.
        """
        usual = {"crop": max(1, dataset.image_shape[1] // 8), "flip": dataset.name != "digits"}
        return cls(**{**usual, **{key: value for key, value in settings.items() if value is not None}})

    def learning_rate_at(self, step: int, steps_per_epoch: int) -> float:
        """Learning rate of a step, counted from 0."""
        rising = min(self.warm_up, self.epochs - 1) * steps_per_epoch
        if step < rising:
            return self.learning_rate * (step + 1) / (rising + 1)
        share = (step - rising) / max(1, self.epochs * steps_per_epoch - rising)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def retrain(
    archs: NetArch | ArchList,
    dataset: ImageDataset,
    recipe: Recipe,
    *,
    folder: Path | None = None,
    on_epoch: OnEpoch | None = None,
    on_step: Callable[[], None] | None = None,
) -> TrainedNetwork:
    """Train a network on training and validation images.

    After each epoch everything that training has changed is written to a checkpoint; random numbers depend on seed and
    epoch only. So a training that was killed and is started again gives the same network as one that was not. (Dropout
    draws from Paddle's own generator and is an exception.)

    Args:
        archs: The network; a classifier for the data is put on it.
        dataset: The images.
        recipe: How to train.
        folder: Folder of the checkpoint, which is continued if it is there; None keeps none.
        on_epoch: Called with the epoch from 1, the number of epochs and the mean loss.
        on_step: Called after each step; what it raises ends the training.

    Raises:
        RecordError: The checkpoint is of another network, recipe or data set, or damaged.
        EvaluationError: The loss became infinite.
    """
    split = _joined(dataset.train, dataset.valid)
    steps = math.ceil(len(split) / recipe.batch_size)
    network = classifier(archs, dataset.num_classes, dataset.image_shape)
    trained = TrainedNetwork(
        network,
        dataset.image_shape,
        np.random.default_rng((recipe.seed, 0)),
        learning_rate=_schedule(recipe, steps),
        weight_decay=recipe.weight_decay,
        label_smoothing=recipe.label_smoothing,
    )
    checkpoint = None if folder is None else _Checkpoint(folder / CHECKPOINT, _fingerprint(network, dataset, recipe))
    done = 0 if checkpoint is None else checkpoint.load(trained)
    trained.go_to_step(done * steps)
    for epoch in range(done + 1, recipe.epochs + 1):
        rng = np.random.default_rng((recipe.seed, epoch))
        order = rng.permutation(len(split))
        losses = []
        for start in range(0, len(order), recipe.batch_size):
            chosen = order[start : start + recipe.batch_size]
            losses.append(trained.train_step(augmented(split.images[chosen], recipe, rng), split.labels[chosen]))
            if on_step is not None:
                on_step()
        mean = float(np.mean(losses))
        if not math.isfinite(mean):
            raise EvaluationError(f"the loss of {network.name} became {mean} in epoch {epoch}; lower the learning rate")
        if checkpoint is not None:
            checkpoint.save(trained, epoch)
        if on_epoch is not None:
            on_epoch(epoch, recipe.epochs, mean)
    order = np.random.default_rng((recipe.seed, recipe.epochs + 1)).permutation(len(split))[:CALIBRATION_IMAGES]
    size = min(CALIBRATION_BATCH, len(order))
    trained.calibrate(split.images[order[i : i + size]] for i in range(0, len(order) - size + 1, size))
    return trained


def augmented(images: Any, recipe: Recipe, rng: np.random.Generator) -> Any:
    """Images [N, C, H, W], cropped and flipped at random as the recipe says."""
    images = shifted(images, recipe.crop / images.shape[2], rng)
    if recipe.flip:
        mirrored = rng.random(len(images)) < 0.5
        images = np.where(mirrored[:, None, None, None], images[:, :, :, ::-1], images)
    return np.ascontiguousarray(images)


def wilson_interval(correct: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share that was measured as ``correct`` of ``count`` (Wilson, JASA 22, 1927), from 0 to 1."""
    from scipy.stats import norm

    if not 0 <= correct <= count or count < 1 or not 0 < confidence < 1:
        raise ConfigError(f"{correct} of {count} with confidence {confidence}: expected a share of at least one trial")
    z = float(norm.ppf(0.5 + confidence / 2))
    share, spread = correct / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return centre - half if correct else 0.0, centre + half if correct < count else 1.0


class _Checkpoint:
    """A training between two epochs, in a file that is replaced as a whole."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint

    def save(self, trained: TrainedNetwork, epoch: int) -> None:
        """Write the state after ``epoch``."""
        state = {f"state/{name}": array for name, array in trained.state().items()}
        write_arrays(self._path, {"epoch": np.asarray(epoch), "of": np.asarray(self._fingerprint), **state})

    def load(self, trained: TrainedNetwork) -> int:
        """Restore the state if there is one; returns the number of epochs that are done."""
        if not self._path.exists():
            return 0
        arrays = read_arrays(self._path)
        if str(arrays.pop("of", "")) != self._fingerprint or "epoch" not in arrays:
            raise RecordError(f"{self._path} is a checkpoint of another network, recipe or data set")
        epoch = int(arrays.pop("epoch"))
        try:
            trained.restore({name.removeprefix("state/"): array for name, array in arrays.items()})
        except BuildError as error:
            raise RecordError(f"{self._path}: {error}") from error
        return epoch


def _fingerprint(network: NetArch, dataset: ImageDataset, recipe: Recipe) -> str:
    data = [dataset.name, dataset.image_shape, len(dataset.train), len(dataset.valid), dataset.mean]
    return json.dumps([network.name, network.tokens, data, asdict(recipe)])


def _joined(first: Split, second: Split) -> Split:
    return Split(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]))


def _schedule(recipe: Recipe, steps_per_epoch: int) -> Any:
    from paddle.optimizer import lr

    return lr.LambdaDecay(1.0, lambda step: recipe.learning_rate_at(step, steps_per_epoch))
