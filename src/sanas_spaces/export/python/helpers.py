"""Source of the few classes that written networks are made of; each is written only where it is used."""

from __future__ import annotations

from collections.abc import Collection

NAMES = '''
def _names(name, **keys):
    """Full names of parameters by where a layer keeps them: given, or name and role."""
    if isinstance(name, str):
        name = {role: f"{name}_{role}" for role in keys}
    return {key: name[role] for role, key in keys.items() if role in name}
'''

UNIFORM = '''
def _uniform(fan_in):
    """Start uniformly within 1 / sqrt(fan-in)."""
    bound = fan_in**-0.5
    return nn.initializer.Uniform(-bound, bound)
'''

CONV_NORM = '''
class ConvNorm(nn.Layer):
    """Convolution, batch normalisation, activation."""

    def __init__(
        self,
        name,
        in_channels,
        out_channels,
        kernel,
        stride=1,
        padding="SAME",
        dilation=1,
        groups=1,
        bias=False,
        act=None,
    ):
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias_attr=None if bias else False,
        )
        self.norm = nn.BatchNorm2D(out_channels)
        self.act = act
        self.names = _names(
            name,
            weights="conv.weight",
            bias="conv.bias",
            bn_scale="norm.weight",
            bn_offset="norm.bias",
            bn_mean="norm._mean",
            bn_variance="norm._variance",
        )

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.act(x) if self.act else x
'''

CONV = '''
class Conv(nn.Layer):
    """Convolution, activation."""

    def __init__(
        self,
        name,
        in_channels,
        out_channels,
        kernel,
        stride=1,
        padding="SAME",
        dilation=1,
        groups=1,
        bias=False,
        act=None,
    ):
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias_attr=None if bias else False,
        )
        self.act = act
        self.names = _names(name, weights="conv.weight", bias="conv.bias")

    def forward(self, x):
        x = self.conv(x)
        return self.act(x) if self.act else x
'''

NORM = '''
class {name}(nn.Layer):
    """Batch normalisation of {what}, activation."""

    def __init__(
        self, name, channels, momentum=0.9, epsilon=1e-5, frozen=False, act=None
    ):
        super().__init__()
        self.norm = nn.{layer}(
            channels,
            momentum=momentum,
            epsilon=epsilon,
            use_global_stats=True if frozen else None,
        )
        self.act = act
        self.names = _names(
            name,
            bn_scale="norm.weight",
            bn_offset="norm.bias",
            bn_mean="norm._mean",
            bn_variance="norm._variance",
        )

    def forward(self, x):
        x = self.norm(x)
        return self.act(x) if self.act else x
'''

LINEAR = '''
class Linear(nn.Layer):
    """Fully connected layer."""

    def __init__(self, name, in_features, out_features, bias=True):
        super().__init__()
        self.fc = nn.Linear(
            in_features, out_features, bias_attr=None if bias else False
        )
        self.names = _names(name, weights="fc.weight", bias="fc.bias")

    def forward(self, x):
        return self.fc(x)
'''

NEAREST = '''
def nearest_on_corners(x, height, width):
    """Resize to the nearest values, with the corners of both maps on each other."""
    for axis, new in ((2, height), (3, width)):
        step = np.float32((x.shape[axis] - 1) / (new - 1) if new > 1 else 0)
        places = (step * np.arange(new, dtype=np.float32)).astype(np.float64) + 0.5
        x = paddle.index_select(x, paddle.assign(places.astype(np.int64)), axis)
    return x
'''

STATE = '''
    def state_dict(self, *args, **kwargs):
        """Parameters and statistics by their full names, whatever layer keeps them."""
        names = self._full_names()
        state = super().state_dict(*args, **kwargs)
        return {names.get(key, key): value for key, value in state.items()}

    def set_state_dict(self, state_dict, *args, **kwargs):
        """Load parameters and statistics by their full names."""
        names = self._full_names()
        state = {k: v for k, v in state_dict.items() if k not in names.values()}
        for key, name in names.items():
            if name in state_dict:
                state[key] = state_dict[name]
        return super().set_state_dict(state, *args, **kwargs)

    set_dict = load_dict = set_state_dict

    def _full_names(self):
        """Full names by place: ``stem.conv.weight`` is ``stem_weights``."""
        names = {}
        for path, layer in self.named_sublayers():
            for key, name in getattr(layer, "names", {}).items():
                names[f"{path}.{key}"] = name
        return names
'''


def helper_source(used: Collection[str], *, uniform: Collection[str]) -> str:
    """Source of the helpers that are used.

    Args:
        used: Their names.
        uniform: Names of those that are asked to start uniformly.
    """
    parts = []
    if "nearest_on_corners" in used:
        parts.append(NEAREST)
    if set(used) - {"nearest_on_corners"}:
        parts.append(NAMES)
    if uniform:
        parts.append(UNIFORM)
    sources = {
        "ConvNorm": CONV_NORM,
        "Conv": CONV,
        "Norm": NORM.format(name="Norm", what="each channel", layer="BatchNorm2D"),
        "VectorNorm": NORM.format(name="VectorNorm", what="each value", layer="BatchNorm1D"),
        "Linear": LINEAR,
    }
    for name, source in sources.items():
        if name in used:
            parts.append(_with_uniform(source) if name in uniform else source)
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def _with_uniform(source: str) -> str:
    """A helper that can start uniformly."""
    return (
        source.replace("        act=None,\n    ):", "        act=None,\n        uniform=False,\n    ):")
        .replace(
            "        self.conv = nn.Conv2D(\n",
            "        area = kernel**2 if isinstance(kernel, int) else kernel[0] * kernel[1]\n"
            "        start = _uniform(in_channels * area) if uniform else None\n"
            "        self.conv = nn.Conv2D(\n",
        )
        .replace(
            "            bias_attr=None if bias else False,\n",
            "            weight_attr=start,\n            bias_attr=None if bias else False,\n",
        )
        .replace("out_features, bias=True):", "out_features, bias=True, uniform=False):")
        .replace(
            "        self.fc = nn.Linear(\n"
            "            in_features, out_features, bias_attr=None if bias else False\n"
            "        )\n",
            "        start = _uniform(in_features) if uniform else None\n"
            "        self.fc = nn.Linear(in_features, out_features, start, start if bias else False)\n",
        )
    )
