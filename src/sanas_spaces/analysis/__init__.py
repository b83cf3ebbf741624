"""What scripts import from ``paddleslim.analysis``: FLOPs and table latency of Paddle programs and layers."""

from .flops import LayerFlops, dygraph_flops, flops, flops_table
from .latency import LatencyEvaluator, TableLatencyEvaluator

__all__ = ["LatencyEvaluator", "LayerFlops", "TableLatencyEvaluator", "dygraph_flops", "flops", "flops_table"]
