"""Is `compact` a good judge? Optimise the same pictures under it and under its teacher, and let the teacher compare.

    python data_scripts/judge_features.py --judge squeezenet1_0.safetensors [--pictures FOLDER] [--output results]

For every style and content: a picture is optimised by Eq. 1 under the compact network, another under the judge,
from the same start and for the same number of steps. Both results' style and content losses are then measured with
the judge's features. Written: features.json, features.txt and features.png: for every content the photograph, the
picture under compact and that under the judge, a row a style.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from tutorial_lib.arguments import whole
from tutorial_lib.data import photographs, styles
from tutorial_lib.data.images import fit_longer_side, resize, write_image
from tutorial_lib.files import atomic_path, write_json
from tutorial_lib.losses.perceptual import PerceptualLoss, perceptual_loss
from tutorial_lib.networks.features import VGG16Features, load_features
from tutorial_lib.settings import scale

CONTENTS = ("astronaut", "coffee", "brick")    # test photographs: no network was trained on them


def optimise(perceptual: PerceptualLoss, content: torch.Tensor, steps: int) -> torch.Tensor:
    """The picture, started from the content, that Adam finds under Eq. 1."""
    picture = content.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([picture], lr=0.02)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 0.02 * (1 - step / steps)
        optimiser.zero_grad()
        perceptual(picture, content).backward()
        optimiser.step()
        picture.data.clamp_(0, 1)
    return picture.detach()


def square(picture: torch.Tensor, side: int = 128) -> torch.Tensor:
    """The middle of a picture, for a sheet of many: (1, 3, side, side)."""
    height, width = picture.shape[-2:]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    return resize(picture[..., top:top + least, left:left + least], side, side).clamp(0, 1)


def multiply_adds(network: torch.nn.Module, height: int = 320, width: int = 640) -> float:
    """Billions of multiply-adds for a picture."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, height, width))
    return counter.get_total_flops() / 2e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--judge", required=True, help="the teacher's file, or vgg16")
    parser.add_argument("--features", default="compact", help="compact, or the file of another perceptual network")
    parser.add_argument("--styles", nargs="+", default=list(styles.names()), help="painted styles or pictures")
    parser.add_argument("--steps", type=whole(1), default=150)
    parser.add_argument("--size", type=whole(16, 4096), default=192, help="longer side of the pictures")
    parser.add_argument("--output", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    settings = scale("laptop")
    compact, judge = load_features(arguments.features), load_features(arguments.judge)
    rows, sheet = [], []
    work = [(style, content) for style in arguments.styles for content in CONTENTS]
    for style, name in tqdm(work, desc="judge"):
        content = fit_longer_side(photographs.load_photograph(name), arguments.size).clamp(0, 1)
        under = {"compact": perceptual_loss(compact, style, settings), "judge": perceptual_loss(judge, style, settings)}
        pictures = {network: optimise(loss, content, arguments.steps) for network, loss in under.items()}
        row = {"style": Path(style).stem, "content": name}
        for network, picture in pictures.items():
            with torch.no_grad():
                terms = under["judge"].terms(picture, content)
            row |= {f"style_{network}": round(terms["style"].item(), 4),
                    f"content_{network}": round(terms["content"].item(), 4)}
        rows.append({**row, "ratio": round(row["style_compact"] / row["style_judge"], 3)})
        sheet.append(torch.cat([square(p) for p in (content, *pictures.values())], -1))
    cost = {"compact": multiply_adds(compact), "judge": multiply_adds(judge), "vgg16": multiply_adds(VGG16Features())}
    cost = {network: round(value, 2) for network, value in cost.items()}
    write_json(arguments.output / "features.json", {
        "judge": Path(arguments.judge).stem, "steps": arguments.steps, "size": arguments.size, "rows": rows,
        "worst_ratio": max(row["ratio"] for row in rows), "gmac_640x320": cost,
    })
    text = table(rows, cost)
    with atomic_path(arguments.output / "features.txt") as temporary:
        temporary.write_text(text + "\n")
    print(text)
    sheet = [torch.nn.functional.pad(p, (0, 6, 0, 6), value=1.0) for p in sheet]
    columns = [torch.cat(sheet[n::len(CONTENTS)], -2) for n in range(len(CONTENTS))]
    write_image(arguments.output / "features.png", torch.cat(columns, -1))


def table(rows: list[dict], cost: dict[str, float]) -> str:
    """The rows as text: the judge's losses of both pictures, and how many times more style loss compact leaves."""
    lines = [f"{'style':13} {'content':10} {'style: compact':>14} {'judge':>7} {'ratio':>6}  {'content: compact':>16} "
             f"{'judge':>7}"]
    lines += [f"{r['style']:13} {r['content']:10} {r['style_compact']:14.4f} {r['style_judge']:7.4f} "
              f"{r['ratio']:6.2f}  {r['content_compact']:16.4f} {r['content_judge']:7.4f}" for r in rows]
    lines.append("multiply-adds at 640x320: " + ", ".join(f"{name} {value} G" for name, value in cost.items()))
    return "\n".join(lines)
