"""``fluid.optimizer``: the optimizers of Paddle under fluid's names of arguments."""

from __future__ import annotations

from typing import Any

from .programs import unknown


def _settings(parameter_list: Any, regularization: Any, grad_clip: Any, name: str | None) -> dict[str, Any]:
    return {"parameters": parameter_list, "weight_decay": regularization, "grad_clip": grad_clip, "name": name}


def SGD(  # noqa: N802 - a class in fluid
    learning_rate: Any,
    parameter_list: Any = None,
    regularization: Any = None,
    grad_clip: Any = None,
    name: str | None = None,
) -> Any:
    """Stochastic gradient descent."""
    import paddle

    return paddle.optimizer.SGD(learning_rate, **_settings(parameter_list, regularization, grad_clip, name))


def Momentum(  # noqa: N802
    learning_rate: Any,
    momentum: float,
    parameter_list: Any = None,
    use_nesterov: bool = False,
    regularization: Any = None,
    grad_clip: Any = None,
    name: str | None = None,
) -> Any:
    """Gradient descent with momentum."""
    import paddle

    settings = _settings(parameter_list, regularization, grad_clip, name)
    return paddle.optimizer.Momentum(learning_rate, momentum, use_nesterov=use_nesterov, **settings)


def Adam(  # noqa: N802
    learning_rate: Any = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    parameter_list: Any = None,
    regularization: Any = None,
    grad_clip: Any = None,
    name: str | None = None,
) -> Any:
    """Kingma and Ba, arXiv:1412.6980."""
    import paddle

    settings = _settings(parameter_list, regularization, grad_clip, name)
    return paddle.optimizer.Adam(learning_rate, beta1, beta2, epsilon, **settings)


SGDOptimizer = SGD
MomentumOptimizer = Momentum
AdamOptimizer = Adam


def __getattr__(name: str) -> Any:
    raise unknown(__name__, name)
