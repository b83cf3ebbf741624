"""Networks in inference mode as static programs: run, and saved as Paddle inference models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluate.trained import static_mode
from ..graph import Graph, leaves


class InferenceProgram:
    """A network with weights as a static program in inference mode.

    Args:
        graph: The network, with one input.
        arrays: Its parameters by name.
    """

    def __init__(self, graph: Graph, arrays: Mapping[str, Any]) -> None:
        import paddle

        from ..paddle_build import build_static

        self._scope = paddle.static.Scope()
        self._program, startup = paddle.static.Program(), paddle.static.Program()
        places = {output.index: number for number, output in enumerate(graph.outputs)}
        with static_mode():
            with paddle.static.program_guard(self._program, startup):
                self._image = paddle.static.data("image", [-1, *graph.inputs[0].dims], "float32")
                result = build_static(graph, (self._image,), training=False)
            self._executor = paddle.static.Executor()
            with paddle.static.scope_guard(self._scope):
                self._executor.run(startup)
                for name, array in arrays.items():
                    self._scope.find_var(name).get_tensor().set(array, self._executor.place)
        found = dict(zip((places[node.index] for node in leaves(graph.result)), _flat(result), strict=True))
        self._outputs = [found[number] for number in sorted(found)]

    def run(self, images: Any) -> list[Any]:
        """Distinct outputs for images [N, C, H, W], the main one first."""
        import paddle

        with static_mode(), paddle.static.scope_guard(self._scope):
            feed = {"image": np.asarray(images, np.float32)}
            outputs: list[Any] = self._executor.run(self._program, feed=feed, fetch_list=self._outputs)
        return outputs

    def save(self, path: Path) -> None:
        """Write an inference model; ``path`` is without file ending."""
        import paddle

        path.parent.mkdir(parents=True, exist_ok=True)
        with static_mode(), paddle.static.scope_guard(self._scope):
            paddle.static.save_inference_model(
                str(path), [self._image], self._outputs, self._executor, program=self._program
            )


def _flat(result: Any) -> list[Any]:
    """The variables in a result that may be nested, in the order of :func:`~sanas_spaces.graph.leaves`."""
    if isinstance(result, Mapping):
        return [variable for value in result.values() for variable in _flat(value)]
    if isinstance(result, tuple | list):
        return [variable for value in result for variable in _flat(value)]
    return [] if result is None else [result]
