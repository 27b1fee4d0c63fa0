"""Figures, players and widgets for the notebooks. Nothing else imports from here."""

# Here and not only when it is asked for: the module of the same name would otherwise hide the function.
from tutorial_lib.show.live import live

__all__ = ["live"]
