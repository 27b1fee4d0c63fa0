"""Optical flow distillation: the library behind the notebooks."""

import os

__version__ = "0.1.0"

# For OpenMP, which reads it when torch is imported, and for the kernels that are started from here: threads that wait
# for each other give their core away instead of spinning. Beside other busy processes that is several times as fast.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
