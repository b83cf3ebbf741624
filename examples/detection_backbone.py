"""A network of a search space as the backbone of a detector: taps in, a small head on them, a few training steps.

Digits are pasted at random places of an empty image; the head tells for each cell of two maps whether a digit has its
centre there, which one, and where its box ends (a one-stage, anchor-free head as in FCOS, arXiv:1904.01355).
"""

import numpy as np
import paddle
import paddle.nn.functional as F
from sklearn.datasets import load_digits

from sanas_spaces import CombinedSpace

SIZE = 48  # of the images
STRIDES = {2: 4, 3: 8}  # of the stages whose last maps are used
CLASSES = 10
STEPS = 60


class Detector(paddle.nn.Layer):
    """A backbone that returns taps, and a 3x3 and a 1x1 convolution on each of them."""

    def __init__(self, archs):
        super().__init__()
        self.backbone = archs[0].layer((1, SIZE, SIZE), return_block=list(STRIDES))
        _, taps = self.backbone.graph.result
        self.towers = paddle.nn.LayerList([paddle.nn.Conv2D(taps[stage].shape[1], 32, 3, padding=1) for stage in taps])
        self.outputs = paddle.nn.LayerList([paddle.nn.Conv2D(32, 1 + CLASSES + 4, 1) for _ in taps])

    def forward(self, images):
        _, taps = self.backbone(images)
        return [
            output(F.relu(tower(taps[stage])))
            for stage, tower, output in zip(STRIDES, self.towers, self.outputs, strict=True)
        ]


def scenes(count, rng):
    """Images [N, 1, H, W], and for each map its targets: object [N, h, w], class [N, h, w], box [N, 4, h, w]."""
    digits = load_digits()
    images = np.zeros((count, 1, SIZE, SIZE), "float32")
    maps = {stage: SIZE // stride for stage, stride in STRIDES.items()}
    targets = {
        stage: (
            np.zeros((count, n, n), "float32"),
            np.zeros((count, n, n), "int64"),
            np.zeros((count, 4, n, n), "float32"),
        )
        for stage, n in maps.items()
    }
    for i in range(count):
        for corner in rng.permutation(4)[: rng.integers(1, 4)]:  # at most one digit in each quarter
            which = rng.integers(len(digits.images))
            scale = int(rng.integers(1, 3))
            digit = np.kron(digits.images[which] / 16.0, np.ones((scale, scale)))
            room = SIZE // 2 - 8 * scale
            top, left = (SIZE // 2 * np.array(divmod(corner, 2)) + rng.integers(0, room + 1, 2)).tolist()
            images[i, 0, top : top + 8 * scale, left : left + 8 * scale] = digit
            stage = 2 if scale == 1 else 3  # small digits on the fine map, large ones on the coarse one
            row, column = (top + 4 * scale) // STRIDES[stage], (left + 4 * scale) // STRIDES[stage]
            found, label, box = targets[stage]
            found[i, row, column], label[i, row, column] = 1.0, digits.target[which]
            y, x = (row + 0.5) * STRIDES[stage], (column + 0.5) * STRIDES[stage]
            box[i, :, row, column] = np.array([y - top, x - left, top + 8 * scale - y, left + 8 * scale - x]) / 8
    return images, list(targets.values())


def loss_of(outputs, targets):
    """Focal loss for objects (arXiv:1708.02002), cross entropy for classes, smooth L1 for boxes."""
    total = 0.0
    for output, (found, label, box) in zip(outputs, targets, strict=True):
        found, label, box = (paddle.to_tensor(target) for target in (found, label, box))
        label = label.astype("int64")
        objects = F.sigmoid_focal_loss(output[:, 0], found, reduction="sum")
        classes = F.cross_entropy(output[:, 1 : 1 + CLASSES], label, axis=1, reduction="none").squeeze(1)
        boxes = F.smooth_l1_loss(output[:, 1 + CLASSES :], box, reduction="none").mean(1)
        total = total + objects + ((classes + boxes) * found).sum()
    return total / sum(float(found.sum()) for found, _, _ in targets)


def main():
    paddle.seed(0)
    rng = np.random.default_rng(0)
    space = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [1, 1, 1]})])
    archs = space.token2arch([1, 4, 0, 0, 2, 5, 0, 0, 2, 6, 0, 0])
    detector = Detector(archs)
    print("taps", {stage: tap.shape for stage, tap in detector.backbone.graph.result[1].items()})

    adam = paddle.optimizer.Adam(0.003, parameters=detector.parameters())
    losses = []
    for _ in range(STEPS):
        images, targets = scenes(16, rng)
        loss = loss_of(detector(paddle.to_tensor(images)), targets)
        loss.backward()
        adam.step()
        adam.clear_grad()
        losses.append(loss.item())
    print(f"loss {losses[0]:.2f}, after {STEPS} steps {np.mean(losses[-5:]):.2f}")

    detector.eval()
    images, targets = scenes(64, rng)
    hits = total = 0
    for output, (found, _, _) in zip(detector(paddle.to_tensor(images)), targets, strict=True):
        score = output[:, 0].numpy()
        best = score.reshape(len(score), -1).argmax(1)
        truth = found.reshape(len(found), -1)
        some = truth.any(1)
        hits += truth[some, best[some]].sum()
        total += some.sum()
    print(f"best cell of a map holds a digit in {hits:.0f} of {total} maps with digits")


if __name__ == "__main__":
    main()
