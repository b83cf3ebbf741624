"""Write a table of NAS-Bench-Graph (Qin et al., arXiv:2206.09166) as an .npz file that sanas_spaces.tables reads.

    pip install nas-bench-graph==1.4.0
    python benchmarks/table_of_nas_bench_graph.py cora cora.npz

Tokens: which of nine structures links the four operations, then the operations, each of nine. Token lists that the
benchmark holds for equal networks have equal keys. Columns: ``valid`` and ``test`` accuracy in percent, ``params``.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
OPERATIONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", help="cora, arxiv, ...")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()

    from nas_bench_graph import Arch, light_read
    from nas_bench_graph.architecture import gnn_list

    known = light_read(options.dataset)
    rows = []
    for link, operations in itertools.product(
        range(len(LINKS)), itertools.product(range(len(gnn_list)), repeat=OPERATIONS)
    ):
        key = Arch(list(LINKS[link]), [gnn_list[one] for one in operations]).valid_hash()
        if key in known:
            found = known[key]
            rows.append(([link, *operations], key, found["valid_perf"], found["perf"], found["para"]))
    lists, keys, valid, test, params = zip(*rows, strict=True)
    np.savez_compressed(
        options.output,
        tokens=np.array(lists, dtype=np.int8),
        range_table=np.array([len(LINKS), *[len(gnn_list)] * OPERATIONS]),
        keys=np.unique(np.array(keys), return_inverse=True)[1],
        valid=100 * np.array(valid),
        test=100 * np.array(test),
        params=np.array(params, dtype=float),
    )


if __name__ == "__main__":
    main()
