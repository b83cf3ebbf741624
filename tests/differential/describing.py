"""What this library says about a network without building it. Does not load Paddle."""

from __future__ import annotations

from typing import Any

from sanas_spaces import CombinedSpace, NetArch

from .compare import digest
from .forms import Form
from .worker import outputs_of


def space_of(form: Form) -> CombinedSpace:
    """The space of a form, with the networks of PaddleSlim."""
    return CombinedSpace([(form.space, {**form.config, "compat": "paddleslim-2.6"})])


def describe(form: Form, arch: NetArch) -> dict[str, Any]:
    """Parameters, FLOPs and output shapes."""
    graph = arch.graph(form.image, **form.call)
    return {
        "parameters": [f"{p.name} {list(p.shape)}" for p in graph.parameters()],
        "flops": arch.cost(form.image, **form.call).flops,
        "shapes": [list(output.shape[1:]) for output in outputs_of(graph.result)],
    }


def figures(form: Form, arch: NetArch) -> dict[str, Any]:
    """The same with a digest for the parameters, as it is recorded of PaddleSlim."""
    described = describe(form, arch)
    return {"md5": digest(described["parameters"]), "flops": described["flops"], "shapes": described["shapes"]}
