"""Figures, players and widgets for the notebooks. Nothing else imports from here."""
