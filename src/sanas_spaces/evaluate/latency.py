"""Latency of candidates, measured on this machine."""

from __future__ import annotations

import gc
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.operations import operations
from ..arch import ArchList, ImageShape, NetArch, main_output
from ..cost import Cost
from ..errors import ConfigError
from .trained import static_mode
from .training import classifier

_logger = logging.getLogger(__name__)

TOLERANCE = 0.05
MOST_ROUNDS = 8
BROKEN_FUSIONS = ("conv_concat_activation_onednn_fuse_pass", "batch_norm_act_fuse_pass")
"""Fusions of Paddle 3.3 that end with an error on cells like those of DARTS: under PIR the first, else the second."""
LEAKY_RELU_FUSION = "conv_activation_onednn_fuse_pass"
"""A fusion of Paddle 3.3 that ends the process under PIR where a leaky ReLU follows a convolution."""


class MeasuredLatency:
    """Median time that Paddle Inference takes for a batch on the CPU of this machine, in milliseconds.

    The network is built in inference mode, saved, and run by ``paddle.inference`` with its default settings: what a
    deployed network takes, with its layers fused and, where Paddle does so by default, with oneDNN. A run copies the
    batch in, computes, and copies the result out. The weights are random.

    Runs come in rounds. After each round the two rounds with the lowest medians are compared; when these differ by no
    more than ``tolerance``, the median of both together is the latency. What else happens on a machine makes rounds
    slower, never faster, so a busy minute is waited out. After eight rounds the two lowest are taken as they are, with
    a warning in the log.

    Threads are those of ``Config.set_cpu_math_library_num_threads``. ``paddle.static.Executor`` runs operations of one
    network on several threads whatever the number of OpenMP threads is, so it cannot be held to one.

    Args:
        input_shape: Image shape [C, H, W].
        num_classes: Put a classifier for so many classes on the network; by default it is measured as it is.
        batch_size: Images per run.
        warm_up: Runs before the first round that are not counted.
        runs: Runs per round.
        threads: Threads that a run may use.
        tolerance: Difference of two medians that counts as none, as a share of the lower one.
        seed: Seed of the images.
        name: What the values are called: ``{name}_ms`` for the median, ``{name}_iqr_ms`` for the interquartile range.

    Raises:
        ConfigError: A number is too small.
    """

    def __init__(
        self,
        input_shape: ImageShape,
        *,
        num_classes: int | None = None,
        batch_size: int = 1,
        warm_up: int = 5,
        runs: int = 30,
        threads: int = 1,
        tolerance: float = TOLERANCE,
        seed: int = 0,
        name: str = "latency",
    ) -> None:
        least = {"batch_size": (batch_size, 1), "warm_up": (warm_up, 0), "runs": (runs, 4), "threads": (threads, 1)}
        for what, (value, bound) in least.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < bound:
                raise ConfigError(f"{what} = {value!r}: expected a whole number of at least {bound}")
        if not 0 <= tolerance < 1:
            raise ConfigError(f"tolerance = {tolerance!r}: expected a share from 0 to 1")
        self.input_shape = input_shape
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.warm_up = warm_up
        self.runs = runs
        self.threads = threads
        self.tolerance = tolerance
        self.seed = seed
        self.name = name

    def __call__(self, candidate: Any) -> dict[str, float]:
        """Measure an architecture, or the ``archs`` of a candidate."""
        network = self._network(getattr(candidate, "archs", candidate))
        images = np.random.default_rng(self.seed).normal(size=(self.batch_size, *self.input_shape)).astype(np.float32)
        with undisturbed(self.threads):
            run = inference(network, images, threads=self.threads)
            for _ in range(self.warm_up):
                run()
            times, stable = stable_times(lambda: [_seconds(run) for _ in range(self.runs)], tolerance=self.tolerance)
        low, median, high = (1000 * float(value) for value in np.percentile(times, [25, 50, 75]))
        if not stable:
            _logger.warning(
                "%s: %s did not become stable in %d rounds of %d runs: median %.3f ms, interquartile range %.3f ms",
                network.name,
                self.name,
                MOST_ROUNDS,
                self.runs,
                median,
                high - low,
            )
        return {f"{self.name}_ms": median, f"{self.name}_iqr_ms": high - low}

    def cost(self, archs: NetArch | ArchList) -> Cost:
        """Cost of the network that is measured, for one image."""
        return self._network(archs).cost(self.input_shape)

    def _network(self, arch: NetArch | ArchList) -> NetArch:
        if self.num_classes is not None:
            return classifier(arch, self.num_classes, self.input_shape)
        return arch.network if isinstance(arch, ArchList) else arch


def inference(network: NetArch, images: Any, *, threads: int) -> Callable[[], Any]:
    """A function that runs a network with random weights on ``images`` and returns its main output."""
    import paddle

    with tempfile.TemporaryDirectory(prefix="sanas-latency-") as folder:
        prefix = Path(folder) / "network"
        without = _save(network, images.shape, str(prefix))
        (program,) = (path for path in prefix.parent.iterdir() if path.suffix in (".json", ".pdmodel"))
        config = paddle.inference.Config(str(program), f"{prefix}.pdiparams")
        config.set_cpu_math_library_num_threads(threads)
        config.disable_glog_info()
        for name in without:
            config.delete_pass(name)
        predictor = paddle.inference.create_predictor(config)
    image = predictor.get_input_handle(predictor.get_input_names()[0])
    output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run() -> Any:
        image.copy_from_cpu(images)
        predictor.run()
        return output.copy_to_cpu()

    return run


def stable_times(
    measure: Callable[[], list[float]], *, tolerance: float = TOLERANCE, most_rounds: int = MOST_ROUNDS
) -> tuple[list[float], bool]:
    """Measure rounds until the two with the lowest medians agree.

    Args:
        measure: Gives the times of one round.
        tolerance: Largest difference of the two medians, as a share of the lower one.
        most_rounds: Rounds after which the two lowest are taken as they are.

    Returns:
        The times of these two rounds, and whether they agree.
    """
    rounds: list[list[float]] = []
    while True:
        rounds.append(measure())
        rounds.sort(key=lambda times: float(np.median(times)))
        if len(rounds) >= 2:
            low, second = (float(np.median(times)) for times in rounds[:2])
            stable = second - low <= tolerance * low
            if stable or len(rounds) >= most_rounds:
                return rounds[0] + rounds[1], stable


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _save(network: NetArch, shape: tuple[int, ...], prefix: str) -> list[str]:
    """Write an inference model with random weights, and tell which fusions it must not have.

    Paddle's generator stays where it was.
    """
    import paddle

    state = paddle.get_rng_state("cpu")
    program, startup = paddle.static.Program(), paddle.static.Program()
    try:
        with static_mode(), paddle.static.scope_guard(paddle.static.Scope()):
            with paddle.static.program_guard(program, startup), paddle.utils.unique_name.guard():
                image = paddle.static.data("image", list(shape), "float32")
                output = main_output(network(image, is_test=True))
            executor = paddle.static.Executor(paddle.CPUPlace())
            executor.run(startup)
            paddle.static.save_inference_model(prefix, [image], [output], executor, program=program)
    finally:
        paddle.set_rng_state(state, "cpu")
    leaky = any(operation.kind == "leaky_relu" for operation in operations(program))
    return [*BROKEN_FUSIONS, *([LEAKY_RELU_FUSION] if leaky else [])]


@contextmanager
def undisturbed(threads: int) -> Iterator[None]:
    """No garbage collection and at most ``threads`` threads in the libraries that compute; afterwards as before."""
    import paddle  # noqa: F401 - its libraries have to be loaded to be held back
    from threadpoolctl import threadpool_limits

    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        with threadpool_limits(threads):
            yield
    finally:
        if collecting:
            gc.enable()
