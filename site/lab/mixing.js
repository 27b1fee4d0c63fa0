// A style's students, mixed as tutorial_lib/mixtures.py and lambdas.py mix them. What a training has added to the weights
// of a common start is a vector; along an axis vectors of trained strengths are interpolated, across axes they are added and
// the sum is shortened.

import {strengths} from "./strengths.js";

const POWER = 1.75;       // of mixtures.py

// Every number that half precision has, by its sixteen bits.
const HALVES = Float32Array.from({length: 2 ** 16}, (_, bits) => {
  const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

export async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The page lacks a part of its own: ${address} (${answer.status}).`);
  return answer;
}

// The students of a style, from the address of its .json: {about, start, vectors: {axis: [one a trained strength]},
// check: {strengths, height, width, shown, painted}}, all weights in one row each.
export async function opened(address) {
  const about = await (await fetched(address)).json();
  const bytes = await (await fetched(new URL(about.weights, address))).arrayBuffer();
  const count = about.parameters.reduce((sum, [, shape]) => sum + length(shape), 0);
  let at = 0;
  const weights = () => {
    const row = Float32Array.from(new Uint16Array(bytes, at, count), (bits) => HALVES[bits]);
    at += 2 * count;
    return row;
  };
  const picture = ({height, width}) => {
    const pixels = new Uint8Array(bytes, at, 3 * height * width);
    at += pixels.length;
    return pixels;
  };
  const start = weights();
  const vectors = Object.fromEntries(Object.entries(about.axes).map(([axis, {trained}]) => [axis, trained.map(weights)]));
  return {about, start, vectors, check: {...about.check, shown: picture(about.check), painted: picture(about.check)}};
}

export const length = (shape) => shape.reduce((product, side) => product * side, 1);

// The strengths next to one, without the origin, and their shares: [[share, strength], ...]. Halfway is halfway on a
// logarithmic scale; from 0, which is on none, on a linear one.
export function between({trained, origin}, strength) {
  const known = strengths({trained, origin});
  const above = known.findIndex((end, n) => n > 0 && strength <= end);
  if (!(strength >= known[0]) || above < 0) {
    throw new RangeError(`Strengths from ${known[0]} to ${known.at(-1)} were trained; ${strength} was not.`);
  }
  const [low, high] = [known[above - 1], known[above]];
  const part = low === 0 ? strength / high : Math.log(strength / low) / Math.log(high / low);
  return [[1 - part, low], [part, high]].filter(([share, end]) => share && end !== origin);
}

// How much of each task vector goes into their sum (share_of in mixtures.py). An axis's dots are the products of its vectors
// with one another.
function share(axes, wanted) {
  const lengths = Object.entries(wanted).map(([name, strength]) => {
    const {trained, dots} = axes[name], parts = between(axes[name], strength).map(([part, end]) => [part, trained.indexOf(end)]);
    return Math.sqrt(parts.flatMap(([one, n]) => parts.map(([other, m]) => one * other * dots[n][m])).reduce((a, b) => a + b, 0));
  });
  const sum = lengths.reduce((a, b) => a + b, 0);
  return sum ? lengths.reduce((a, b) => a + b ** POWER, 0) ** (1 / POWER) / sum : 1;
}

// The strengths at which lambdas weigh as much beside the start's Eq. 1 as these do beside their own (effective in lambdas.py).
// rises: {axis: by how much of itself the pull of Eq. 1 rises when this strength rises by 1}.
function effective({axes, rises}, wanted) {
  let more = 1;
  for (const [name, rise] of Object.entries(rises)) if (name in wanted) more += rise * (wanted[name] - axes[name].origin);
  return Object.fromEntries(Object.entries(wanted).map(([name, strength]) => {
    const {origin, trained} = axes[name];
    return [name, origin ? strength : Math.min(strength / more, trained.at(-1))];
  }));
}

// The weights at these strengths, {axis: strength}, in one row; an axis that is not named stays at its origin.
export function mixture({about, start, vectors}, wanted) {
  const looked = effective(about, wanted), mixed = start.slice(), whole = share(about.axes, looked);
  for (const [name, strength] of Object.entries(looked)) {
    const axis = about.axes[name];
    for (const [part, end] of between(axis, strength)) {
      const vector = vectors[name][axis.trained.indexOf(end)];
      for (let n = 0; n < mixed.length; n++) mixed[n] += whole * part * vector[n];
    }
  }
  return mixed;
}

// The scores to expect there: the axes change them by the factors that were measured along them, interpolated, and as much of
// each counts as of its task vector.
export function estimated(about, wanted) {
  const {axes, scores} = about, looked = effective(about, wanted), found = {...scores.origin}, whole = share(axes, looked);
  for (const [name, strength] of Object.entries(looked)) {
    for (const [part, end] of between(axes[name], strength)) {
      const measured = scores.axes[name][String(end)];
      for (const score of Object.keys(found)) found[score] *= (measured[score] / scores.origin[score]) ** (whole * part);
    }
  }
  return found;
}
