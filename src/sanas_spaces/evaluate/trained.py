"""Networks with weights: a static program to train, score and save."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .. import functions, kinds
from ..arch import NetArch
from ..errors import BuildError, CostError
from ..graph import NamedParameter, Node
from .data import Images, Split
from .weights import initial_value

SCORE_BATCH = 256
_VELOCITY = re.compile(r"_velocity_\d+$")
ONEDNN_KINDS = (
    kinds.Input,
    kinds.Conv2d,
    kinds.BatchNorm,
    kinds.Activation,
    functions.Add,
    kinds.GlobalAvgPool,
    functions.Flatten,
    kinds.Linear,
)
"""Layers that train with oneDNN as they do without."""


class TrainedNetwork:
    """A classifier as static programs that share parameters by name: one to train, one in inference mode.

    Static programs with oneDNN are the fastest way to train these networks on a CPU: a step of a MobileNetV2 took
    0.63 s where dygraph took 1.08 s (batch 64, 32 pixels, two cores), with a second of preparation instead of four.
    oneDNN leaves batch-norm statistics as they are, so :meth:`calibrate` computes them after training. Some of its
    gradients fail in Paddle 3.3 (concatenation among them), so it is used only for the layers of ``ONEDNN_KINDS``.

    Args:
        network: From images [N, C, H, W] to logits [N, classes].
        image_shape: Shape [C, H, W] of the images.
        rng: Source of the initial weights; Paddle's own generator is not used.
        learning_rate: A Paddle learning-rate scheduler, or None for a network that is not trained.
        weight_decay: Factor of the L2 penalty.
        label_smoothing: Share of the target that goes to all classes equally.
    """

    def __init__(
        self,
        network: NetArch,
        image_shape: tuple[int, int, int],
        rng: np.random.Generator,
        *,
        learning_rate: Any,
        weight_decay: float,
        label_smoothing: float,
    ) -> None:
        import paddle

        self.network = network
        self._scope = paddle.static.Scope()
        self._schedule = learning_rate
        self._train_program = paddle.static.Program()
        self._statistics_program = paddle.static.Program()
        self._test_program = paddle.static.Program()
        nodes, self._parameters = _description(network, image_shape)
        self._onednn = bool(nodes) and all(isinstance(node.kind, ONEDNN_KINDS) for node in nodes)
        startup = paddle.static.Program()
        with static_mode():
            with _building(self._train_program, startup):
                image = paddle.static.data("image", [-1, *image_shape], "float32")
                label = paddle.static.data("label", [-1, 1], "int64")
                logits = network(image, is_test=False)
                losses = _losses(logits, label, label_smoothing)
                # their mean, as a pooling: Paddle's mean writes a line on stdout when oneDNN is asked for
                loss = paddle.nn.functional.adaptive_avg_pool2d(paddle.reshape(losses, [1, 1, -1, 1]), 1)
                paddle.optimizer.Momentum(
                    learning_rate, momentum=0.9, use_nesterov=True, weight_decay=weight_decay
                ).minimize(loss)
                self._loss = loss
            with _building(self._statistics_program, paddle.static.Program()):
                network(paddle.static.data("image", [-1, *image_shape], "float32"), is_test=False)
            with _building(self._test_program, paddle.static.Program()):
                self._image = paddle.static.data("image", [-1, *image_shape], "float32")
                self._logits = network(self._image, is_test=True)
            self._executor = paddle.static.Executor()
            self._run(startup)
            for parameter in self._parameters:
                self._set(parameter.name, initial_value(parameter, rng).astype(np.float32))

    def train_step(self, images: Images, labels: Any) -> float:
        """One step of gradient descent; returns the loss before it."""
        with static_mode(onednn=self._onednn):
            feed = {"image": images, "label": labels[:, None]}
            (loss,) = self._run(self._train_program, feed, [self._loss])
        self._schedule.step()
        return float(loss.item())

    def go_to_step(self, step: int) -> None:
        """Take the learning rate of ``step``, counted from 0, next."""
        self._schedule.step(step)

    def calibrate(self, batches: Iterable[Images]) -> None:
        """Set batch-norm statistics to their means over ``batches`` (Wu and Johnson, arXiv:2105.07576, section 3)."""
        names = [parameter.name for parameter in self._parameters if not parameter.trainable]
        if not names:
            return
        totals = {name: np.zeros_like(np.array(self._tensor(name))) for name in names}
        zeros = {name: np.zeros_like(total) for name, total in totals.items()}
        count = 0
        for images in batches:
            for name in names:  # from zero, one step of the moving average gives its share of the batch's statistics
                self._set(name, zeros[name])
            with static_mode():
                self._run(self._statistics_program, {"image": images})
            for name in names:
                totals[name] += np.array(self._tensor(name)) / np.float32(1 - kinds.BN_MOMENTUM)
            count += 1
        for name in names:
            self._set(name, totals[name] / np.float32(count))

    def logits(self, images: Images) -> np.ndarray[Any, Any]:
        """Scores [N, classes] in inference mode."""
        with static_mode():
            batches = [
                self._run(self._test_program, {"image": images[start : start + SCORE_BATCH]}, [self._logits])[0]
                for start in range(0, len(images), SCORE_BATCH)
            ]
        return np.concatenate(batches)

    def accuracy(self, split: Split) -> float:
        """Share of the images whose largest score is at their label, from 0 to 1."""
        return _accuracy(self.logits(split.images), split)

    def weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """Parameters and batch-norm statistics by name."""
        return {parameter.name: np.array(self._tensor(parameter.name)) for parameter in self._parameters}

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Everything that training changes, by name: parameters, statistics and momenta."""
        return {key: np.array(self._tensor(name)) for key, name in self._state_names().items()}

    def restore(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Set what :meth:`state` told, of this network or of one that was built in the same way.

        Raises:
            BuildError: It is the state of another network.
        """
        names = self._state_names()
        if set(names) != set(state) or any(np.array(self._tensor(n)).shape != state[k].shape for k, n in names.items()):
            raise BuildError(f"{self.network.name}: this is the state of another network")
        for key, name in names.items():
            self._set(name, state[key])

    def _state_names(self) -> dict[str, str]:
        """Names in the scope; the optimizer numbers its own within the process, which is left out of the keys."""
        with static_mode():
            found = self._train_program.state_dict("all", self._scope)
        return {_VELOCITY.sub("_velocity", name): name for name in sorted(found) if "learning_rate" not in name}

    def save(self, path: str | Path) -> None:
        """Write a Paddle inference model from standardised images to logits; ``path`` is without file ending."""
        import paddle

        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with static_mode(), paddle.static.scope_guard(self._scope):
            paddle.static.save_inference_model(
                str(path), [self._image], [self._logits], self._executor, program=self._test_program
            )

    def _run(self, program: Any, feed: Any = None, fetch: Any = None) -> Any:
        import paddle

        with paddle.static.scope_guard(self._scope):  # the scheduler's variable is looked up in the global scope
            return self._executor.run(program, feed=feed, fetch_list=fetch)

    def _set(self, name: str, value: np.ndarray[Any, Any]) -> None:
        self._tensor(name).set(value, self._executor.place)

    def _tensor(self, name: str) -> Any:
        variable = self._scope.find_var(name)
        if variable is None:
            raise BuildError(f"parameter {name!r} was described and not built")
        return variable.get_tensor()


def score_inference_model(path: str | Path, split: Split) -> float:
    """Load an inference model (``path`` without file ending) and return its accuracy on ``split``, from 0 to 1."""
    import paddle

    with static_mode(), paddle.static.scope_guard(paddle.static.Scope()):
        executor = paddle.static.Executor()
        program, (image,), outputs = paddle.static.load_inference_model(str(path), executor)
        batches = [
            executor.run(program, feed={image: split.images[start : start + SCORE_BATCH]}, fetch_list=outputs)[0]
            for start in range(0, len(split), SCORE_BATCH)
        ]
    return _accuracy(np.concatenate(batches), split)


@contextmanager
def _building(program: Any, startup: Any) -> Iterator[None]:
    """Build into a program; what a network leaves without a name is called the same in each of its programs."""
    import paddle

    with paddle.utils.unique_name.guard(), paddle.static.program_guard(program, startup):
        yield


def _losses(logits: Any, label: Any, label_smoothing: float) -> Any:
    """Cross entropy [N, 1] of each image."""
    from paddle.nn import functional

    if not label_smoothing:
        return functional.cross_entropy(logits, label, reduction="none")
    # by hand: for labels that are numbers, Paddle's own argument fails in static programs
    exact = functional.one_hot(label[:, 0], logits.shape[1])
    target = exact * (1.0 - label_smoothing) + label_smoothing / logits.shape[1]
    return functional.cross_entropy(logits, target, soft_label=True, reduction="none")


def _description(network: NetArch, image_shape: tuple[int, int, int]) -> tuple[list[Node], list[NamedParameter]]:
    """Layers and parameters of a network; none if it calls Paddle itself, which then also draws its first weights."""
    try:
        graph = network.graph(image_shape)
    except CostError:
        return [], []
    return graph.live(), graph.parameters()


def use_all_cores() -> None:
    """Let Paddle compute with as many threads as this process has cores, unless OMP_NUM_THREADS says otherwise.

    Has to be called before the first computation; Paddle uses one thread by default.
    """
    chosen = os.environ.get("OMP_NUM_THREADS")
    import paddle  # noqa: F401 - sets OMP_NUM_THREADS to 1 if it is not set, and warns if it is more

    if chosen is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ["OMP_NUM_THREADS"] = str(cores)
        os.environ.setdefault("KMP_BLOCKTIME", "0")  # threads that wait sleep: other work on the machine costs less


@contextmanager
def static_mode(*, onednn: bool = False) -> Iterator[None]:
    """Build and run static programs inside, with oneDNN where it works, and leave Paddle as it was."""
    import paddle

    dynamic = paddle.in_dynamic_mode()
    flag = "FLAGS_use_mkldnn"
    before = paddle.get_flags(flag)
    if dynamic:
        paddle.enable_static()
    # the legacy IR cannot run these networks with oneDNN
    paddle.set_flags({flag: onednn and paddle.framework.in_pir_mode() and not paddle.is_compiled_with_cuda()})
    try:
        yield
    finally:
        paddle.set_flags(before)
        if dynamic:
            paddle.disable_static()


def _accuracy(logits: np.ndarray[Any, Any], split: Split) -> float:
    return float((logits.argmax(axis=1) == split.labels).mean())
