"""What networks cost, told without building them and without importing Paddle."""

import sys
import time

import numpy as np

from sanas_spaces import CombinedSpace


def main():
    space = CombinedSpace(["MobileNetV2Space"])
    cost = space.token2arch().cost((3, 224, 224))
    print("MobileNetV2Space, initial tokens, 3x224x224")
    print(f"  FLOPs            {cost.flops:>15,}  (multiply-adds)")
    print(f"  parameters       {cost.params:>15,}")
    print(f"  with statistics  {cost.params_with_statistics:>15,}")
    print(f"  all activations  {cost.activation_bytes:>15,}  bytes")
    print(f"  peak activations {cost.peak_activation_bytes:>15,}  bytes")
    print(f"  depth            {cost.depth:>15,}  convolutions")
    print(f"  output           {'x'.join(map(str, cost.output_shape)):>15}")

    rng = np.random.default_rng(0)
    tokens = [space.table.random(rng) for _ in range(200)]
    start = time.perf_counter()
    flops = sorted(space.token2arch(drawn).cost().flops for drawn in tokens)
    milliseconds = 1000 * (time.perf_counter() - start) / len(tokens)
    print(f"\n200 random networks, {milliseconds:.2f} ms each: FLOPs from {flops[0]:,} to {flops[-1]:,}")
    print(f"half of them are below {flops[len(flops) // 2]:,}")
    print(f"Paddle was {'' if 'paddle' in sys.modules else 'not '}imported")


if __name__ == "__main__":
    main()
