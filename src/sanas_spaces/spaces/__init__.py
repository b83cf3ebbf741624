"""The search spaces of PaddleSlim, and the one its documentation teaches."""

from .darts import DartsSpace
from .inception import InceptionABlockSpace, InceptionCBlockSpace
from .mobilenet_v1 import MobileNetV1BlockSpace, MobileNetV1Space
from .mobilenet_v2 import MobileNetV2BlockSpace, MobileNetV2Space
from .resnet import ResNetBlockSpace, ResNetBlockSpace2, ResNetSpace

__all__ = [
    "DartsSpace",
    "InceptionABlockSpace",
    "InceptionCBlockSpace",
    "MobileNetV1BlockSpace",
    "MobileNetV1Space",
    "MobileNetV2BlockSpace",
    "MobileNetV2Space",
    "ResNetBlockSpace",
    "ResNetBlockSpace2",
    "ResNetSpace",
]
