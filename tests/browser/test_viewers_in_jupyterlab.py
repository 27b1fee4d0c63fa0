import re

CELL = """
import torch
from tutorial_lib.show.viewers.flicker import flicker_player
from tutorial_lib.show.viewers.flow import flow_viewer
film = torch.rand(4, 3, 36, 60)
flicker_player({"input": film, "student-ours": film.flip(0)})
"""
SECOND = "flow_viewer(film[1:2], film[:1], torch.ones(1, 2, 36, 60), torch.ones(1, 1, 36, 60))"


def test_both_viewers_come_to_life_when_their_cells_run(ran):
    page = ran(CELL, SECOND)
    page.locator(".viewer[data-frame]").wait_for(timeout=60_000)
    page.get_by_role("button", name="Next frame").click()
    assert page.locator(".viewer[data-frame]").get_attribute("data-frame") == "1"
    page.get_by_role("slider", name="column").fill("7")
    assert re.search(r"Column 7, row \d+ of frame t", page.locator(".viewer [role=status]").inner_text())
