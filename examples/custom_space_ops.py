"""The same space as custom_space.py, declared with sanas_spaces: shorter, and its networks tell what they cost."""

import paddle

from sanas_spaces import SANAS, SEARCHSPACE, BlockSpace, TokenRow, choice, ops

WIDTHS = (8, 16, 32, 40, 64, 128, 256, 512)


@SEARCHSPACE.register
class ResetBlockSpaceWithOps(BlockSpace):
    """Bottleneck residual blocks with three free widths each."""

    class Row(TokenRow):
        """The choices of one block, in the order of its tokens."""

        reduce_channels = choice(*WIDTHS)
        channels = choice(*WIDTHS)
        out_channels = choice(*WIDTHS)

    prefix = "reset_layer"

    def block(self, x, row, stride, name):
        """[N, C, H, W] -> [N, out_channels, H / stride, W / stride], which is also what a tap shows."""
        shortcut = x
        if x.shape[1] != row.out_channels or stride != 1:
            shortcut = ops.conv_bn(x, row.out_channels, 1, stride=stride, name=f"{name}_shortcut")
        y = ops.conv_bn(x, row.reduce_channels, 1, act="relu", name=f"{name}_conv0")
        y = ops.conv_bn(y, row.channels, 3, stride=stride, act="relu", name=f"{name}_conv1")
        y = ops.conv_bn(y, row.out_channels, 1, name=f"{name}_conv2")
        y = ops.add(shortcut, y)
        return y, y


def main():
    sanas = SANAS(
        [("ResetBlockSpaceWithOps", {"block_mask": [1, 0]})],
        search_steps=1,
        init_tokens=[0, 3, 5, 1, 1, 5],
        save_checkpoint=None,
        seed=0,
        constraints={"flops": 10e6},
        input_shape=(3, 32, 32),
    )
    archs = sanas.next_archs()
    print(archs.table((3, 32, 32)))
    print("\npicked:", archs.network.choices)

    layer = archs.layer((3, 32, 32))
    optimizer = paddle.optimizer.SGD(0.1, parameters=layer.parameters())
    paddle.seed(0)
    images = paddle.randn([4, 3, 32, 32])
    losses = []
    for _ in range(2):
        (feature,) = layer(images)
        loss = paddle.mean(feature * feature)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    sanas.reward(-losses[-1])
    print(f"loss {losses[0]:.4f}, after one step {losses[1]:.4f}")


if __name__ == "__main__":
    main()
