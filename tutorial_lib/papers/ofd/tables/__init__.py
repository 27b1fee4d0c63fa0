"""The paper's Tables 1 to 3 and what must stand beside them."""

from tutorial_lib.papers.ofd.tables.ablations import fig23, table2, table3
from tutorial_lib.papers.ofd.tables.equal_style import frontier
from tutorial_lib.papers.ofd.tables.extras import extras
from tutorial_lib.papers.ofd.tables.pockets import pockets
from tutorial_lib.papers.ofd.tables.table1 import gaps, seeds, table1

BUILDERS = (table1, seeds, table2, table3, fig23, frontier, extras, gaps)    # the first one also serves real films
SCREEN = "-screen"                                                                   # of the folders for a screen


def builders_for(suffix: str) -> tuple:
    """The tables that a folder of records, scores + suffix, is for."""
    return (pockets,) if suffix.startswith(SCREEN) else BUILDERS
