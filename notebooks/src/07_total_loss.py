# %% [markdown]
# # 7. The total loss
#
# **You will be able to**
# - write Eq. 13 and one turn of Algorithm 1;
# - choose lambdas from the norms of gradients instead of copying them;
# - drag a lambda and see what it buys and what it costs.
#
# **You need** notebooks 01 to 06.
# **Time**: about 85 minutes to read and work. Every cell together runs about 2 minutes on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 6. Low-rank distillation](06_low_rank_distillation.ipynb) · [Next: 8. Evaluation](08_evaluation.ipynb)

# %%
import copy
import inspect
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import torch

from tutorial_lib import checks, evaluation, mixtures, settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene

# %%
from tutorial_lib.keep import keep
from tutorial_lib.lambdas import Lambdas, family_settings, scores_of, slopes_at
from tutorial_lib.losses.low_rank import nuclear_norm, traceable_matrix
from tutorial_lib.losses.residual import residual_target
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.networks.teacher import roll_out
from tutorial_lib.papers.ofd.roles import ZOO
from tutorial_lib.show import figures, players
from tutorial_lib.show.diagrams import algorithm
from tutorial_lib.show.lab import LambdaMixer
from tutorial_lib.show.lab.train_here import TrainHere

settings, device, style = config.scale(), config.device(), config.style()
torch.manual_seed(settings.seed)
networks = {role: zoo.load(f"{style}-{role}").to(device) for role in ZOO}
judge = evaluation.judge_of(style, settings).to(device)
print(f"scale {settings.name}, {device}")

# %% [markdown]
# ## 1. Four terms, one sum
#
# $$L_{total} = \sum_{t=1}^{K} \big(L_{percep}(x_t) + \lambda_{res} L_{res}(x_t)\big)
# + \sum_{t=2}^{K} \lambda_{temp} L_{temp} + \lambda_{rank} L_{rank}^{input} \qquad (13)$$
#
# Two terms speak about single frames, one about pairs, one about the whole clip. Here is one training clip.

# %%
lesson = settings.but(clips=min(settings.clips, 6), finetune_rate=settings.demo_rate)
clips = RenderedClips(lesson)
frozen = [networks[role] for role in ("teacher-flow", "teacher-plain", "student-plain")]
targets = training.FrozenTargets(clips, *frozen)
clip, target, input_norm = (part.to(device) for part in targets[0])
figures.show(
    figures.images({f"frame {t}": x for t, x in enumerate(clip.frames)}, height=1.5),
    "One training clip: K frames, rendered, so its flow and masks are exact.",
    "The frames of one training clip in a row.")

# %% [markdown]
# Invented numbers first: three frames, so two pairs.
#
# **Predict, then run.** $L_{percep}$ of the frames 0.2, 0.3, 0.1; $L_{res}$ 0.01, 0.03, 0.02; $L_{temp}$ of the pairs 0.04, 0.02;
# $L_{rank}$ 4. The lambdas are 10, 5 and 0.1. What is $L_{total}$?

# %%
percep, res, temp, rank = torch.tensor([0.2, 0.3, 0.1]), torch.tensor([0.01, 0.03, 0.02]), torch.tensor([0.04, 0.02]), 4.0
print(f"frames {percep.sum():.2f} + 10 x {res.sum():.2f}, pairs 5 x {temp.sum():.2f}, clip 0.1 x {rank:g}: "
      f"{percep.sum() + 10 * res.sum() + 5 * temp.sum() + 0.1 * rank:.2f}")
print(f"A sum is the mean times how many: 3 x {percep.mean():.2f} = {percep.sum():.2f}, "
      f"2 x {temp.mean():.2f} = {temp.sum():.2f}")

# %% [markdown]
# The functions of the earlier notebooks take a whole clip and give *means*: `judge` (Eq. 1) over the frames, `temporal_loss` over the
# pairs. Eq. 13 has sums.
#
# **Yours to write**: `total_by_hand`, Eq. 13 from what the notebooks 01, 05 and 06 gave you. `target` has, for each
# frame, the picture at which the residual loss is zero (notebook 05).
#
# <details><summary>Hint 1: which pieces</summary><code>judge(y, clip.frames)</code>;
# <code>(target - y).square().mean()</code>; <code>temporal_loss(current, previous, flows, masks)</code> with
# <code>clip.backward.flows</code> and <code>clip.backward.masks</code>; <code>traceable_matrix(y, flows, masks)</code> with
# <code>clip.from_middle</code>, and <code>nuclear_norm</code> of it.</details>
# <details><summary>Hint 2: how often each</summary>K frames, K - 1 pairs, one clip: <code>K = len(y)</code>.</details>
# <details><summary>Hint 3: the pairs, the rank</summary>Every frame but the first is the current one of a pair, <code>y[1:]</code>; every frame
# but the last the previous one, <code>y[:-1]</code>. In a loop, <code>y[t:t+1]</code> keeps the batch of one that the functions want. The
# rank term is the squared distance of two norms, of two numbers (Eq. 11).</details>

# %%
def total_by_hand(y, clip, target, input_norm, judge, lambdas):
    """Eq. 13 for the student's frames y (K, 3, H, W) of a clip, a scalar.

    clip.frames: (K, 3, H, W). clip.backward: flows (K-1, 2, H, W) and masks, flows[t-1] from frame t into frame t-1.
    clip.from_middle: flows (K, 2, H, W) and masks from the middle frame into each. target: (K, 3, H, W), where Eq. 5 is
    zero. input_norm: the input's nuclear norm. judge(y, frames): Eq. 1, mean over the frames.
    lambdas: {"residual": ..., "temporal": ..., "rank": ...}.
    """
    ### BEGIN SOLUTION
    K, pairs, middle = len(y), clip.backward, clip.from_middle
    percep = K * judge(y, clip.frames)                                    # notebook 01
    res = K * (target - y).square().mean()                                # notebook 05
    temp = (K - 1) * temporal_loss(y[1:], y[:-1], pairs.flows, pairs.masks)
    matrix = traceable_matrix(y, middle.flows, middle.masks)              # notebook 06
    rank = (input_norm - nuclear_norm(matrix)).square()
    return percep + lambdas["residual"] * res + lambdas["temporal"] * temp + lambdas["rank"] * rank
    ### END SOLUTION


# %% tags=["check"]
checks.total_by_hand(total_by_hand)

# %% [markdown]
# The library's `total_loss` returns the terms by name, beside their weighted sum. From here on the notebook takes that one.

# %%
lambdas = {"perceptual": 1.0, "residual": settings.lambda_res,
           "temporal": settings.lambda_temp, "rank": settings.lambda_rank}
student = copy.deepcopy(networks["student-plain"]).requires_grad_(True)
y = student(clip.frames)
terms = total_loss(y, clip, judge, settings, target, input_norm)
for name, weight in lambdas.items():
    print(f"{name:11} {terms[name]:12.5f} x {weight:<8g} = {weight * terms[name]:9.4f}")
print(f"{'total':11} {terms['total']:36.4f}")
assert torch.isclose(sum(weight * terms[name] for name, weight in lambdas.items()), terms["total"], rtol=1e-4)

# %% [markdown]
# **Question.** A lazy student gives back its input, $y = x$. Which term is exactly zero?
#
# <details><summary>A. The temporal one: the input does not flicker.</summary>Nearly, and not quite: films have noise and changing
# light. That is the floor of notebook 08.</details>
# <details><summary>B. The residual: nothing was changed, so nothing differs.</summary>No. The residual compares with the target, which is
# a painting. A student that paints nothing is far from it.</details>
# <details><summary>C. The perceptual one: the content is perfect.</summary>Its content term is zero. Its style term is as large as
# that of an unpainted film.</details>
# <details><summary>D. The rank.</summary>Right: Eq. 11 asks for the input's norm, and the input has it. So the rank term by itself would
# be content with a student that paints nothing.</details>

# %%
lazy = total_loss(clip.frames, clip, judge, settings, target, input_norm)
print("y = x:", ", ".join(f"{name} {value:.4g}" for name, value in lazy.items() if name != "total"))

# %% [markdown]
# ## 2. Algorithm 1: a loop around it
#
# Draw a clip, ask the frozen networks, let the student paint, add up Eq. 13, and move the student's weights downhill. Then the next clip.

# %%
figures.show(
    algorithm.draw(),
    "Algorithm 1. T is the teacher with flow, T0 the teacher without, S0 the plain student, ‖X‖ the norm of the input. Look where the "
    "dashed line ends: the gradient reaches one network alone.",
    algorithm.ALT)

# %% [markdown]
# **Yours to write**: `one_step`, one turn of the loop. The frozen networks are asked first, and nothing may learn but the student.
#
# <details><summary>Hint 1: frozen</summary><code>with torch.no_grad():</code> around the call of <code>frozen</code>, and around nothing
# else.</details>
# <details><summary>Hint 2: four lines in this order</summary>Throw the old gradient away, compute the loss, go backward, step.</details>
# <details><summary>Hint 3: in PyTorch</summary><code>optimiser.zero_grad()</code>, <code>loss = objective(student(frames), target)</code>,
# <code>loss.backward()</code>, <code>optimiser.step()</code>; return <code>loss.item()</code>.</details>

# %%
def one_step(student, frozen, frames, objective, optimiser):
    """One turn of Algorithm 1; returns the loss before the step, a float.

    student: the network that learns, (K, 3, H, W) -> (K, 3, H, W). frozen(frames): the target, (K, 3, H, W), from networks
    that do not learn. objective(y, target): the loss, a scalar. optimiser: has the student's weights.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        target = frozen(frames)
    optimiser.zero_grad()
    loss = objective(student(frames), target)
    loss.backward()
    optimiser.step()
    return loss.item()
    ### END SOLUTION


# %% tags=["check"]
checks.one_step(one_step)

# %% [markdown]
# The course's own, and a few turns of it on one and the same clip. What falls, what does not?

# %%
def one_step(student, frozen, frames, objective, optimiser):
    with torch.no_grad():
        target = frozen(frames)                                        # lines 5-7
    optimiser.zero_grad()
    loss = objective(student(frames), target)                          # lines 8-16
    loss.backward()
    optimiser.step()                                                   # line 17
    return loss.item()


def frozen_networks(frames):
    with_flow = roll_out(networks["teacher-flow"], frames, clip.backward.flows, clip.backward.masks)
    return residual_target(with_flow, networks["teacher-plain"](frames), networks["student-plain"](frames))


def eq_13(y, target):
    seen.append(total_loss(y, clip, judge, settings, target, input_norm))
    return seen[-1]["total"]


seen = []
learner = copy.deepcopy(networks["student-plain"]).requires_grad_(True)
adam = torch.optim.Adam(learner.parameters(), lr=settings.demo_rate)
for _ in range(6):
    one_step(learner, frozen_networks, clip.frames, eq_13, adam)
for name in seen[0]:
    print(f"{name:11}" + "".join(f"{turn[name].item():10.4g}" for turn in seen))

# %% [markdown]
# **Question.** Somebody forgets `zero_grad()`. What happens?
#
# <details><summary>A. An error: the graph was used already.</summary>No. Each turn builds a graph of its own, and nothing
# complains.</details>
# <details><summary>B. Nothing: Adam normalises the gradient anyway.</summary>Adam divides by its <em>size</em>. But now it has
# another direction: the sum of all gradients so far.</details>
# <details><summary>C. Every step follows the sum of all gradients so far.</summary>Right: backward() adds to what is there. It runs on in
# old directions, as if it had a momentum that never fades, and often looks like a bad learning rate.</details>

# %% [markdown]
# This is the function that trains the zoo's students, as it is. The loop around it (`loop.train`: Adam, a checkpoint, a progress bar)
# knows nothing of distillation.

# %%
print(inspect.getsource(training.distill))

# %% [markdown]
# | line of Algorithm 1 | here |
# |---|---|
# | 1 initialise $N_S$ | `copy.deepcopy(student_plain)` |
# | 3 a clip at random | `torch.randint` from the step's own generator |
# | 5–7 both teachers, both students, Eq. 5 | `targets[index]`: one remembered picture |
# | 8–10 $L_{percep}$, $L_{temp}$ | in `total_loss` |
# | 12 norm of the input | `targets[index]`, remembered |
# | 13–16 norm of the student, Eq. 11, 13 | in `total_loss` |
# | 17 update | in `loop.train`, the lines that you wrote |

# %% [markdown]
# What else is ours and not the paper's, and does change the result:
#
# - the start, a copy of the plain student, which was drawn to the teacher without flow (notebook 05);
# - fewer steps, a rate that decays sooner and stops at a floor;
# - lambdas of our own (section 3), times one factor a style, and a higher style weight beside the losses of steadiness (section 5);
# - a teacher with flow held to the colours of the teacher without (notebook 03);
# - rendered clips with exact flow and masks instead of film.

# %% [markdown]
# "Remembered" changes nothing but half-precision rounding: teachers and plain student are frozen, so what they say about a clip never
# changes.
#
# **Predict, then run.** Each step draws one clip at random. With 100 steps on 10 clips, how many teacher roll-outs are needed with this,
# and how many without? The cell has the numbers of this scale.

# %%
before = targets.computed
for _ in range(3):
    targets[0]                # the same clip three times more
print(f"computed so far: {before}; three more visits added {targets.computed - before}")
drawn = torch.randint(settings.clips, (settings.distill_steps,))       # a clip at random, every step
print(f"{settings.distill_steps} steps on {settings.clips} clips: {len(drawn.unique())} roll-outs, "
      f"without the memory {len(drawn)}")
assert targets.computed == before

# %% [markdown]
# ## 3. Where do lambdas come from?
#
# The paper has $\lambda_{res} = 4 \cdot 10^8$, $\lambda_{temp} = 10^6$, $\lambda_{rank} = 10^2$; ours are smaller by orders of
# magnitude. A lambda means nothing by itself: it depends on whether a loss is a sum or a mean, on 0..1 or 0..255, and on the
# resolution. Adam even ignores a common factor. A toy:

# %%
def ten_steps_of_adam(factor):
    w = torch.tensor([3.0, -2.0], requires_grad=True)
    adam = torch.optim.Adam([w], lr=0.1)
    for _ in range(10):
        adam.zero_grad()
        (factor * (w**2).sum()).backward()
        adam.step()
    return w.detach()

for factor in (1, 1e6):
    print(f"loss times {factor:>9g}: ends at {ten_steps_of_adam(factor).tolist()}")
assert torch.allclose(ten_steps_of_adam(1), ten_steps_of_adam(1e6), atol=1e-4)

# %% [markdown]
# Only **ratios** count, and what they have to balance is not the values of the terms but their gradients: how hard each one
# pulls at the weights. Two weights $(3, -2)$ again, and two terms, $A = w_1^2 + w_2^2$ and $B = 100 + w_1$.
#
# **Predict, then run.** $B$ is the larger one. Which pulls harder, and by how much?

# %%
w = torch.tensor([3.0, -2.0], requires_grad=True)
A, B = (w**2).sum(), 100 + w[0]
for name, term in {"A": A, "B": B}.items():
    slope, = torch.autograd.grad(term, w, retain_graph=True)
    print(f"{name} = {term.item():g}, gradient {slope.tolist()}, norm {slope.norm():.2f}")
print(f"B pulls {1 / (6**2 + 4**2)**0.5:.0%} as hard as A.")

# %% [markdown]
# **Yours to write**: `gradient_share`, the same ratio for a network: the norm of a term's gradient, divided by that of a reference's. All
# weights together are one long vector.
#
# <details><summary>Hint 1</summary><code>torch.autograd.grad(term, list(network.parameters()), retain_graph=True)</code> gives a tensor for
# every weight tensor, and leaves <code>.grad</code> alone.</details>
# <details><summary>Hint 2: one norm</summary>The squares of all values of all tensors, added up, and then one root.</details>
# <details><summary>Hint 3: why retain_graph?</summary>The terms share the student's graph. Without it the first call throws it
# away.</details>

# %%
def gradient_share(network, term, reference):
    """The norm of a term's gradient over that of the reference's; by all weights of the network. A float or a scalar."""
    ### BEGIN SOLUTION
    def norm(loss):
        parts = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
        return sum(part.square().sum() for part in parts).sqrt()

    return norm(term) / norm(reference)
    ### END SOLUTION


# %% tags=["check"]
checks.gradient_share(gradient_share)

# %% [markdown]
# The library has the norms of all terms at once, `training.gradient_norms`.
#
# **Predict, then run.** Which unweighted term pulls hardest at the start, and how many powers of ten lie between it and the weakest?

# %%
pull = training.gradient_norms(student, terms)
first = pull["perceptual"]
head = f"{'':11}{'|gradient|':>12}{'lambda':>10}{'weighted':>12}{'share':>8}{'equal at':>11}"
print(head)
for name, norm in pull.items():
    print(f"{name:11}{norm:12.4g}{lambdas[name]:10.3g}{lambdas[name] * norm:12.4g}"
          f"{lambdas[name] * norm / first:8.2%}{first / norm:11.3g}")
hardest, weakest = max(pull, key=pull.get), min(pull, key=pull.get)
weighted = [lambdas[name] * norm for name, norm in pull.items()]
print(f"Hardest: {hardest}, {math.log10(pull[hardest] / pull[weakest]):.1f} powers of ten over {weakest}. "
      f"Times lambda all lie within {math.log10(max(weighted) / min(weighted)):.1f}.")
assert set(pull) == set(lambdas) and all(norm > 0 for norm in pull.values())

# %%
figure, axis = plt.subplots(figsize=(5.4, 2.6))
place = torch.arange(len(pull))
axis.bar(place - 0.2, list(pull.values()), 0.4, color="#bbbbbb", label="unweighted")
axis.bar(place + 0.2, [lambdas[n] * v for n, v in pull.items()], 0.4,
         color=figures.colour("student-ours"), label="times our lambda")
axis.set_yscale("log")
axis.set_xticks(place, list(pull))
axis.set_ylabel("norm of the gradient")
axis.legend(fontsize=8)
figures.show(figure, "Grey: the norm of each term's gradient as it is, orders of magnitude apart. Green: times our lambda. "
             "Do they come closer? (The last line above.)",
             "Gradient norms of the four terms on a logarithmic scale, unweighted "
             "and weighted.")

# %% [markdown]
# **Question.** Times its lambda, a term is a hundredth of Eq. 1. Can it be left out?
#
# <details><summary>A. Yes: it is one per cent of the total.</summary>A sum of losses is not what moves the weights. A constant 100 can be
# added to a loss, and nothing changes.</details>
# <details><summary>B. One cannot know from the values.</summary>Right. Compare the rank's two numbers: its part of the total in section 1,
# and its share above. A small value can have a steep slope, a large one none.</details>
# <details><summary>C. No: every term of Eq. 13 is needed.</summary>That is a matter of experiment (notebook 08), and
# not of the equation.</details>

# %% [markdown]
# The column "equal at" is the lambda at which a term pulls as hard as Eq. 1. So to carry the paper's *intention* over to
# another setting, keep the shares, not the lambdas. With the paper's perceptual loss (of the order of $10^6$, by our
# estimate), dividing all by $10^6$ gives

# %%
for name, theirs in {"residual": 4e2, "temporal": 1e0, "rank": 1e-4}.items():   # over 1e6
    print(f"{name:9} the paper's {theirs:.0e}, share {theirs * pull[name] / first:8.2%}"
          f"   ours {lambdas[name]:.0e}, share {lambdas[name] * pull[name] / first:8.2%}")

# %% [markdown]
# A share far from ours means that the number does not travel. One that agrees may be an accident of the size: the nuclear norm is not
# divided by the number of pixels, so the rank's lambda belongs to one resolution. The same clip at twice the size:

# %%
small = traceable_matrix(clip.frames, clip.from_middle.flows, clip.from_middle.masks)
large = small.repeat_interleave(4, dim=1)          # every pixel four times: twice the sides
ratio = (nuclear_norm(large) / nuclear_norm(small)).item()
print(f"nuclear norm x {ratio:.2f}, so the rank loss x {ratio**2:.2f}, at twice the sides")
assert abs(ratio - 2) < 1e-3

# %% [markdown]
# And $K$? The paper tries 3, 4 and 5 frames (its Table 3), finds little gain after 4, and takes 5. A longer clip costs memory and
# time in proportion, and its far frames share fewer traceable pixels with the middle one.

# %% [markdown]
# ## 4. The lambda lab
#
# A training takes its time, so nobody tries a hundred lambdas. But students that were trained from *one start* can be mixed. What a
# training has added to the weights of its start is a **task vector** ([Ilharco et al. 2022](https://arxiv.org/abs/2212.04089)); the
# start plus a share of one task vector, or of several, is a network again, and its results lie between theirs
# ([Ramé et al. 2023](https://arxiv.org/abs/2306.04488) call it a soup).

# %% [markdown]
# **Predict, then run.** Take every weight half of the way from the student from scratch to one that was trained with $L_{temp}$. Nothing
# is trained. Does it paint at all? Where do its e_stab and its style loss lie?

# %%
soup = Lambdas.shipped(style)
family, screen = soup.family, family_settings(soup, settings)
height, width, frames = (48, 64, 3) if settings.name == "smoke" else (180, 320, 8)
film = filmed(test_scene("alley_2", height, width, frames))
lab_judge = evaluation.judge_of(style, screen)            # of strokes as large as these students paint them
scratch, steady = soup.start, soup.network({"temp": soup.axes["temp"].strengths[-1]})      # both were trained
half = mixtures.moved(scratch, (0.5, mixtures.task_vector(steady, scratch)))
ends = {"scratch": scratch, "half": half, "with L_temp": steady}
rows = {name: scores_of(network, [film], lab_judge) for name, network in ends.items()}
for name, row in rows.items():
    print(f"{name:12} e_stab {row['e_stab']:.4f}   style {row['style']:.3f}   content {row['content']:.3f}")
here, there, between = (rows[name]["e_stab"] for name in ("scratch", "with L_temp", "half"))
print(f"Half of the weights' way is {(between - here) / (there - here):.0%} of the way of e_stab.")
lost = [rows["half"]["style"] / rows[name]["style"] - 1 for name in ("scratch", "with L_temp")]
print(f"Its style loss: {lost[0]:+.1%} against scratch's, {lost[1]:+.1%} against the other end's.")
with torch.no_grad():
    painted_by = {name: network(film.frames[1:2]) for name, network in ends.items()}
figures.show(
    figures.images(painted_by, height=1.5),
    "In the middle a network that nobody trained. Can you tell which of the three it is?",
    "One frame by the student from scratch, by the mixture, and by the student with L_temp.")

# %% [markdown]
# So a slider can run over trained students. Where the zoo has a lab of its own in this style, that is sixteen students: four strengths
# each of $\lambda_{res}$, $\lambda_{temp}$, $\lambda_{rank}$ and the style weight. Where it has none, the axes lead from the student from
# scratch to `ours` and to the student with `L_temp`, a trained student at each end; what those two trainings changed besides the
# lambdas, the weights of style and content, moves along.

# %%
short = lesson.but(clip_length=3)
short_clips = RenderedClips(short)
plain = zoo.load(f"{style}-{family['plain']}").to(device)
lab_targets = training.FrozenTargets(short_clips, *frozen[:2], plain)
size = screen.height, screen.width                     # of the frames that these students were trained with
here = TrainHere(plain, lab_targets, lab_judge, short, size)
if not soup.is_scored:                                 # no lab was trained: its scores are measured now, on one film
    slopes = slopes_at(plain, lab_targets, here.judge, short, size)
    both = f"{style}-{family['both']}"
    soup = soup.scored([film], lab_judge, slopes, {family["both"]: zoo.load(both)} if both in zoo.names() else {})
print(soup.words)

# %%
lab = LambdaMixer(soup, film, lab_judge, train_here=here)
lab

# %% [markdown]
# Drag a slider, or move it with the arrow keys: the film is painted anew by the mixture, at once. On the map, the ring is where the
# mixture should lie, *interpolated* between measured scores; the line is its trail, the dots are the zoo's students. "Measure this one"
# paints the film and puts a square where it really lies. Below, each term's share of the gradient where
# the trainings start.

# %% [markdown]
# **Predict, then run.** Two trainings that fight the same flicker: does the mixture of both save as much as the two together? And is a
# mixture as steady as interpolation says? (The cell does what "Measure this one" does.)

# %%
print(f"{'':18}{'e_stab expected':>16}{'measured':>10}{'style expected':>16}{'measured':>10}")
errors, places = {}, dict(lab.data["presets"])
if not soup.alone:                                        # and one that no button leads to
    places["half of all"] = {key: (axis.strengths[-1] + axis.origin) / 2 for key, axis in soup.axes.items()}
for label, strengths in places.items():
    expected, row = soup.estimated(strengths), lab.placed(lab.measure(strengths))
    errors[label] = row["e_stab"] / expected["e_stab"] - 1
    print(f"{label:18}{expected['e_stab']:16.4f}{row['e_stab']:10.4f}{expected['style']:16.3f}{row['style']:10.3f}")
worst = max(errors, key=lambda label: abs(errors[label]))
print(f"Furthest off: {worst}, e_stab {errors[worst]:+.1%} against what was expected.")
if not soup.alone:
    a, b, *_ = ({key: axis.strengths[-1]} for key, axis in soup.axes.items())
    kept = [lab.measure(strengths).e_stab / lab.measure({}).e_stab for strengths in (a, b, a | b)]
    print(f"e_stab with {', '.join(a)} {kept[0] - 1:+.0%}, with {', '.join(b)} {kept[1] - 1:+.0%}; one after the other that would be "
          f"{kept[0] * kept[1] - 1:+.0%}, the mixture of both has {kept[2] - 1:+.0%}.")

# %% [markdown]
# (The expectation is of other films than this one.) That it is near the mixture is one thing. Whether the *mixture* is near a student
# that was really trained with these lambdas is another, and only trainings can say it.

# %% [markdown]
# Across axes it takes more than a sum. Do the task vectors of different axes have something in common?

# %%
lows = {f"{key} x{end:g}": torch.cat([part.flatten() for part in axis.trained[end].values()])
        for key, axis in soup.axes.items() for end in sorted(axis.trained)[:2 if axis.origin else 1]}
print(" " * 14 + "".join(f"{name:>12}" for name in lows))
for name, row in lows.items():
    print(f"{name:14}" + "".join(f"{torch.cosine_similarity(row, other, dim=0):12.2f}" for other in lows.values()))

# %% [markdown]
# Cosines: between things that have nothing to do with each other they would be about 0. Here any two axes share a part; in a lab of its
# own even a lower and a higher style weight do. A likely reason: every vector is taken from one start, chance and all. Added in full, the
# part counts once an axis. So the sum is shortened (`mixtures.share_of`), and a lambda is looked up where it weighs as much beside Eq. 1:
# rules chosen by four students, before these ten were scored.

# %%
honesty = soup.record.get("honesty")
if honesty:                                               # points off the axes, drawn before any training
    for row in honesty["rows"]:
        point = ", ".join(f"{key} x{value:.2f}" for key, value in row["strengths"].items())
        off = row["mixed"]["e_stab"] / row["trained"]["e_stab"] - 1
        full = row["added"]["e_stab"] / row["trained"]["e_stab"] - 1
        print(f"{point:52} trained {row['trained']['e_stab']:.3f}   mixed {off:+6.1%}   added in full {full:+6.1%}")
    print(f"mean error {honesty['mean']:.1%}, worst {honesty['worst']:.1%}; which of two is steadier: "
          f"{honesty['pairs']} of {honesty['of']} right")
elif "all of Eq. 13" in soup.presets and family["both"] in soup.record["zoo"]:     # one comparison, not quite fair
    trained, everything = soup.record["zoo"][family["both"]], soup.presets["all of Eq. 13"]
    mixed = lab.placed(lab.measure(everything))
    print(f"all of Eq. 13, trained: e_stab {trained['e_stab']:.4f}, style {trained['style']:.3f}; mixed: "
          f"e_stab {mixed['e_stab']:.4f} ({mixed['e_stab'] / trained['e_stab'] - 1:+.0%}), "
          f"style {mixed['style']:.3f} ({mixed['style'] / trained['style'] - 1:+.0%})")
    used = zoo.manifest(f"{style}-{family['both']}")["settings"]["style_weight"]
    print(f"(Style weight of the trained one: {used:g}; of the mixture, by its sliders: {soup.at(everything)['style_weight']:g}.)")
print(soup.words)

# %% [markdown]
# **Question.** The map says that a mixture is steadier than any student of the zoo, at the same style loss. May one write that down as a
# result?
#
# <details><summary>A. Yes: mixtures behave like trained students.</summary>Roughly, and how roughly has to be measured: see the lines
# above.</details>
# <details><summary>B. Yes, once "Measure this one" has confirmed it.</summary>Then it holds for this film, of this length, in this
# style. That is a find, and not yet a result.</details>
# <details><summary>C. It says where to train, and what to measure on other films.</summary>Right. A lab is for finding a question
# quickly. Trainings with several seeds, on scenes that had no say in the choice, answer it (notebook 08).</details>

# %% [markdown]
# ### Train here
#
# The lab's last button trains for real, by `training.distill`: from the plain student, at the sliders' lambdas, in a thread, so other cells
# can be run meanwhile. Stop it, go on, begin anew. The triangle on the map is what was trained.
#
# It has smaller frames, few clips, and seconds instead of minutes. And its teachers are the paper's: where the sliders mix pocket students,
# whose own teachers paint strokes three times as large and do not ship, the residual comes from smaller strokes.

# %%
strengths = soup.presets["L_temp alone"]
here.start(strengths, soup.at(strengths), steps=settings.demo_steps)     # as the button does, by steps, not seconds
here.wait()
assert not here.report.problem, here.report.problem
figures.show(
    figures.losses(here.report.history, "trained here, with L_temp alone"),
    "Each step draws another clip, so the grey lines jump; the green ones are running means. Which term falls?",
    "The terms of a short training over its steps.")

# %%
def trained_score(network):
    with torch.no_grad():
        return lab.placed(evaluation.score("", network(film.frames.to(device)).cpu(), film, lab_judge))

begun, now, mixed = trained_score(plain), trained_score(here.report.student), soup.estimated(strengths)
full = zoo.manifest(f"{style}-{family['start']}")["settings"]["distill_steps"]
for name, row in {"plain student": begun, f"{here.report.step} steps here": now, f"mixed, of {full} steps": mixed}.items():
    print(f"{name:22} e_stab {row['e_stab']:.4f}   style {row['style']:.3f}   content {row['content']:.3f}")
gone = (now["e_stab"] - begun["e_stab"]) / (mixed["e_stab"] - begun["e_stab"])
print(f"{here.report.step} of {full} steps, {here.report.step / full:.0%}, are {gone:.0%} of the way to the mixture's e_stab.")

# %% [markdown]
# ### One lambda, really trained
#
# Five such trainings, from the paper's plain student, same clips, same steps. Only $\lambda_{temp}$ differs, times ten each, far beyond what
# the lab has.

# %% [markdown]
# **Predict, then run.** What will the picture look like at the largest, where steadiness outweighs everything? What is the steadiest
# video of all?

# %%
height, width, frames = (64, 96, 3) if settings.name == "smoke" else (128, 256, 6)
scene = filmed(test_scene("alley_2", height, width, frames))
short = short.but(lambda_res=0, lambda_rank=0)
short_targets = training.FrozenTargets(short_clips, *frozen)
steps = 10 if settings.name == "smoke" else settings.demo_steps // 2
tried, painted = {}, []
distill = keep(training.distill)      # after a restart "run all" goes on from what was trained

# %%
def flicker_video(y):
    """Where each frame differs from the next, its motion undone, four times enlarged."""
    pairs = zip(y[1:], y[:-1], scene.forward.flows, scene.forward.masks, strict=True)
    maps = [figures.error_map(torch.stack((after, now)), flow[None], mask[None])
            for after, now, flow, mask in pairs]
    return (4 * torch.stack((*maps, maps[-1]))).clamp(0, 1).expand(-1, 3, -1, -1)

# %%
below = []
for value in (0, 3, 30, 300, 3000):
    network, history = distill(
        frozen[-1], short_targets, judge, short.but(lambda_temp=value), steps=steps)
    with torch.no_grad():
        y = network(scene.frames.to(device)).cpu()
    score = evaluation.score(f"{value}", y, scene, judge)
    tried[score.network] = score
    painted.append(y)
    below.append(players.side_by_side({f"lambda_temp {value}": y, "flicker": flicker_video(y)})[1])
    print(f"lambda_temp {value:4}: e_stab {score.e_stab:.4f}, style {score.style:.4f}, "
          f"content {score.content:.4f}, std {score.std:.3f}")
assert all((a - b).abs().max() > 0 for a, b in pairwise(painted))

# %%
figures.show(
    figures.images({"lambda_temp from 0 to 3000": torch.cat(below, 1)}, height=6.5),
    "Left the picture, right its flicker, darker from top to bottom. What does the "
    "picture lose on the way?",
    "Five trained students under each other: stylized frame and flicker map.")

# %%
figures.show(
    figures.tradeoff(tried, control="0", path=list(tried), label="e_stab"),
    "Each point is a training. Left is better style, down is steadier.",
    "e_stab against style loss for five lambdas, joined by a line.")
calmest = min(tried.values(), key=lambda s: s.e_stab)
without = tried["0"]
print(f"steadiest: lambda_temp {calmest.network}, "
      f"e_stab {calmest.e_stab / without.e_stab - 1:+.0%}, "
      f"style loss {calmest.style / without.style - 1:+.0%}, content loss "
      f"{calmest.content / without.content - 1:+.0%}, contrast {calmest.std / without.std - 1:+.0%} against lambda_temp 0")
one_colour = torch.full_like(scene.frames, 0.5)
print(f"One colour everywhere: e_stab {evaluation.score('one', one_colour, scene, judge).e_stab:.4f}")

# %% [markdown]
# One lambda draws a **curve**, and a single point of it proves nothing: almost any steadiness can be had for enough style. A method is
# better only if its curve lies further to the lower left. That is how to look at the zoo, too.

# %% [markdown]
# **Question.** Another method gives one point, below and to the right of $\lambda_{temp} = 0$: steadier, at a higher style loss. Is it
# better than $L_{temp}$?
#
# <details><summary>A. Yes: it is steadier than the student without.</summary>So is every other student of the five. The point may lie
# on the same curve, or above it.</details>
# <details><summary>B. No: it has lost style.</summary>So has every steadier one of the five. It may have lost less of
# it.</details>
# <details><summary>C. Only if it lies below the curve of the five.</summary>Right: at its own style loss it must be steadier than their
# curve is there.</details>

# %% [markdown]
# ## 5. The zoo's four students on the same plot
#
# Besides the losses, one thing differs: scratch was trained at this scale's usual style weight, the three others at a higher one (printed
# below the figure), so that they need not pay for steadiness with style. A lower style loss than scratch's is therefore no merit of the
# method. What the weight does alone is on the frontier of notebook 08.

# %%
roles = ("student-scratch", "student-temp", "student-ours", "student-ours-temp")
with torch.no_grad():
    zoo_videos = {role: networks[role](scene.frames.to(device)).cpu() for role in roles}
scores = {role: evaluation.score(role, y, scene, judge) for role, y in zoo_videos.items()}
figures.show(
    figures.tradeoff({**tried, **scores}, "student-scratch", list(tried), "e_stab"),
    "Grey: the five briefly trained students, joined. In colour: the zoo's students, trained with "
    "all steps. Lower left of the dotted cross is steadier at better style.",
    "e_stab against style loss for five briefly trained students and the four of the zoo.")

# %%
for role, row in scores.items():
    weights = zoo.manifest(f"{style}-{role}")["settings"]
    used = ", ".join(f"{k} {weights[f'lambda_{k}']:g}" for k in ("res", "temp", "rank"))
    used += f", style {weights['style_weight']:g}"
    print(f"{role:18} {used:39} e_stab {row.e_stab:.4f}  style {row.style:.3f}  "
          f"{evaluation.verdict(row, scores['student-scratch'])}")

# %%
shown = {"input": scene.frames, **{role: zoo_videos[role] for role in roles[:3]}}
players.play(shown, "07_zoo", columns=2)

# %%
slices = {role: figures.time_slice(y, repeat=6) for role, y in zoo_videos.items()}
figures.show(figures.images(slices, columns=1, height=1.0),
             "One row of pixels over time, downwards. Cleaner lines are steadier.",
             "Time slices of the four students of the zoo.")

# %% [markdown]
# One scene and few frames: enough to see, not to conclude. If ours does not lie lower left of scratch here, that is worth
# knowing, and notebook 08 says how to find out whether it holds for all scenes.
#
# ## Summary
#
# Eq. 13 adds four terms; Algorithm 1 is a dozen lines around it. Lambdas are exchange rates between gradients, so measure the gradients
# before you choose them. Every lambda moves along a frontier of steadiness and style; a method is better when it moves the
# frontier.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** The same trainings for $\lambda_{res}$: 10, 100, 10000. Predict: does the picture lose as much of its style at the end?
#
# <details><summary>Hint</summary><code>short.but(lambda_temp=0, lambda_res=value)</code>. What would a student paint that minimised the
# residual alone (notebook 05)?</details>

# %% tags=["solution"]
# Exercise 1: a solution
by_residual, pictures = {"0": tried["0"]}, {"lambda_res 0": painted[0][1]}
for value in (10, 100, 10000):
    network, _ = distill(frozen[-1], short_targets, judge, short.but(lambda_temp=0, lambda_res=value), steps=steps, bar=False)
    with torch.no_grad():
        y = network(scene.frames.to(device)).cpu()
    by_residual[f"res {value}"] = evaluation.score(f"res {value}", y, scene, judge)
    pictures[f"lambda_res {value}"] = y[1]
pictures["lambda_temp 3000"] = painted[-1][1]
figures.show(
    figures.images(pictures, columns=2, height=1.3),
    "More and more of the residual; at the end, for comparison, the strongest temporal loss from above.",
    "Five stylized frames: four strengths of the residual loss, and the strongest temporal loss.")
for name, row in by_residual.items():
    print(f"{name:9} e_stab {row.e_stab:.4f}   style {row.style:.3f}   content {row.content:.3f}   std {row.std:.3f}")
more = {"L_res": by_residual["res 10000"].style / by_residual["res 100"].style, "L_temp": tried["3000"].style / tried["30"].style}
print("A lambda a hundred times as large changes the style loss by",
      ", ".join(f"{change - 1:+.0%} ({name})" for name, change in more.items()))
print("The residual has a painting for a target. However large its lambda, it cannot ask for more than that.")

# %% [markdown]
# **Exercise 2.** A norm hides the direction. Which terms pull against Eq. 1? Compute the cosine between the gradients of every two
# terms, for the plain student.
#
# <details><summary>Hint</summary>One long vector a term: <code>torch.cat([g.flatten() for g in torch.autograd.grad(...)])</code>; then
# <code>torch.cosine_similarity(a, b, dim=0)</code>. 1 is the same direction, 0 a right angle, -1 against each other.</details>

# %% tags=["solution"]
# Exercise 2: a solution
def direction(term):
    return torch.cat([g.flatten() for g in torch.autograd.grad(term, list(student.parameters()), retain_graph=True)])


pulls = {name: direction(terms[name]) for name in lambdas}
print(" " * 11 + "".join(f"{name:>12}" for name in pulls))
cosine = {}
for name, a in pulls.items():
    cosine[name] = {other: torch.cosine_similarity(a, b, dim=0).item() for other, b in pulls.items()}
    print(f"{name:11}" + "".join(f"{value:12.2f}" for value in cosine[name].values()))
others = {name: value for name, value in cosine["perceptual"].items() if name != "perceptual"}
print(f"Most against Eq. 1: {min(others, key=others.get)} ({min(others.values()):+.2f}); nearest to a right angle: "
      f"{min(others, key=lambda name: abs(others[name]))}.")
print("What pulls against Eq. 1 is paid for with Eq. 1 at once; what stands at a right angle to it, hardly.")

# %% [markdown]
# **Exercise 3.** All shares above are those of one clip. Are they the same for the others? A lambda that was chosen by one clip: by
# how much could it be off?
#
# <details><summary>Hint</summary><code>clip, target, input_norm = targets[index]</code> for every index; use other names, or this
# notebook's clip is gone. Then <code>total_loss</code> and <code>training.gradient_norms</code>.</details>

# %% tags=["solution"]
# Exercise 3: a solution
shares = {name: [] for name in lambdas if name != "perceptual"}
for index in range(len(targets)):
    one, its_target, its_norm = (part.to(device) for part in targets[index])
    norms = training.gradient_norms(
        student, total_loss(student(one.frames), one, judge, settings, its_target, its_norm))
    for name, values in shares.items():
        values.append(lambdas[name] * norms[name] / norms["perceptual"])
for name, values in shares.items():
    print(f"{name:9}" + "".join(f"{value:7.2f}" for value in values) + f"   largest / smallest {max(values) / min(values):5.1f}")
widest = max(shares, key=lambda name: max(shares[name]) / min(shares[name]))
print(f"Most different from clip to clip: {widest}. Take a mean over many clips before you choose its lambda.")

# %% [markdown]
# **Exercise 4.** Choose lambdas so that each term pulls a tenth as hard as Eq. 1, train as briefly as the five students, and put
# the point on the plot.
#
# <details><summary>Hint</summary>A tenth of the column "equal at", <code>0.1 * first / pull[name]</code>. Then
# <code>short.but(lambda_res=..., lambda_temp=..., lambda_rank=...)</code>.</details>

# %% tags=["solution"]
# Exercise 4: a solution
tenth = {name: 0.1 * first / pull[name] for name in ("residual", "temporal", "rank")}
network, _ = distill(
    frozen[-1], short_targets, judge,
    short.but(lambda_res=tenth["residual"], lambda_temp=tenth["temporal"], lambda_rank=tenth["rank"]), steps=steps, bar=False)
with torch.no_grad():
    mine = evaluation.score("a tenth each", network(scene.frames.to(device)).cpu(), scene, judge)
figures.show(
    figures.tradeoff({**tried, "a tenth each": mine}, control="0", path=list(tried), label="e_stab"),
    "The curve of the five, and the new point. Does it lie below the line?",
    "e_stab against style loss for the five students and one with three weak losses.")
print("lambdas:", ", ".join(f"{name} {value:.3g}" for name, value in tenth.items()))
print(f"against lambda_temp 0: e_stab {mine.e_stab / without.e_stab - 1:+.0%}, style {mine.style / without.style - 1:+.0%}, "
      f"content {mine.content / without.content - 1:+.0%}")
print("Shares make a fair start, not a best choice: what is best, only trainings and a validation film can say.")

# %% [markdown]
# ## Further reading
#
# - Chen, Zhang et al., [Optical flow distillation](https://arxiv.org/abs/2007.05146) (2020), the paper: its Eq. 13 and Algorithm 1.
# - Kingma, Ba, [Adam](https://arxiv.org/abs/1412.6980) (2014): why a common factor does not matter.
# - Chen et al., [GradNorm](https://arxiv.org/abs/1711.02257) (2018): lambdas that follow the norms of gradients while
#   training goes on.
# - Kendall, Gal, Cipolla, [Multi-task learning using uncertainty](https://arxiv.org/abs/1705.07115) (2018): lambdas that are learned.
# - Yu et al., [Gradient surgery](https://arxiv.org/abs/2001.06782) (2020): what to do when terms pull against each other (Exercise 2).
#
# [Next: 8. Evaluation](08_evaluation.ipynb)
