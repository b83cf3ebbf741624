"""A search whose candidates are trained on a Ray cluster: the one that RAY_ADDRESS names, or one on this machine."""

import paddle
import paddle.nn.functional as F

from sanas_spaces import NetArch, ops, search
from sanas_spaces.evaluate import load_dataset
from sanas_spaces.searching.execution import RayExecutor

CANDIDATES = 4
STEPS = 60
SPACE = [("ResNetBlockSpace2", {"block_mask": [1, 0]})]


def train(candidate):
    """Runs on some node of the cluster, as often as the cluster can hold it."""
    data = load_dataset("digits")

    def classifier(image):
        (feature,) = candidate.archs(image)
        return ops.classification_head(feature, num_classes=10)

    paddle.seed(0)
    layer = NetArch(classifier, described=True, name="classifier", input_shape=data.image_shape).layer()
    optimizer = paddle.optimizer.Momentum(0.05, momentum=0.9, parameters=layer.parameters())
    images, labels = paddle.to_tensor(data.train.images), paddle.to_tensor(data.train.labels)
    for step in range(STEPS):
        batch = slice(step * 64 % len(data.train), step * 64 % len(data.train) + 64)
        F.cross_entropy(layer(images[batch]), labels[batch]).backward()
        optimizer.step()
        optimizer.clear_grad()
    layer.eval()
    predicted = layer(paddle.to_tensor(data.valid.images)).numpy().argmax(axis=1)
    return float((predicted == data.valid.labels).mean())


def report(result, candidate):
    print(f"tokens {candidate.tokens}  accuracy {candidate.reward:.3f}", flush=True)


def main():
    executor = RayExecutor(num_cpus=1, num_gpus=0)  # what one candidate needs
    print(f"{executor.slots} candidates at once")
    try:
        result = search(
            SPACE,
            train,
            steps=CANDIDATES,
            input_shape=(1, 8, 8),
            folder="runs/ray",  # the record: search(..., resume=True) goes on from there
            seed=0,
            executor=executor,
            callbacks=[report],
        )
    finally:
        executor.shutdown()
    print(f"best   {result.best.tokens}  accuracy {result.best.reward:.3f}")


if __name__ == "__main__":
    main()
