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
# **Time**: about 75 minutes to read and work. Every cell together runs about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 0. Start here](00_start_here.ipynb) |
# [Next: 2. Flow and warping](02_flow_and_warping.ipynb)

# %%
import time
from itertools import combinations

import torch
import torch.nn.functional as F
from tutorial_lib import checks, settings as config, zoo
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.photographs import load_photograph
from tutorial_lib.data.styles import has_picture, load_style
from tutorial_lib.keep import keep
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.networks.features import CompactFeatures, load_features
from tutorial_lib.show import figures
from tutorial_lib.speed import seconds_per_frame

settings, style = config.scale(), config.style()
if not has_picture(style):
    print(f"This notebook needs a style picture, and that of {style} does not ship.")
    style = "mosaic"
torch.manual_seed(settings.seed)
print(f"Scale: {settings.name}, style: {style}")

# %%
photograph = fit_longer_side(load_photograph("chelsea"), min(settings.evaluation_width, 224))
painting = load_style(style, settings.style_size)
figures.show(
    figures.images({"the content": photograph, "the style": painting}, height=2.2),
    "The task: keep what the left picture shows, in the manner of the right one.",
    f"A photograph of a cat, and the style picture {style}.",
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
# **Predict, then run.** Which maps will still look like a cat, the first or the last?

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


def likeness(tap):
    """How closely the brightness of the photograph is followed by the map that follows it best."""
    enlarged = F.interpolate(tap, size=photograph.shape[-2:], mode="bilinear").flatten(2)[0]
    both = torch.corrcoef(torch.cat([photograph.mean(1).flatten(1), enlarged]))
    return both[0, 1:].abs().nan_to_num().max().item()


like = {name: likeness(tap) for name, tap in taps.items()}
print("Correlation with the photograph:", {name: round(value, 2) for name, value in like.items()})
print(f"Most like the cat: {max(like, key=like.get)}; least: {min(like, key=like.get)}.")

# %% [markdown]
# ## Content
#
# Two pictures show the same thing if the maps agree place by place, at a depth that knows edges and
# parts but no longer every pixel:
#
# $$L_{content} = \frac{1}{P}\,\mathrm{mean}\Big[\big(\phi_c(y) - \phi_c(x)\big)^2\Big]$$
#
# with $\phi_c$ the maps of one tap, $y$ the painted and $x$ the original picture. The paper only names the terms of its
# Eq. 1, and refers to Johnson et al. (2016) for what they are. The scale is ours: we divide by $P$, the mean square
# of the style picture's own maps.

# %%
def content_loss(stylized, original):
    tap = features.content_tap
    power = features(painting)[tap].square().mean()
    return (features(stylized)[tap] - features(original)[tap]).square().mean() / power


print(f"The content tap is {features.content_tap}.")

# %% [markdown]
# **Predict, then run.** The cat a bit darker, and the cat blurred. Which of the two is further from
# the original in its pixels, and which for the network?

# %%
darker = 0.8 * photograph
blurred = F.avg_pool2d(F.pad(photograph, [2] * 4, mode="reflect"), 5, stride=1)
changed = {"darker": darker, "blurred": blurred, "red for blue": photograph.flip(1), "mirrored": photograph.flip(3)}
figures.show(
    figures.images({"original": photograph, **changed}, height=1.5),
    "Five cats. Look for what matters to you: the brightness, the sharpness, the colour, the "
    "place of the nose?",
    "The cat as photographed, darker, blurred, with red and blue exchanged, and mirrored.",
)
pixels = {name: (picture - photograph).square().mean() for name, picture in changed.items()}
maps = {name: content_loss(picture, photograph) for name, picture in changed.items()}
for name in changed:
    print(f"{name:12} pixels {pixels[name]:.4f}   content {maps[name]:.4f}")
print("Darker or blurred? Further in the pixels: {}; for the network: {}.".format(
    *(max(("darker", "blurred"), key=far.get) for far in (pixels, maps))))

# %%
assert content_loss(photograph, photograph) == 0
assert content_loss(darker, photograph) < content_loss(blurred, photograph)
assert (darker - photograph).square().mean() > (blurred - photograph).square().mean()

# %% [markdown]
# Being darker changes many pixels and hardly the maps; blur is the other way round, because edges are what
# the maps look for. Exchanging red and blue changes the pixels most of all, and the maps less than mirroring does:
# content asks first that things stay in place. That leaves a painter room.
#
# ## Style: what is where does not matter
#
# A mosaic is a mosaic because small tiles *go with* dark joints, wherever they lie. So count how
# often two features fire in one place, and forget the place.

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
# **Yours to write**: `gram`. Work out one entry of a toy on paper first, $G_{ab}$ of "together".
#
# <details><summary>Hint 1: the shape</summary>Lay the pixels of a map in one row:
# <code>(N, C, H, W)</code> becomes <code>(N, C, H*W)</code>.</details>
# <details><summary>Hint 2: all pairs at once</summary>Rows times columns: a matrix times its own transpose
# holds the product of every row with every row.</details>
# <details><summary>Hint 3: in PyTorch</summary><code>flat @ flat.transpose(1, 2)</code> does it for the whole
# batch. And the mean?</details>
# <details><summary>Hint 4: the toy</summary>In "together" a and b are both 1 in two of the four pixels: the mean of the
# products is 0.5. The sum would be 2.</details>

# %%
def gram(maps):
    """The Gram matrix of each picture's maps: (N, C, H, W) -> (N, C, C)."""
    ### BEGIN SOLUTION
    n, c, h, w = maps.shape
    flat = maps.reshape(n, c, h * w)
    return flat @ flat.transpose(1, 2) / (h * w)
    ### END SOLUTION


# %% tags=["check"]
checks.gram(gram)

# %% [markdown]
# Whatever yours does, from here on the notebook takes the course's own.
#
# **Predict, then run.** Which two of the three pictures have the same Gram matrix?

# %%
from tutorial_lib.losses.perceptual import gram

for name, toy in toys.items():
    print(f"{name:10}", gram(toy[None])[0].tolist())
for a, b in combinations(toys, 2):
    print(f"{a} and {b}:", "equal" if torch.equal(gram(toys[a][None]), gram(toys[b][None])) else "not equal")

assert torch.equal(gram(toys["apart"][None]), gram(toys["elsewhere"][None]))

# %% [markdown]
# **Question.** All values of all maps are doubled. What becomes of the Gram matrix?
#
# <details><summary>A. It stays: style has nothing to do with brightness.</summary>No. Each entry is a mean of products, and
# both factors have changed.</details>
# <details><summary>B. It doubles.</summary>Not quite: each entry multiplies <em>two</em> maps, and both were
# doubled.</details>
# <details><summary>C. It is four times as large.</summary>Right: two factors of two. So a picture of stronger contrast is
# further from the style, though its shapes are the same. Later, that makes paleness a way to cheat
# (notebook 8).</details>

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
# A map of a tap looks at a neighbourhood, not at a pixel, so shuffling changes it. Four taps judge together: the
# first sees a few pixels at a time, the last a large piece of the picture.
#
# $$L_{style} = \sum_{taps} \frac{\|G(y) - G(s)\|^2}{\|G(s)\|^2}$$
#
# with $y$ the painted and $s$ the style picture. 0 is perfect; a picture with no features at all gets 1 for each tap.
#
# **Yours to write**: the term of one tap. $\|G\|^2$ is the sum of the squares of all entries.
#
# <details><summary>Hint 1</summary>Two Gram matrices first; <code>gram</code> is there.</details>
# <details><summary>Hint 2: a toy</summary>If G(y) is 0 everywhere, the term has to be 1.</details>
# <details><summary>Hint 3: in PyTorch</summary><code>.square().sum()</code> makes ||A||² of a matrix A. Which matrix is A above
# the line, and which below it?</details>

# %%
def tap_style_loss(maps, style_maps):
    """The style term of one tap: maps of the painted picture (1, C, H, W) and of the style picture -> a scalar."""
    ### BEGIN SOLUTION
    wanted = gram(style_maps)
    return (gram(maps) - wanted).square().sum() / wanted.square().sum()
    ### END SOLUTION


# %% tags=["check"]
checks.tap_style_loss(tap_style_loss)

# %%
def style_loss(stylized, style_picture):
    like = PerceptualLoss(features, style_picture)
    return sum(like.style_error(name, tap) for name, tap in features(stylized).items())


others = {"itself": photograph, "mirrored": photograph.flip(3), "shuffled": shuffled,
          "the painting": painting}
for name, picture in others.items():
    print(f"the cat against {name:12} {style_loss(photograph, picture):8.4f}")

# %% [markdown]
# ## Eq. 1
#
# The third term, *total variation*, keeps single pixels from going wild. It squares the difference of neighbours, and is
# the sum of two means: over all pairs side by side, and over all pairs one above the other.
#
# $$L_{percep} = \lambda_c L_{content} + \lambda_s L_{style} + \lambda_{tv} L_{tv}$$
#
# **Yours to write**: `tv_loss`.
#
# <details><summary>Hint 1</summary>Neighbours one above the other: the picture without its first row, less the
# picture without its last.</details>
# <details><summary>Hint 2</summary><code>image[..., 1:, :]</code> and <code>image[..., :-1, :]</code>; then the
# same with columns. The two have different sizes: first the mean of each, then the sum.</details>

# %%
def tv_loss(image):
    """Total variation of (N, 3, H, W), a scalar."""
    ### BEGIN SOLUTION
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., :, 1:] - image[..., :, :-1]
    return down.square().mean() + right.square().mean()
    ### END SOLUTION


# %% tags=["check"]
checks.tv_loss(tv_loss)

# %%
from tutorial_lib.losses.perceptual import tv_loss


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
# ## Painting without a painter
#
# There is no network to train yet. We let the *pixels* follow the gradient of Eq. 1 (Gatys et al. 2016), with more
# weight on style and on smoothness than in training, because free pixels turn to grain. Two ways, with the same number
# of steps: *straight*, from the photograph; and *coarse to fine*, first at half size, then enlarged.
#
# **Predict, then run.** Which way ends at the lower loss, and which looks more like the painting?

# %%
def with_style(factor):
    return PerceptualLoss(features, painting, weights[0], 3 * factor * weights[1], 10 * weights[2])


def follow(loss, parts=(2, 1), steps=3 * settings.demo_steps // 4, rate=0.03, first=torch.clone):
    """The pixels follow the loss for some steps at each size: the photograph's, divided by each of `parts`.

    first: makes the picture to start from of the photograph.
    """
    stages, history = [], []
    for part in parts:
        size = [side // part for side in photograph.shape[-2:]]
        original = F.interpolate(photograph, size=size, mode="bilinear", antialias=True)
        start = F.interpolate(stages[-1], size=size, mode="bilinear") if stages else first(original)
        picture = start.requires_grad_(True)
        optimiser = torch.optim.Adam([picture], lr=rate)
        for _ in range(steps):
            optimiser.zero_grad()
            value = loss(picture, original)
            value.backward()
            optimiser.step()
            picture.data.clamp_(0, 1)
            history.append(value.item())
        stages.append(picture.detach())
    return stages, history


paint = keep(follow)      # keeps the pictures: after a restart of the kernel "run all" takes them from build/kept, and says so

# %%
eq1 = with_style(1)
straight, straight_history = paint(eq1, parts=(1, 1))
stages, history = paint(eq1)
ways = {"straight": straight[-1], "coarse to fine": stages[-1]}
corner = painting[..., :photograph.shape[2], :photograph.shape[3]]
figures.show(
    figures.images({**ways, "the style": corner}, height=2.1),
    "The same loss, the same number of steps, two ways. Look for the painting's own shapes, in their own size.",
    "The cat painted from the photograph, the cat painted from coarse to fine, and a part of the style picture.",
)

# %%
ends = {name: eq1(picture, photograph).item() for name, picture in ways.items()}
for name, picture in ways.items():
    terms = library.terms(picture, photograph)
    print(f"{name:15} loss {ends[name]:.3f}   content {terms['content']:.3f}   style {terms['style']:.3f}")
print(f"Lower loss: {min(ends, key=ends.get)}.")

# %% [markdown]
# Many pictures have nearly the same Gram matrices, and the start decides which of them is found. At half the size the
# painting's shapes are twice as large beside the cat, and they are laid out before the details are there.
#
# Where the lower loss and the better painting are two different pictures, believe your eyes: a loss is a judge, not
# the truth.

# %%
sizes = {f"{p.shape[3]} x {p.shape[2]}": p for p in stages}
figures.show(
    figures.images({"photograph": photograph, **sizes}, height=1.6),
    "Coarse to fine. Look for shapes that are there from the first size on.",
    "The photograph, and two stages of the painting, the second twice as large as the first.",
)
figures.show(
    figures.losses([{"straight": a, "coarse to fine": b}
                    for a, b in zip(straight_history, history, strict=True)], "Eq. 1 over the steps"),
    "Look for the jump on the right (grey): there the picture was enlarged.",
    "Two curves that fall steeply, then slowly; the second jumps up once.",
)
assert ends["coarse to fine"] < eq1(photograph, photograph)

# %% [markdown]
# ## What the weights do
#
# Now only the weight of style changes.
#
# **Predict, then run.** A tenth of the style weight, and ten times as much. In which picture will the
# cat be hardest to find?

# %%
paintings = {
    "style weight / 10": paint(with_style(0.1))[0][-1],
    "as above": stages[-1],
    "style weight x 10": paint(with_style(10))[0][-1],
}

# %%
figures.show(
    figures.images(paintings, height=1.9),
    "The same steps with three style weights. Look for the whiskers and the eyes: they pay for the "
    "style.",
    "Three paintings of the cat, with more and more of the style.",
)
lost = {}
for name, picture in paintings.items():
    terms = library.terms(picture, photograph)
    lost[name] = terms["content"].item()
    print(f"{name:18} content {terms['content']:.3f}   style {terms['style']:.3f}")
print(f"Furthest from the photograph's content: {max(lost, key=lost.get)}.")

# %% [markdown]
# **Question.** Method A is steadier than method B, and its style loss is higher. Is A the better method?
#
# <details><summary>A. Yes: steadiness was the goal.</summary>Not yet. A lower style weight alone, with no new idea at all, can
# make a film steadier. You would praise a weight.</details>
# <details><summary>B. No: its pictures are worse.</summary>Not necessarily: at B's style loss A might still be the steadier
# one.</details>
# <details><summary>C. One cannot say before the two are compared at the same style.</summary>Right. Change the style weight of
# one until both have the same style loss, then look at steadiness. Notebook 8 does it.</details>

# %% [markdown]
# More of the one is less of the other. There is no right weight, only a choice; but a comparison
# of two methods is fair only where they made the *same* choice. Remember it when a video is
# called steadier.
#
# ## Would any network do?
#
# The same architecture with random weights has as many maps, and Gram matrices too. **Predict, then
# run.** What will it paint?

# %%
random_features = CompactFeatures().eval().requires_grad_(False)
blind = PerceptualLoss(random_features, painting, weights[0], 3 * weights[1], 10 * weights[2])
pictures = {"trained judge": stages[-1], "random judge": paint(blind)[0][-1]}
figures.show(
    figures.images({**pictures, "the style": corner}, height=1.9),
    "Look for shapes with an outline. A random judge asks for the "
    "painting's colours, not for its shapes.",
    "The cat painted under a trained and under a random judge, beside a part of the "
    "style picture.",
)

# %%
judges = {"trained judge": eq1, "random judge": blind}
with torch.no_grad():
    own = {name: (judge(photograph, photograph).item(), judge(pictures[name], photograph).item())
           for name, judge in judges.items()}
    style_terms = {name: library.terms(picture, photograph)["style"].item() for name, picture in pictures.items()}
for name, (before, after) in own.items():
    print(f"{name}: its own loss {before:7.2f} -> {after:.3f}; by the trained one, style {style_terms[name]:.3f}")
print("By the trained judge, the random one's picture is "
      f"{style_terms['random judge'] / style_terms['trained judge']:.0f} times as far from the style.")
assert all(after < before for before, after in own.values())

# %% [markdown]
# The random judge's own loss fell, too, but with something else than you and I would call this style. The comparison
# in the last line comes from the trained judge, so it is not neutral: trust your eyes first. What a network has
# learned to see is what it can ask for.

# %% [markdown]
# **Question.** Why does the perceptual network stay frozen while a painter is trained?
#
# <details><summary>A. To save time.</summary>It does save some, but that is not why.</details>
# <details><summary>B. Because a judge that learns along would learn to see nothing.</summary>Right: the cheapest way to a loss of
# zero is a network whose maps are zero for every picture.</details>
# <details><summary>C. Because gradients cannot pass through it.</summary>They do pass <em>through</em> it, to the pixels.
# Its weights alone are left as they are.</details>

# %% [markdown]
# ## `compact` and VGG-16
#
# The paper does not say which network judges, nor at which layers. The works that it builds on take VGG-16: Johnson et
# al. 2016 (Eq. 1), Ruder et al. 2018 (the teacher) and ReCoNet (Gao et al. 2018, the student). `load_features("vgg16")`
# fetches it once (528 MiB), with their four layers as taps. `compact` was trained by this project to imitate
# SqueezeNet 1.0, a much smaller network. Losses of two judges are different units: never compare them.

# %% [markdown]
# ## From many steps to one look
#
# Painting took many steps for one picture. A film has thousands. So we train a network that paints
# in *one* pass, with Eq. 1 as its teacher (Johnson et al. 2016). This is what one from the zoo
# makes of our cat:

# %%
student = zoo.load(f"{style}-student-plain")
with torch.inference_mode():
    one_look = student(photograph)
    seconds_to_look = seconds_per_frame(lambda: student(photograph))
follow(eq1, steps=1)               # a first step is slower
start = time.perf_counter()
_, few = follow(eq1, steps=3)      # and not paint, which would take it from an earlier run
seconds_to_follow = (time.perf_counter() - start) * len(history) / len(few)
print(f"Optimising the pixels takes {seconds_to_follow / seconds_to_look:.0f} times as long.")

# %%
figures.show(
    figures.images({"optimised pixels": stages[-1], "student-plain, one pass": one_look},
                   height=1.9),
    "Left: the picture optimised above. Right: the zoo's plain student, in one pass. "
    "Look for what the fast one keeps of the cat, and of the style.",
    "The cat, painted by optimising its pixels and by one pass of a network.",
)
for name, picture in {"optimised pixels": stages[-1], "one pass": one_look}.items():
    terms = library.terms(picture, photograph)
    print(f"{name:18} content {terms['content']:.3f}   style {terms['style']:.3f}")
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
# **Exercise 1.** Paint with content weight zero, starting from uniform noise. What does the result resemble, and
# what is missing?
#
# <details><summary>Hint</summary><code>paint(..., first=torch.rand_like)</code>. Only the Gram matrices (and
# smoothness) speak now.</details>

# %% tags=["solution"]
# Exercise 1: a solution
only_style = PerceptualLoss(features, painting, 0.0, 3 * weights[1], 10 * weights[2])
texture = paint(only_style, first=torch.rand_like)[0][-1]
figures.show(
    figures.images({"style alone": texture, "the style": corner}, height=1.9),
    "Look for the painting's shapes, and for anything that they show.",
    "A texture made of the style's shapes, beside a part of the style picture.",
)
print(f"style {library.terms(texture, photograph)['style']:.3f}, with the cat {style_terms['trained judge']:.3f}.")
print("The shapes and colours of the painting, spread evenly over the picture. What it shows is missing, and so is")
print("its layout: a Gram matrix does not know where.")

# %% [markdown]
# **Exercise 2.** Which tap makes the shapes? Let one tap at a time judge the style.
#
# <details><summary>Hint</summary><code>library.style_error(name, tap)</code> is the term of one
# tap; <code>features(picture)[name]</code> gives the tap.</details>

# %% tags=["solution"]
# Exercise 2: a solution
def by_tap(name):
    def loss(picture, original):
        terms = library.terms(picture, original)
        style_term = library.style_error(name, features(picture)[name])
        return terms["content"] + 3 * len(taps) * weights[1] * style_term + 10 * weights[2] * terms["tv"]

    return loss


by_one = {name: paint(by_tap(name))[0][-1] for name in taps}
figures.show(
    figures.images(by_one, height=1.5),
    "One tap judges the style of each picture. Look for the colours, and for the size of what is repeated.",
    "Four paintings of the cat, each under one tap.",
)
print("judged by: " + "".join(f"{name:>8}" for name in taps))
with torch.no_grad():
    errors = {name: [library.style_error(other, tap).item() for other, tap in features(picture).items()]
              for name, picture in by_one.items()}
for name, row in errors.items():
    print(f"under {name} " + "".join(f"{error:8.3f}" for error in row))
won = sum(row[n] == min(other[n] for other in errors.values()) for n, row in enumerate(errors.values()))
print(f"{won} of {len(taps)} taps are pleased most by the picture that was painted for them alone, and no picture by all.")
print("So Eq. 1 adds them.")

# %% [markdown]
# **Exercise 3.** A Gram matrix forgets *where*. And *in which direction*? Turn the photographs `brick` and `gravel`
# by a right angle and measure the style loss against the upright ones; then mirror them instead. For which does
# turning cost far more? And for your style picture?
#
# <details><summary>Hint</summary><code>picture.rot90(1, (2, 3))</code> and <code>picture.flip(3)</code>.
# Some maps look for upright edges and others for lying ones. Bricks all lie; pebbles do not.</details>

# %% tags=["solution"]
# Exercise 3: a solution
upright = {name: fit_longer_side(load_photograph(name), 256) for name in ("brick", "gravel")} | {style: painting}
for name, picture in upright.items():
    turned, mirrored = (style_loss(other, picture) for other in (picture.rot90(1, (2, 3)), picture.flip(3)))
    print(f"{name:10} mirrored {mirrored:.3f}, turned {turned:.3f}: {turned / mirrored:.1f} times as much")
print("Bricks all lie, and a wall that stands is another style; a heap of pebbles has no direction.")

# %% [markdown]
# ## Further reading
#
# - Gatys, Ecker, Bethge, [Image style transfer using convolutional neural networks
#   ](https://www.cv-foundation.org/openaccess/content_cvpr_2016/papers/Gatys_Image_Style_Transfer_CVPR_2016_paper.pdf)
#   (2016): the Gram matrix, and painting with pixels.
# - Johnson, Alahi, Fei-Fei, [Perceptual losses for real-time style transfer](https://arxiv.org/abs/1603.08155) (2016):
#   the network that paints in one pass.
# - Ruder, Dosovitskiy, Brox, [Artistic style transfer for videos](https://arxiv.org/abs/1604.08610) (2016), the first
#   to ask that frames agree along the flow.
#
# [Next: 2. Flow and warping](02_flow_and_warping.ipynb)
