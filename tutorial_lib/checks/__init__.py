"""Checks of what a reader writes in the notebooks: right, or one sentence on what is wrong and where to look.

Each is called with the reader's function, as in `checks.gram(gram)`.
"""

from tutorial_lib.checks.perceptual import gram, tap_style_loss, tv_loss

__all__ = ["gram", "tap_style_loss", "tv_loss"]
