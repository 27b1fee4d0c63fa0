"""A folder for each paper of the course: its roles, its stages and its tables. Everything else serves all of them."""

from tutorial_lib.papers.ofd import roles as ofd

ROLES = ofd.ROLES     # of all papers; their stages are in `papers.stages`, which needs PyTorch
