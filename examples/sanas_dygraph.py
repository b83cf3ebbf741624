"""A search that trains each candidate as a paddle.nn.Layer, compiled with paddle.jit.to_static."""

import numpy as np
import paddle
import paddle.nn.functional as F

from sanas_spaces import NetArch, ops, search
from sanas_spaces.evaluate import load_dataset

CANDIDATES = 3
EPOCHS = 4
BATCH = 64


def classifier(archs, image_shape):
    """The candidate and a head, described as one network; its layer has the parameters of both."""

    def body(image):
        (feature,) = archs(image)
        return ops.classification_head(feature, num_classes=10)

    return NetArch(body, described=True, name="classifier", input_shape=image_shape)


def accuracy_after_training(candidate, data, seed=0):
    """Train on the training split and return the accuracy on the validation split, from 0 to 1."""
    paddle.seed(seed)
    layer = classifier(candidate.archs, data.image_shape).layer()
    compiled = paddle.jit.to_static(layer, full_graph=True)
    optimizer = paddle.optimizer.Momentum(0.05, momentum=0.9, parameters=layer.parameters())
    rng = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(data.train)), len(data.train) // BATCH):
            logits = compiled(paddle.to_tensor(data.train.images[batch]))
            loss = F.cross_entropy(logits, paddle.to_tensor(data.train.labels[batch]))
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
    layer.eval()
    predicted = compiled(paddle.to_tensor(data.valid.images)).numpy().argmax(axis=1)
    return float((predicted == data.valid.labels).mean())


def report(result, candidate):
    cost = candidate.cost
    print(f"tokens {candidate.tokens}  accuracy {candidate.reward:.3f}  FLOPs {cost.flops:,}")


def main():
    data = load_dataset("digits")
    result = search(
        [("ResNetBlockSpace2", {"block_mask": [1, 0]})],
        lambda candidate: accuracy_after_training(candidate, data),
        steps=CANDIDATES,
        constraints={"flops": 500e3},
        input_shape=data.image_shape,
        init_tokens=[0, 1, 2, 0, 1, 2],
        seed=0,
        callbacks=[report],
    )
    print(f"best   {result.best.tokens}  accuracy {result.best.reward:.3f}")


if __name__ == "__main__":
    main()
