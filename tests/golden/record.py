"""Record what PaddleSlim 2.6.0 computes with known weights, for ``tests/test_numerics.py``.

Needs an environment with ``paddleslim==2.6.0`` (and six, requests, decorator, setuptools), ``paddlepaddle==3.3.1`` and
``numpy<2``; there::

    FLAGS_enable_pir_api=0 python tests/golden/record.py

writes ``tests/golden/outputs.json`` anew. It uses nothing of this library.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

OUTPUTS = Path(__file__).with_name("outputs.json")
IMAGE_SHAPE = (4, 3, 32, 32)
CHANNELS = 16
LEARNING_RATE = 0.0001

WHOLE = ("MobileNetV1Space", "MobileNetV2Space", "ResNetSpace", "DartsSpace")
BLOCKS = ("MobileNetV1BlockSpace", "MobileNetV2BlockSpace", "ResNetBlockSpace", "InceptionABlockSpace")
BLOCK_CONFIGS: tuple[dict[str, Any], ...] = (
    {"block_mask": [0, 1]},
    {"block_mask": [1, 0, 1]},
    {"input_size": 32, "output_size": 8, "block_num": 5},
)


def images() -> Any:
    """The images [N, C, H, W] that every network is given."""
    return np.random.default_rng(0).normal(size=IMAGE_SHAPE).astype("float32")


def fixed_value(name: str, shape: tuple[int, ...]) -> Any:
    """The value of a parameter, which depends on its name and shape only."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)
    if len(shape) > 1:
        noise *= (2.0 / np.prod(shape[1:])) ** 0.5
    elif name.endswith(("scale", "gama", "variance")):
        noise = 1.0 + 0.1 * np.tanh(noise)
    else:
        noise *= 0.1
    return noise.astype("float32")


def summary(output: Any) -> list[float]:
    """Mean of each of the first channels, and the mean absolute value of all."""
    array = np.asarray(output, dtype="float64")
    means = array.mean(axis=tuple(axis for axis in range(array.ndim) if axis != 1))
    return [float(value) for value in (*means[:CHANNELS], np.abs(array).mean())]


def cases(space_of: Any) -> Iterator[tuple[str, dict[str, Any], list[int]]]:
    """Space, config and tokens of every case; tokens are small, so that networks are."""
    rng = np.random.default_rng(7)
    for name in WHOLE:
        space = space_of(name, {})
        if name != "DartsSpace":
            yield name, {}, [int(token) for token in space.init_tokens()]
        for _ in range(2):
            yield name, {}, _small(space, rng)
    for name in BLOCKS:
        for config in BLOCK_CONFIGS:
            yield name, config, _small(space_of(name, config), rng)


def _small(space: Any, rng: Any) -> list[int]:
    return [int(rng.integers(0, min(count, 5))) for count in space.range_table()]


def record(net_arch: Any, extra: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Outputs in inference mode before and after two steps of training, and the losses of the steps."""
    import paddle

    startup, program = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(program, startup):
        image = paddle.static.data("image", [-1, *IMAGE_SHAPE[1:]], "float32")
        output = net_arch(image, *extra)
        output = output[0] if isinstance(output, (tuple, list)) else output
        loss = paddle.mean(output * output)
        inference = program.clone(for_test=True)
        paddle.optimizer.SGD(LEARNING_RATE).minimize(loss)
    place = paddle.CPUPlace()
    executor, scope = paddle.static.Executor(place), paddle.static.Scope()
    with paddle.static.scope_guard(scope):
        executor.run(startup)
        for parameter in inference.all_parameters():
            value = fixed_value(parameter.name, tuple(parameter.shape))
            scope.find_var(parameter.name).get_tensor().set(value, place)
        feed = {"image": images()}
        (before,) = executor.run(inference, feed=feed, fetch_list=[output])
        losses = [float(executor.run(program, feed=feed, fetch_list=[loss])[0]) for _ in range(2)]
        (after,) = executor.run(inference, feed=feed, fetch_list=[output])
    return {"before": summary(before), "losses": losses, "after": summary(after)}


def main() -> None:
    """Write the file."""
    import paddle
    from paddleslim.nas.search_space import SearchSpaceFactory

    paddle.enable_static()

    def space_of(name: str, config: dict[str, Any]) -> Any:
        return SearchSpaceFactory().get_search_space([(name, config)])

    recorded = []
    for name, config, tokens in cases(space_of):
        (net_arch,) = space_of(name, config).token2arch(tokens)
        extra = (0.0, None, False, 10) if name == "DartsSpace" else ()
        recorded.append({"space": name, "config": config, "tokens": tokens, **record(net_arch, extra)})
        sys.stderr.write(f"{name} {config} {recorded[-1]['losses']}\n")
    versions = ", ".join(f"{package} {version(package)}" for package in ("paddleslim", "paddlepaddle", "numpy"))
    lines = ",\n".join(json.dumps(case) for case in recorded)
    OUTPUTS.write_text(f'{{"measured_with": "{versions}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
