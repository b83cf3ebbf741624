"""Where candidates are evaluated: in this process, in processes of a pool, or by an executor of somebody else."""

from .base import Execution, Outcome, Question
from .executors import FuturesExecution
from .inline import InlineExecution
from .pool import Pool
from .ray_tasks import RayExecutor

__all__ = ["Execution", "FuturesExecution", "InlineExecution", "Outcome", "Pool", "Question", "RayExecutor"]
