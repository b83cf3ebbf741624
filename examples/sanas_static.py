"""A search driven from a training script, as with PaddleSlim: two static programs per candidate, on real digits."""

import numpy as np
import paddle
import paddle.nn.functional as F

from sanas_spaces import SANAS, ops
from sanas_spaces.evaluate import load_dataset

CANDIDATES = 3
EPOCHS = 4
BATCH = 64


def build_program(archs, image_shape, startup, is_test):
    """A program that ends in loss and accuracy; both programs of a candidate name the same parameters."""
    program = paddle.static.Program()
    with paddle.static.program_guard(program, startup):
        image = paddle.static.data("image", [None, *image_shape], "float32")
        label = paddle.static.data("label", [None, 1], "int64")
        (feature,) = archs(image, is_test=is_test)
        logits = ops.classification_head(feature, num_classes=10)
        loss = F.cross_entropy(logits, label)
        accuracy = paddle.static.accuracy(F.softmax(logits), label)
        if not is_test:
            paddle.optimizer.Momentum(0.05, momentum=0.9).minimize(loss)
    return program, loss, accuracy


def evaluate(archs, data, seed=0):
    """Train on the training split and return the accuracy on the validation split, from 0 to 1."""
    paddle.seed(seed)
    startup = paddle.static.Program()
    train_program, loss, _ = build_program(archs, data.image_shape, startup, is_test=False)
    test_program, _, accuracy = build_program(archs, data.image_shape, paddle.static.Program(), is_test=True)
    executor = paddle.static.Executor()
    rng = np.random.default_rng(seed)
    with paddle.static.scope_guard(paddle.static.Scope()):  # each candidate has its own parameters
        executor.run(startup)
        for _ in range(EPOCHS):
            for batch in np.array_split(rng.permutation(len(data.train)), len(data.train) // BATCH):
                feed = {"image": data.train.images[batch], "label": data.train.labels[batch, None]}
                executor.run(train_program, feed=feed, fetch_list=[loss])
        feed = {"image": data.valid.images, "label": data.valid.labels[:, None]}
        (value,) = executor.run(test_program, feed=feed, fetch_list=[accuracy])
    return float(value)


def main():
    paddle.enable_static()
    data = load_dataset("digits")
    sanas = SANAS(
        configs=[("MobileNetV2BlockSpace", {"block_mask": [1, 0, 1]})],
        search_steps=CANDIDATES,
        save_checkpoint=None,
        seed=1,
        constraints={"flops": 200e3},
        input_shape=data.image_shape,
    )
    for _ in range(CANDIDATES):
        archs = sanas.next_archs()
        score = evaluate(archs, data)
        sanas.reward(score)
        cost = sanas.current.cost
        print(f"tokens {sanas.current.tokens}  accuracy {score:.3f}  FLOPs {cost.flops:,}  parameters {cost.params:,}")
    best = sanas.current_info()
    print(f"best   {best['best_tokens']}  accuracy {best['best_reward']:.3f}")


if __name__ == "__main__":
    main()
