# %% [markdown]
# # 1. The perceptual loss: how a number judges a style
#
# **You will be able to**
# - say what a network that has learned to see remembers of a picture;
# - compute a Gram matrix by hand, and say what it forgets;
# - write Eq. 1 of the paper in ten lines and paint a picture with it;
# - explain why the network that judges has to be a trained one.
#
# **You need** [notebook 0](00_start_here.ipynb), and to know what a gradient is.
# **Time**: about 1 minute on a laptop without a GPU, to run every cell.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 0. Start here](00_start_here.ipynb) |
# [Next: 2. Flow and warping](02_flow_and_warping.ipynb)

# %%
import time

import torch
import torch.nn.functional as F
from tutorial_lib import settings as config, zoo
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.photographs import load_photograph
from tutorial_lib.data.styles import has_picture, load_style
from tutorial_lib.losses.perceptual import PerceptualLoss, gram as library_gram, tv_loss
from tutorial_lib.networks.features import CompactFeatures, load_features
from tutorial_lib.show import figures

settings, style = config.scale(), config.style()
if not has_picture(style):
    print(f"This notebook needs a style picture, and that of {style} does not ship.")
    style = "mosaic"
torch.manual_seed(settings.seed)
print(f"Scale: {settings.name}, style: {style}")

# %%
photograph = fit_longer_side(load_photograph("chelsea"), min(settings.evaluation_width, 192))
painting = load_style(style, settings.style_size)
figures.show(
    figures.images({"the content": photograph, "the style": painting}, height=2.2),
    "The task: keep what the left picture shows, in the manner of the right one.",
    "A photograph of a cat, and a square mosaic.",
)

# %% [markdown]
# ## What a network sees
#
# A network that was trained to recognise things turns a picture into *feature maps*: one map
# for each thing it looks for, bright where it finds it. Ours is called `compact`, is small, and
# ships with the course. We listen to it at four depths, its *taps*.

# %%
features = load_features("compact")
taps = features(photograph)
for name, tap in taps.items():
    print(f"{name}: {tap.shape[1]:3} maps of {tap.shape[3]} x {tap.shape[2]} values")
print(f"{sum(p.numel() for p in features.parameters()):,} weights, all frozen")
assert not any(p.requires_grad for p in features.parameters())

# %% [markdown]
# *Predict, then run:* which maps will still look like a cat, the first or the last?

# %%
maps = {}
for name, tap in taps.items():
    inner = tap[0, :, 3:-3, 3:-3]  # the border sees the frame, not the cat
    liveliest = inner.flatten(1).std(1).topk(2).indices
    maps |= {f"{name}, map {i}": inner[i][None] for i in liveliest.tolist()}
figures.show(
    figures.images(maps, columns=4, height=1.5),
    "Two maps of each tap, bright = found. Look for edges and spots first, then for "
    "larger parts: the deeper, the coarser, and the less like a photograph.",
    "Eight feature maps of the cat, from fine edges to coarse blobs.",
)

# %% [markdown]
# ## Content
#
# Two pictures show the same thing if the maps agree place by place, at a depth that knows edges and
# parts but no longer every pixel:
#
# $$L_{content} = \frac{1}{p}\,\mathrm{mean}\big(\phi_c(y) - \phi_c(x)\big)^2$$
#
# with $\phi_c$ the maps of one tap, $y$ the painted and $x$ the original picture. The paper leaves
# the units open; we divide by $p$, the mean square of the style picture's own maps.

# %%
def content_loss(stylized, original):
    tap = features.content_tap
    power = features(painting)[tap].square().mean()
    return (features(stylized)[tap] - features(original)[tap]).square().mean() / power


print(f"The content tap is {features.content_tap}.")

# %% [markdown]
# *Predict, then run:* the cat a bit darker, and the cat blurred. Which of the two is further from
# the original in its pixels, and which for the network?

# %%
darker = 0.8 * photograph
blurred = F.avg_pool2d(F.pad(photograph, [2] * 4, mode="reflect"), 5, stride=1)
changed = {"darker": darker, "blurred": blurred, "mirrored": photograph.flip(3)}
figures.show(
    figures.images({"original": photograph, **changed}, height=1.5),
    "Four cats. Look for what matters to you: the brightness, the sharpness, the place "
    "of the nose?",
    "The cat as photographed, darker, blurred, and mirrored.",
)
for name, picture in changed.items():
    pixels = (picture - photograph).square().mean()
    print(f"{name:9} pixels {pixels:.4f}   content {content_loss(picture, photograph):.4f}")

# %%
assert content_loss(photograph, photograph) == 0
assert content_loss(darker, photograph) < content_loss(blurred, photograph)
assert (darker - photograph).square().mean() > (blurred - photograph).square().mean()

# %% [markdown]
# Being darker costs many pixels a little and the network almost nothing; blur is the other way
# round, because edges are what it looks for. Content is not about colour: exactly the room that a
# painter needs.
#
# ## Style: what is where does not matter
#
# A mosaic is a mosaic because small tiles *go with* dark joints, wherever they lie. So count how
# often two features fire in the same place, and forget the place.

# %%
left, top = torch.tensor([[1.0, 0], [1, 0]]), torch.tensor([[1.0, 1], [0, 0]])
toys = {
    "apart": torch.stack([left, 1 - left]),
    "elsewhere": torch.stack([top, 1 - top]),
    "together": torch.stack([left, left]),
}
parts = {f"{name}: {n}": toy[i][None] for name, toy in toys.items() for i, n in enumerate("ab")}
figures.show(
    figures.images(parts, columns=6, height=1.4),
    "Three pictures of 2 x 2 pixels, each with two features a and b. Look for whether a "
    "and b are bright in the same place.",
    "Six maps of two by two pixels.",
)

# %% [markdown]
# The *Gram matrix* multiplies every map with every other, pixel by pixel, and averages:
#
# $$G_{ab} = \frac{1}{HW}\sum_{p} \phi_a(p)\,\phi_b(p)$$
#
# *Predict, then run:* which two of the three pictures have the same Gram matrix?

# %%
def gram(maps):
    n, c, h, w = maps.shape
    flat = maps.reshape(n, c, h * w)
    return flat @ flat.transpose(1, 2) / (h * w)  # (N, C, C)


for name, toy in toys.items():
    print(f"{name:10}", gram(toy[None])[0].tolist())

# %%
assert torch.equal(gram(taps["tap3"]), library_gram(taps["tap3"]))
assert torch.equal(gram(toys["apart"][None]), gram(toys["elsewhere"][None]))

# %% [markdown]
# On the diagonal: how strongly each feature fires. Beside it: how often both do. Where they do is
# gone. With real pictures this forgetting is drastic. Take the three *colours* as features, and
# shuffle all pixels of the cat.

# %%
order = torch.randperm(photograph[0, 0].numel())
shuffled = photograph.flatten(2)[..., order].reshape(photograph.shape)
figures.show(
    figures.images({"photograph": photograph, "shuffled": shuffled}, height=1.7),
    "Both have the same Gram matrix of colours. Look for the cat: the Gram matrix did "
    "not.",
    "The cat, and the same pixels in random order.",
)
assert torch.allclose(gram(photograph), gram(shuffled), atol=1e-4)

# %% [markdown]
# A map of a deeper tap looks at a neighbourhood, not at a pixel, so shuffling changes it. That is
# why four taps judge together: colours and grain in the first, whole tiles in the last.
#
# $$L_{style} = \sum_{taps} \frac{\|G(y) - G(s)\|^2}{\|G(s)\|^2}$$
#
# with $s$ the style picture. 0 is perfect; 1 a tap is a picture with no features at all.

# %%
def style_loss(stylized, style_picture):
    pairs = zip(features(stylized).values(), features(style_picture).values(), strict=True)
    grams = [(gram(a), gram(b)) for a, b in pairs]
    return sum((a - b).square().sum() / b.square().sum() for a, b in grams)


others = {"itself": photograph, "mirrored": photograph.flip(3), "shuffled": shuffled,
          "the painting": painting}
for name, picture in others.items():
    print(f"the cat against {name:12} {style_loss(photograph, picture):8.4f}")

# %% [markdown]
# ## Eq. 1
#
# The third term, *total variation*, is the mean squared difference of neighbouring pixels. It
# keeps single pixels from going wild.
#
# $$L_{percep} = \lambda_c L_{content} + \lambda_s L_{style} + \lambda_{tv} L_{tv}$$

# %%
def perceptual(stylized, original):
    return (settings.content_weight * content_loss(stylized, original)
            + settings.style_weight * style_loss(stylized, painting)
            + settings.tv_weight * tv_loss(stylized))


weights = (settings.content_weight, settings.style_weight, settings.tv_weight)
library = PerceptualLoss(features, painting, *weights)
ours, theirs = perceptual(blurred, photograph), library(blurred, photograph)
print(f"inline {ours:.4f}, library {theirs:.4f}")
assert torch.allclose(ours, theirs, rtol=1e-4)

# %% [markdown]
# From here on we use the library's, which computes the painting's Gram matrices only once.
#
# ## Painting without a painter
#
# There is no network to train yet. We let the *pixels* follow the gradient of Eq. 1, starting from
# the photograph. This is how it was first done (Gatys et al. 2016).
#
# *Predict, then run:* where will tiles appear first, on the cat's eyes or on the blurred
# background?

# %%
def paint(loss, steps=settings.demo_steps, rate=0.03):
    picture = photograph.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([picture], lr=rate)
    stages, history = [photograph], []
    for _ in range(steps):
        optimiser.zero_grad()
        value = loss(picture, photograph)
        value.backward()
        optimiser.step()
        picture.data.clamp_(0, 1)
        history.append({"Eq. 1": value.item()})
        stages.append(picture.detach().clone())
    return stages, history

# %%
start = time.perf_counter()
stages, history = paint(library)
seconds_to_paint = time.perf_counter() - start
last = len(stages) - 1
chosen = [0, last // 6, last // 2, last]
figures.show(
    figures.images({f"step {i}": stages[i] for i in chosen}, height=1.7),
    "The photograph turns into a mosaic. Look for joints that follow the lines of the "
    "face.",
    "Four stages of the cat, from photograph to mosaic.",
)

# %%
figures.show(
    figures.losses(history, "the painting of one picture"),
    "Look for how steep the beginning is: colours come fast, tiles take longer.",
    "The loss falls steeply, then slowly.",
)
assert history[-1]["Eq. 1"] < history[0]["Eq. 1"]

# %% [markdown]
# ## What the weights do
#
# Only the *ratio* of style to content matters. Everything else stays as it was.
#
# *Predict, then run:* a tenth of the style weight, and ten times as much. In which picture will the
# cat be hardest to find?

# %%
def with_style(factor):
    return PerceptualLoss(features, painting, weights[0], factor * weights[1], weights[2])


paintings = {
    "style weight / 10": paint(with_style(0.1))[0][-1],
    "as above": stages[-1],
    "style weight x 10": paint(with_style(10))[0][-1],
}

# %%
figures.show(
    figures.images(paintings, height=1.9),
    "The same steps with three style weights. Look for the whiskers: they pay for the "
    "tiles.",
    "Three paintings of the cat, with more and more mosaic.",
)
for name, picture in paintings.items():
    terms = library.terms(picture, photograph)
    print(f"{name:18} content {terms['content']:.3f}   style {terms['style']:.3f}")

# %% [markdown]
# More of the one is less of the other. There is no right weight, only a choice; but a comparison
# of two methods is fair only where they made the *same* choice. Remember it when a video is
# called steadier.
#
# ## Would any network do?
#
# The same architecture with random weights has as many maps, and Gram matrices too. *Predict, then
# run:* what will it paint?

# %%
random_features = CompactFeatures().eval().requires_grad_(False)
blind = PerceptualLoss(random_features, painting, *weights)
blind_stages, blind_history = paint(blind)
pictures = {"trained judge": stages[-1], "random judge": blind_stages[-1]}
corner = painting[..., :photograph.shape[2], :photograph.shape[3]]
figures.show(
    figures.images({**pictures, "the style": corner}, height=1.9),
    "Look for tiles: shapes with a joint around them. A random judge asks for the "
    "painting's colours and for grain, not for shapes.",
    "The cat painted under a trained and under a random judge, beside a part of the "
    "style picture.",
)

# %%
for name, run in {"trained": history, "random": blind_history}.items():
    print(f"{name:8} judge: its own loss {run[0]['Eq. 1']:7.2f} -> {run[-1]['Eq. 1']:.3f}")
for name, picture in pictures.items():
    value = library.terms(picture, photograph)["style"]
    print(f"{name}'s picture: style loss {value:.3f} by the trained one")
assert blind_history[-1]["Eq. 1"] < blind_history[0]["Eq. 1"]

# %% [markdown]
# The random judge was satisfied (its own loss fell far), but by something else than you and I mean
# by a mosaic. The last two numbers come from the trained judge, so they are not neutral: trust your
# eyes first. What a network has learned to see is what it can ask for.

# %% [markdown]
# ## `compact` and VGG-16
#
# The paper and most others use VGG-16. `load_features("vgg16")` fetches it once (528 MiB) and has
# four taps as well. `compact` was trained by this project to imitate such a network. Losses of two
# judges are different units: never compare them.

# %% [markdown]
# ## From minutes to one look
#
# Painting took many steps for one picture. A film has thousands. So we train a network that paints
# in *one* pass, with Eq. 1 as its teacher (Johnson et al. 2016). This is what one from the zoo
# makes of our cat:

# %%
student = zoo.load(f"{style}-student-plain")
with torch.inference_mode():
    student(photograph)  # warm up
    start = time.perf_counter()
    one_look = student(photograph)
    seconds_to_look = time.perf_counter() - start
print(f"Optimising the pixels took {seconds_to_paint / seconds_to_look:.0f} times as long.")

# %%
figures.show(
    figures.images({"optimised pixels": stages[-1], "student-plain, one pass": one_look},
                   height=1.9),
    "Left: the picture optimised above. Right: the zoo's plain student, in one pass. "
    "Look for what the fast one gives up.",
    "The cat, painted by optimising its pixels and by one pass of a network.",
)
assert one_look.shape == photograph.shape

# %% [markdown]
# ## Summary
#
# A trained network turns a picture into feature maps. Content is agreement of maps, place by
# place; style is agreement of Gram matrices, which forget the place. Eq. 1 adds the two, and a
# smoothness term, and its gradient can paint. A network that learns to paint under Eq. 1 needs
# one pass, but nothing in Eq. 1 says that two frames of a film should match.

# %% [markdown]
# ## Exercises
#
# 1. Paint with the content weight at zero, starting from uniform noise. What does the result
#    resemble, and what is missing from it?
#    <details><summary>Hint</summary>The start is the line <code>photograph.clone()</code> in
#    <code>paint</code>. Only the Gram matrices speak now.</details>
# 2. Which tap makes the tiles? Let one tap at a time judge the style.
#    <details><summary>Hint</summary><code>library.style_error(name, tap)</code> is the term of one
#    tap; <code>features(picture)[name]</code> gives the tap.</details>
# 3. Mirroring hardly changes the style loss, turning by a right angle changes it more. Predict it for
#    your own style picture, then measure.
#    <details><summary>Hint</summary><code>picture.rot90(1, (2, 3))</code>. Think of feature maps for
#    upright and for lying edges.</details>
#
# [Next: 2. Flow and warping](02_flow_and_warping.ipynb)
