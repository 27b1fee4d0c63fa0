"""A folder for each paper of the course: its roles, its stages and its tables. Everything else serves all of them."""

from tutorial_lib.papers.ofd import roles as ofd

ROLES = ofd.ROLES


def stages() -> dict:
    """Every stage by its name. Imported late: whoever only wants the names of the roles does not wait for PyTorch."""
    from tutorial_lib.papers.ofd.stages import STAGES

    return STAGES
