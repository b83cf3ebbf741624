"""A search space of your own whose networks call Paddle directly, registered, built and trained for one step.

The space is the "reset block" of PaddleSlim's tutorial on custom search spaces, with what is printed wrong there
put right; docs/custom-spaces.md lists every mend.
"""

import numpy as np
import paddle

from sanas_spaces import SANAS, SEARCHSPACE, SearchSpaceBase
from sanas_spaces.strides import from_mask, from_sizes


@SEARCHSPACE.register
class ResetBlockSpace(SearchSpaceBase):
    """Bottleneck residual blocks with three free widths each."""

    def __init__(self, input_size, output_size, block_num, block_mask):
        super().__init__(input_size, output_size, block_num, block_mask)
        self.filter_num = [8, 16, 32, 40, 64, 128, 256, 512]
        if block_mask is not None:
            self.strides = from_mask(block_mask).strides
        else:
            self.strides = from_sizes(input_size, output_size, block_num).strides

    def init_tokens(self):
        return [0] * 3 * len(self.strides)

    def range_table(self):
        return [len(self.filter_num)] * 3 * len(self.strides)

    def token2arch(self, tokens=None):
        if tokens is None:
            tokens = self.init_tokens()
        widths = [self.filter_num[token] for token in tokens]
        settings = [(widths[3 * i : 3 * i + 3], stride) for i, stride in enumerate(self.strides)]

        def net_arch(input, training=True):
            for i, (channel_num, stride) in enumerate(settings):
                name = f"reset_layer{i + 1}"
                input = self._resnet_block(input, channel_num, stride, name, training)
            return input

        return net_arch

    def _resnet_block(self, input, channel_num, stride, name, training):
        first, middle, last = channel_num
        shortcut = self._shortcut(input, last, stride, name, training)
        y = self._conv_bn_layer(input, first, 1, 1, "relu", f"{name}_conv0", training)
        y = self._conv_bn_layer(y, middle, 3, stride, "relu", f"{name}_conv1", training)
        y = self._conv_bn_layer(y, last, 1, 1, None, f"{name}_conv2", training)
        return paddle.add(shortcut, y)

    def _shortcut(self, input, channel_num, stride, name, training):
        if input.shape[1] == channel_num and stride == 1:
            return input
        return self._conv_bn_layer(input, channel_num, 1, stride, None, f"{name}_shortcut", training)

    def _conv_bn_layer(self, input, num_filters, filter_size, stride, act, name, training):
        conv = paddle.nn.Conv2D(
            input.shape[1],
            num_filters,
            filter_size,
            stride=stride,
            padding="SAME",
            weight_attr=paddle.ParamAttr(name=f"{name}_weights"),
            bias_attr=False,
        )
        bn = paddle.nn.BatchNorm(
            num_filters,
            act=act,
            is_test=not training,
            param_attr=paddle.ParamAttr(name=f"{name}_bn_scale"),
            bias_attr=paddle.ParamAttr(name=f"{name}_bn_offset"),
            moving_mean_name=f"{name}_bn_mean",
            moving_variance_name=f"{name}_bn_variance",
        )
        return bn(conv(input))


def main():
    paddle.enable_static()
    config = [("ResetBlockSpace", {"block_mask": [1, 0]})]
    sanas = SANAS(config, search_steps=1, init_tokens=[0, 3, 5, 1, 1, 5], save_checkpoint=None, seed=0)
    archs = sanas.next_archs()
    print("tokens  ", archs.network.tokens)
    print("channels", [archs.network.choices[f"token {i}"] for i in range(6)], "(indices into filter_num)")

    train, test, startup = paddle.static.Program(), paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(train, startup):
        image = paddle.static.data("image", [None, 3, 32, 32], "float32")
        feature = archs(image)
        loss = paddle.mean(feature * feature)
        paddle.optimizer.SGD(0.1).minimize(loss)
    with paddle.static.program_guard(test, paddle.static.Program()):
        image = paddle.static.data("image", [None, 3, 32, 32], "float32")
        output = archs(image, is_test=True)  # shares the parameters of the other program by name

    executor = paddle.static.Executor()
    executor.run(startup)
    images = np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32")
    (before,) = executor.run(train, feed={"image": images}, fetch_list=[loss])
    (after,) = executor.run(train, feed={"image": images}, fetch_list=[loss])
    (value,) = executor.run(test, feed={"image": images}, fetch_list=[output])
    sanas.reward(-float(after))
    print(f"loss      {float(before):.4f}, after one step {float(after):.4f}")
    print("feature ", list(value.shape))
    print("recorded", sanas.current_info())


if __name__ == "__main__":
    main()
