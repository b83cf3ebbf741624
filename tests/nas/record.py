"""Record what PaddleSlim 2.6.0's GPNAS, MedianStop and FLOPs say, for the tests beside this file.

Needs the environment that ``tests/golden/record.py`` describes; there::

    FLAGS_enable_pir_api=0 python tests/nas/record.py

writes ``tests/nas/paddleslim.json`` anew. It uses nothing of this library.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

RECORDED = Path(__file__).with_name("paddleslim.json")
EPOCHS = 4
FLAGS = ((1, 1), (1, 2), (2, 1), (2, 2))


def architectures(seed: int, count: int) -> tuple[Any, Any]:
    """Tokens [N, 6] and results [N] that depend on them."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, 5, size=(count, 6))
    return tokens, 60 + tokens @ [3, 1, 0, 2, 0.5, 1] + rng.normal(size=count)


def gp_nas(model: Any) -> dict[str, Any]:
    """What the methods return, called in the order of PaddleSlim's demo."""
    prior, target, test = architectures(0, 60), architectures(1, 12), architectures(2, 5)
    model.get_initial_mean(*prior)
    model.get_initial_cov(prior[0])
    found = {"initial": model.get_predict(test[0])}
    found["mean"] = model.get_posterior_mean(*target)
    found["covariance"] = model.get_posterior_cov(*target)
    found["joint"] = model.get_predict_jiont(test[0], *target)
    return {name: np.asarray(value).tolist() for name, value in found.items()}


def results(seed: int) -> list[list[float]]:
    """Results of some candidates after each epoch."""
    return np.random.default_rng(seed).random((12, EPOCHS)).round(3).tolist()


def statuses(rule: Any, candidates: list[list[float]]) -> list[str]:
    """The status after each epoch; a bad candidate is stopped."""
    found = []
    for step, candidate in enumerate(candidates):
        for result in candidate:
            found.append(rule.get_status(step, result, EPOCHS))
            if found[-1] == "BAD":
                break
    return found


def network() -> Any:
    """Build a network with every counted kind of layer in the current program, from layers of Paddle."""
    import paddle
    from paddle import nn

    x = paddle.static.data("image", [None, 3, 16, 20], "float32")
    x = nn.Conv2D(3, 8, 3, stride=2, padding=1)(x)
    x = nn.functional.relu(nn.BatchNorm2D(8)(x))
    x = nn.Conv2D(8, 8, 3, padding="SAME", groups=8, bias_attr=False)(x)
    x = nn.functional.relu6(nn.Conv2D(8, 12, (1, 3), groups=2)(x))
    x = nn.functional.avg_pool2d(x, 2)
    x = nn.functional.max_pool2d(x, 2)
    x = nn.functional.adaptive_avg_pool2d(x, 1)
    return nn.Linear(12, 10)(paddle.flatten(x, 1))


def main() -> None:
    """Write the file."""
    import paddle
    from paddleslim.analysis import flops
    from paddleslim.nas import GPNAS
    from paddleslim.nas.early_stop import MedianStop, median_stop

    np.product = np.prod  # type: ignore[attr-defined]
    medians = []
    for seed in range(20):
        mode, start = ("maxmize", "minimize")[seed % 2], seed % 3
        median_stop.median_stop.completed_history.clear()
        strategy = SimpleNamespace(_is_server=True, _server_ip="127.0.0.1", _server_port=18000 + seed, _client_name="")
        rule = MedianStop(strategy, start, mode)
        medians.append({"seed": seed, "mode": mode, "start": start, "statuses": statuses(rule, results(seed))})
    paddle.enable_static()
    program = paddle.static.Program()
    with paddle.static.program_guard(program, paddle.static.Program()):
        network()
    recorded = {
        "measured_with": {name: version(name) for name in ("paddleslim", "paddlepaddle", "numpy")},
        "gp_nas": [{"flags": flags, **gp_nas(GPNAS(*flags))} for flags in FLAGS],
        "median_stop": medians,
        "flops": {"convolutions": flops(program, detail=True), "all": int(flops(program, only_conv=False))},
    }
    RECORDED.write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()
