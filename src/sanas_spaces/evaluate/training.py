"""Image classification: train a candidate on one split and score it on another."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import ops
from ..arch import ArchList, ImageShape, NetArch, main_output
from ..cost import Cost
from ..errors import CandidatePruned, ConfigError, EvaluationError
from .data import ImageDataset, Split, as_dataset
from .trained import TrainedNetwork

CALIBRATION_IMAGES = 1024
CALIBRATION_BATCH = 128

OnEpoch = Callable[[int, int, float], None]


class ImageClassification:
    """Trains networks from scratch and tells their validation accuracy, from 0 to 1.

    Stochastic gradient descent with Nesterov momentum 0.9 under one cosine of the learning rate (Loshchilov and
    Hutter, SGDR, arXiv:1608.03983, section 3) after a linear warm-up.

    Args:
        dataset: The images: what :func:`load_dataset` returns or takes, such as a ``paddle.io.Dataset``.
        epochs: Passes over the training images per candidate.
        final_epochs: Passes for the final network; by default three times ``epochs``.
        batch_size: Images per step.
        learning_rate: Largest learning rate.
        weight_decay: Factor of the L2 penalty.
        label_smoothing: Share of the target that goes to all classes equally.
        shift: Largest random shift of a training image in both directions, as a share of its size.
        seed: Seed of initial weights, order and shifts; the same for every candidate, so that they compare.
        on_epoch: Called with the epoch from 1, the number of epochs and the mean loss.
        on_step: Called after each training step; what it raises ends the training.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        epochs: int = 6,
        final_epochs: int | None = None,
        batch_size: int = 64,
        learning_rate: float = 0.1,
        weight_decay: float = 1e-4,
        label_smoothing: float = 0.0,
        shift: float = 0.0,
        seed: int = 0,
        on_epoch: OnEpoch | None = None,
        on_step: Callable[[], None] | None = None,
    ) -> None:
        for name, value in (("epochs", epochs), ("batch_size", batch_size), ("final_epochs", final_epochs or 1)):
            if value < 1:
                raise ConfigError(f"{name} = {value!r}: expected at least 1")
        self.dataset: ImageDataset = as_dataset(dataset)
        self.epochs = epochs
        self.final_epochs = final_epochs or 3 * epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.shift = shift
        self.seed = seed
        self.on_epoch = on_epoch
        self.on_step = on_step

    @property
    def input_shape(self) -> ImageShape:
        """Shape [C, H, W] of the images."""
        return self.dataset.image_shape

    def __call__(self, candidate: Any) -> float:
        """Train an architecture, or the ``archs`` of a candidate, and return its validation accuracy.

        A candidate with a budget is trained for so many epochs. If the search has a pruner, the validation accuracy
        after each epoch is reported to it; that changes nothing in the training.

        Raises:
            CandidatePruned: The pruner stopped the training.
        """
        network = self.classifier(getattr(candidate, "archs", candidate))
        epochs = getattr(candidate, "budget", None) or self.epochs
        watch = candidate if getattr(candidate, "prunable", False) else None
        return self._train(network, self.dataset.train, epochs, watch).accuracy(self.dataset.valid)

    def classifier(self, arch: NetArch | ArchList) -> NetArch:
        """``arch`` with a classifier for the classes of the data."""
        return classifier(arch, self.dataset.num_classes, self.input_shape)

    def cost(self, archs: NetArch | ArchList) -> Cost:
        """Cost of the network for one image, its classifier included."""
        return self.classifier(archs).cost()

    def train_best(self, archs: NetArch | ArchList) -> TrainedNetwork:
        """Train a network for ``final_epochs`` on training and validation images."""
        train, valid = self.dataset.train, self.dataset.valid
        both = Split(np.concatenate([train.images, valid.images]), np.concatenate([train.labels, valid.labels]))
        return self._train(self.classifier(archs), both, self.final_epochs)

    def _train(self, network: NetArch, split: Split, epochs: int, watch: Any = None) -> TrainedNetwork:
        rng = np.random.default_rng(self.seed)
        steps = epochs * math.ceil(len(split) / self.batch_size)
        trained = TrainedNetwork(
            network,
            self.input_shape,
            rng,
            learning_rate=_schedule(self.learning_rate, steps),
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
        )
        for epoch in range(1, epochs + 1):
            losses = []
            for batch in self._batches(split, rng):
                losses.append(trained.train_step(*batch))
                if self.on_step is not None:
                    self.on_step()
            mean = float(np.mean(losses))
            if not math.isfinite(mean):
                raise EvaluationError(f"the loss of {network.name} became {mean} in epoch {epoch}")
            if self.on_epoch is not None:
                self.on_epoch(epoch, epochs, mean)
            if watch is not None and epoch < epochs:
                trained.calibrate(self._calibration(split, np.random.default_rng((self.seed, epoch))))
                watch.report(trained.accuracy(self.dataset.valid), epoch)
                if watch.should_prune():
                    raise CandidatePruned(f"{network.name} was stopped after epoch {epoch} of {epochs}")
        trained.calibrate(self._calibration(split, rng))
        return trained

    def _calibration(self, split: Split, rng: np.random.Generator) -> Iterator[Any]:
        """Up to 1,024 training images in batches of equal size, as they are."""
        order = rng.permutation(len(split))[:CALIBRATION_IMAGES]
        size = min(CALIBRATION_BATCH, len(order))
        for start in range(0, len(order) - size + 1, size):
            yield split.images[order[start : start + size]]

    def _batches(self, split: Split, rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
        order = rng.permutation(len(split))
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield shifted(split.images[chosen], self.shift, rng), split.labels[chosen]


def classifier(arch: NetArch | ArchList, num_classes: int, input_shape: ImageShape) -> NetArch:
    """Turn an architecture into a network from images to logits [N, num_classes].

    A space with an argument ``num_classes`` is told it; a feature map gets global average pooling and a linear
    layer, a vector a linear layer.
    """
    network = arch.network if isinstance(arch, ArchList) else arch
    own = "num_classes" in inspect.signature(network.body).parameters

    def body(image: Any) -> Any:
        features = main_output(network(image, num_classes=num_classes) if own else network(image))
        if own:
            return features
        if len(features.shape) == 2:
            return ops.linear(features, num_classes, name="head_fc")
        return ops.classification_head(features, num_classes)

    return NetArch(
        body,
        described=network.described,
        name=network.name,
        tokens=network.tokens,
        choices=network.choices,
        input_shape=input_shape,
    )


def shifted(images: Any, share: float, rng: np.random.Generator) -> Any:
    """Shift each image [N, C, H, W] by up to ``share`` of its size in both directions, filling with zeros."""
    reach = round(share * images.shape[2])
    if reach == 0:
        return images
    count, _, height, width = images.shape
    padded: Any = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    view: Any = np.lib.stride_tricks.sliding_window_view  # its stubs know one axis only
    windows = view(padded, (height, width), axis=(2, 3))
    down, right = rng.integers(0, 2 * reach + 1, (2, count))
    return np.ascontiguousarray(windows[np.arange(count), :, down, right])


def _schedule(learning_rate: float, steps: int) -> Any:
    from paddle.optimizer import lr

    warm_up = max(1, steps // 10)
    cosine = lr.CosineAnnealingDecay(learning_rate, T_max=max(1, steps - warm_up))
    return lr.LinearWarmup(cosine, warm_up, start_lr=0.1 * learning_rate, end_lr=learning_rate)
