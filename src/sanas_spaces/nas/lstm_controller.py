"""An LSTM that proposes token lists and learns from their rewards."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F

from ..errors import ConfigError
from ..tokens import as_index

Array = npt.NDArray[Any]
States = list[tuple[Any, Any]]
"""Hidden state and cell [B, hidden_size] of each layer."""

ADAM_BETAS = 0.9, 0.999
ADAM_EPSILON = 1e-8
CLIP_NORM = 5.0
INIT_RANGE = 0.1


@dataclasses.dataclass(frozen=True)
class ControllerSettings:
    """Settings of the controller and of its training, by PaddleSlim's names.

    Attributes:
        lstm_num_layers: Number of LSTM layers.
        hidden_size: Size of the embeddings and of each layer.
        temperature: Divides the logits; larger is more random.
        tanh_constant: Bounds the logits to plus and minus this value; 0 leaves them unbounded.
        controller_lr: Learning rate of Adam.
        controller_decay_steps: Number of updates in which the learning rate falls by ``controller_decay_rate``.
        controller_decay_rate: That factor; both or neither.
        decay: Decay per reward of the moving mean and variance of rewards.
        weight_entropy: Weight of the policy's entropy, in nats per token list, against the normalised reward.
        controller_batch_size: Number of candidates where none is asked for.

    Raises:
        ConfigError: A value is out of range.
    """

    lstm_num_layers: int = 1
    hidden_size: int = 100
    temperature: float = 1.0
    tanh_constant: float = 2.5
    controller_lr: float = 0.003
    controller_decay_steps: int | None = None
    controller_decay_rate: float | None = None
    decay: float = 0.99
    weight_entropy: float = 0.1
    controller_batch_size: int = 1

    def __post_init__(self) -> None:
        for name in ("lstm_num_layers", "hidden_size", "controller_batch_size", "controller_decay_steps"):
            value = getattr(self, name)
            if value is not None and (as_index(value) or 0) < 1:
                raise ConfigError(f"{name} = {value!r}: expected a positive whole number")
        for name in ("temperature", "controller_lr", "controller_decay_rate"):
            value = getattr(self, name)
            if value is not None and not (_is_finite(value) and value > 0):
                raise ConfigError(f"{name} = {value!r}: expected a positive number")
        for name in ("tanh_constant", "weight_entropy"):
            if not (_is_finite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name} = {getattr(self, name)!r}: expected a number that is not negative")
        if not (_is_finite(self.decay) and 0 < self.decay < 1):
            raise ConfigError(f"decay = {self.decay!r}: expected a number between 0 and 1")
        if (self.controller_decay_steps is None) != (self.controller_decay_rate is None):
            raise ConfigError(
                f"controller_decay_steps = {self.controller_decay_steps!r} and "
                f"controller_decay_rate = {self.controller_decay_rate!r}: expected both or neither"
            )


class LSTMController:
    """A policy over token lists, trained with REINFORCE (Zoph and Le, arXiv:1611.01578, section 3.2).

    One LSTM step per token: the token before it is embedded, and a linear layer per position gives the logits, bounded
    and divided as in ENAS (Pham et al., arXiv:1802.03268). The last layers start at zero, so the first proposals are
    uniform. Rewards count relative to their moving mean and standard deviation, so their scale does not matter.

    Weights and Adam's moments are NumPy arrays, and Paddle is only used to compute with them, in a dygraph of its own:
    neither the mode, programs, scope and names of the caller nor Paddle's random state take part.

    Args:
        range_table: Number of options of each token.
        settings: Sizes and training.
        rng: Source of the initial weights and of proposals.
        use_gpu: Whether Paddle computes on the first GPU.
    """

    def __init__(
        self,
        range_table: Sequence[int],
        settings: ControllerSettings | None = None,
        *,
        rng: np.random.Generator,
        use_gpu: bool = False,
    ) -> None:
        self.range_table = list(range_table)
        self.settings = settings or ControllerSettings()
        self.updates = 0
        self._rng = rng
        self._place = paddle.CUDAPlace(0) if use_gpu else paddle.CPUPlace()
        self._offsets = np.cumsum([1, *self.range_table])  # rows of the embedding by position; row 0 starts a list
        self._rewards = 0
        self._mean = self._variance = 0.0
        self._arrays = self._initial_weights()
        self._names = list(self._arrays)
        for name in self._names:
            self._arrays[f"{name}_moment1"] = np.zeros_like(self._arrays[name])
            self._arrays[f"{name}_moment2"] = np.zeros_like(self._arrays[name])

    def sample(self, count: int) -> list[list[int]]:
        """Draw ``count`` token lists from the policy."""
        drawn = []
        with _dygraph(self._place), paddle.no_grad():
            weights, rows, states = self._weights(), self._start(count), self._zero_states(count)
            for position in range(len(self.range_table)):
                logits, states = self._step(weights, position, rows, states)
                # the largest of logits with Gumbel noise is a draw from their softmax
                tokens = np.argmax(logits.numpy() + self._rng.gumbel(size=logits.shape), axis=1)
                drawn.append(tokens)
                rows = self._offsets[position] + tokens
        lists: list[list[int]] = np.stack(drawn, axis=1).tolist()
        return lists

    def most_likely(self, count: int) -> list[list[int]]:
        """The likeliest token lists by beam search, best first: the greedy one for 1, fewer if there are fewer."""
        beams = np.zeros((1, 0), dtype=np.int64)
        scores = np.zeros(1)
        with _dygraph(self._place), paddle.no_grad():
            weights, rows, states = self._weights(), self._start(1), self._zero_states(1)
            for position, options in enumerate(self.range_table):
                logits, states = self._step(weights, position, rows, states)
                joint = (scores[:, None] + F.log_softmax(logits, axis=-1).numpy()).ravel()
                kept = np.argsort(-joint, kind="stable")[:count]
                parents, tokens = kept // options, kept % options
                scores = joint[kept]
                beams = np.column_stack([beams[parents], tokens])
                picked = paddle.to_tensor(parents)
                states = [(hidden.index_select(picked), cell.index_select(picked)) for hidden, cell in states]
                rows = self._offsets[position] + tokens
        lists: list[list[int]] = beams.tolist()
        return lists

    def update(self, tokens: Sequence[Sequence[int]], rewards: Sequence[float]) -> None:
        """One step of gradient ascent on the advantages of ``tokens`` [B, L] and the entropy of the policy."""
        advantages = self._advantages(np.asarray(rewards, dtype=np.float64))
        chosen = np.asarray(tokens, dtype=np.int64)
        batch = len(chosen)
        with _dygraph(self._place):
            weights, rows, states = self._weights(trainable=True), self._start(batch), self._zero_states(batch)
            log_likelihood, entropy = paddle.zeros([batch], "float32"), paddle.zeros([batch], "float32")
            for position, options in enumerate(self.range_table):
                logits, states = self._step(weights, position, rows, states)
                log_probs = F.log_softmax(logits, axis=-1)
                picked = F.one_hot(paddle.to_tensor(chosen[:, position]), options)
                log_likelihood += paddle.sum(log_probs * picked.astype("float32"), axis=-1)
                entropy -= paddle.sum(paddle.exp(log_probs) * log_probs, axis=-1)
                rows = self._offsets[position] + chosen[:, position]
            gain = paddle.to_tensor(advantages.astype(np.float32)) * log_likelihood
            loss = -paddle.mean(gain + self.settings.weight_entropy * entropy)
            loss.backward()
            gradients = {name: weight.grad.numpy() for name, weight in weights.items() if weight.grad is not None}
        self._adam(gradients)

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """What :meth:`restore` needs to go on exactly: values for JSON, and arrays by name."""
        values = {
            "updates": self.updates,
            "rewards": self._rewards,
            "mean": self._mean,
            "variance": self._variance,
            "rng": self._rng.bit_generator.state,
        }
        return values, dict(self._arrays)

    def restore(self, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go on from a state.

        Raises:
            KeyError: Something is missing.
            ValueError: An array has another shape.
        """
        loaded = {name: np.array(arrays[name], dtype=np.float32) for name in self._arrays}
        for name, array in loaded.items():
            if array.shape != self._arrays[name].shape:
                raise ValueError(f"{name} has the shape {array.shape}, expected {self._arrays[name].shape}")
        rng_state = dict(values["rng"])
        counts = int(values["updates"]), int(values["rewards"])
        mean, variance = float(values["mean"]), float(values["variance"])
        self._rng.bit_generator.state = rng_state
        self.updates, self._rewards = counts
        self._mean, self._variance = mean, variance
        self._arrays = loaded

    def _advantages(self, rewards: Array) -> Array:
        """Rewards relative to their moving mean, in units of their moving standard deviation."""
        decay = self.settings.decay
        for reward in rewards.tolist():
            self._rewards += 1
            share = (1 - decay) / (1 - decay**self._rewards)  # the mean of all, while there are few
            gap = reward - self._mean
            self._mean += share * gap
            self._variance = (1 - share) * (self._variance + share * gap * gap)
        deviation = math.sqrt(self._variance)
        return (rewards - self._mean) / deviation if deviation > 0 else np.zeros_like(rewards)

    def _adam(self, gradients: Mapping[str, Array]) -> None:
        rate = self.settings.controller_lr
        if self.settings.controller_decay_steps and self.settings.controller_decay_rate:
            rate *= self.settings.controller_decay_rate ** (self.updates / self.settings.controller_decay_steps)
        self.updates += 1
        norm = math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in gradients.values()))
        scale = min(1.0, CLIP_NORM / norm) if norm > 0 else 1.0
        first_beta, second_beta = ADAM_BETAS
        rate *= math.sqrt(1 - second_beta**self.updates) / (1 - first_beta**self.updates)
        for name, raw in gradients.items():
            gradient = raw * np.float32(scale)
            first, second = self._arrays[f"{name}_moment1"], self._arrays[f"{name}_moment2"]
            first += (1 - first_beta) * (gradient - first)
            second += (1 - second_beta) * (gradient * gradient - second)
            self._arrays[name] -= np.float32(rate) * first / (np.sqrt(second) + ADAM_EPSILON)

    def _step(self, weights: Mapping[str, Any], position: int, rows: Array, states: States) -> tuple[Any, States]:
        """Logits [B, options] of the token at ``position``, given rows of the embedding [B] and the states."""
        x = F.embedding(paddle.to_tensor(rows), weights["embedding"])
        after: States = []
        for layer, (hidden, cell) in enumerate(states):
            mixed = paddle.matmul(paddle.concat([x, hidden], axis=1), weights[f"lstm{layer}_weight"])
            enter, forget, leave, new = paddle.split(mixed + weights[f"lstm{layer}_bias"], 4, axis=1)
            cell = F.sigmoid(forget) * cell + F.sigmoid(enter) * paddle.tanh(new)
            x = F.sigmoid(leave) * paddle.tanh(cell)
            after.append((x, cell))
        logits = paddle.matmul(x, weights[f"head{position}_weight"]) + weights[f"head{position}_bias"]
        logits = logits / self.settings.temperature
        if self.settings.tanh_constant:
            logits = self.settings.tanh_constant * paddle.tanh(logits)
        return logits, after

    def _weights(self, trainable: bool = False) -> dict[str, Any]:
        return {name: paddle.to_tensor(self._arrays[name], stop_gradient=not trainable) for name in self._names}

    def _start(self, batch: int) -> Array:
        return np.zeros(batch, dtype=np.int64)

    def _zero_states(self, batch: int) -> States:
        zeros = paddle.zeros([batch, self.settings.hidden_size], "float32")
        return [(zeros, zeros)] * self.settings.lstm_num_layers

    def _initial_weights(self) -> dict[str, Array]:
        size = self.settings.hidden_size

        def uniform(*shape: int) -> Array:
            return self._rng.uniform(-INIT_RANGE, INIT_RANGE, shape).astype(np.float32)

        weights: dict[str, Array] = {"embedding": uniform(int(self._offsets[-1]), size)}
        for layer in range(self.settings.lstm_num_layers):
            weights[f"lstm{layer}_weight"] = uniform(2 * size, 4 * size)
            weights[f"lstm{layer}_bias"] = np.zeros(4 * size, np.float32)
        for position, options in enumerate(self.range_table):
            weights[f"head{position}_weight"] = np.zeros((size, options), np.float32)
            weights[f"head{position}_bias"] = np.zeros(options, np.float32)
        return weights


@contextmanager
def _dygraph(place: Any) -> Iterator[None]:
    """A dygraph of our own, whatever mode, program, gradient mode and AMP level the caller is in."""
    with (
        paddle.base.dygraph.guard(place),
        paddle.utils.unique_name.guard(),
        paddle.amp.auto_cast(enable=False),
        paddle.enable_grad(),
    ):
        yield


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and math.isfinite(value)
