"""Networks in inference mode as static programs: run, and saved as Paddle inference models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..arch import ImageShape
from ..evaluate.trained import static_mode
from ..files import write_bytes
from ..graph import Graph, leaves


class InferenceProgram:
    """A network with weights as a static program in inference mode.

    Args:
        graph: The network, with one input.
        arrays: Its parameters by name.

    Attributes:
        image_shape: Shape [C, H, W] of the images.
        outputs: How many distinct outputs there are.
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
        self.image_shape = graph.inputs[0].dims
        self.outputs = len(self._outputs)

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


class InferenceModel:
    """An inference model in files, of a network that has no description.

    Args:
        path: The files without their endings.
        image_shape: Shape [C, H, W] of the images.

    Attributes:
        outputs: How many outputs there are.
    """

    def __init__(self, path: Path, image_shape: ImageShape) -> None:
        import paddle

        self.image_shape = image_shape
        self._files = model_files(path)
        self._scope = paddle.static.Scope()
        with static_mode(), paddle.static.scope_guard(self._scope):
            self._executor = paddle.static.Executor()
            loaded = paddle.static.load_inference_model(str(path), self._executor)
            self._program, self._names, self._outputs = loaded
        self.outputs = len(self._outputs)

    def run(self, images: Any) -> list[Any]:
        """Outputs for images [N, C, H, W]."""
        import paddle

        with static_mode(), paddle.static.scope_guard(self._scope):
            feed = {self._names[0]: np.asarray(images, np.float32)}
            outputs: list[Any] = self._executor.run(self._program, feed=feed, fetch_list=self._outputs)
        return outputs

    def save(self, path: Path) -> None:
        """Write the same files; ``path`` is without file ending."""
        for file in self._files:
            write_bytes(path.with_suffix(file.suffix), file.read_bytes())


def model_files(path: Path) -> list[Path]:
    """The files of an inference model, the network first; none if there is no model."""
    weights = path.with_suffix(".pdiparams")
    networks = [file for file in (path.with_suffix(".json"), path.with_suffix(".pdmodel")) if file.exists()]
    return [networks[0], weights] if networks and weights.exists() else []


def _flat(result: Any) -> list[Any]:
    """The variables in a result that may be nested, in the order of :func:`~sanas_spaces.graph.leaves`."""
    if isinstance(result, Mapping):
        return [variable for value in result.values() for variable in _flat(value)]
    if isinstance(result, tuple | list):
        return [variable for value in result for variable in _flat(value)]
    return [] if result is None else [result]
