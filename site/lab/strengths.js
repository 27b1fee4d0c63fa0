// Where a strength stands on its slider, and in which words it is spoken.

import {strengths} from "./mixing.js";

const FOOT = 0.12;        // of a slider: from 0, which has no logarithm, to the smallest strength

// position: 0 to 1. Beyond the foot of a lambda halfway is halfway on a logarithmic scale; a share is even all along.
export function strengthAt(axis, position) {
  const [lowest, highest] = ends(axis);
  if (lowest === highest) return position * highest;
  const [foot, part] = axis.origin === 0 ? [FOOT, (position - FOOT) / (1 - FOOT)] : [0, position];
  return position < foot ? lowest * position / foot : Math.min(highest, lowest * (highest / lowest) ** part);
}

export function positionOf(axis, strength) {
  const [lowest, highest] = ends(axis);
  if (lowest === highest) return strength / highest;
  const foot = axis.origin === 0 ? FOOT : 0;
  if (strength < lowest) return foot * strength / lowest;
  return foot + (1 - foot) * Math.log(strength / lowest) / Math.log(highest / lowest);
}

// The trained strength that is nearest on the slider.
export function snapped(axis, position) {
  const away = (end) => Math.abs(positionOf(axis, end) - position);
  return strengths(axis).reduce((best, end) => (away(end) < away(best) ? end : best));
}

export function spoken(axis, strength) {
  const value = strength * axis.unit;
  return `${axis.setting} ${value === 0 ? "0" : axis.setting === "share" ? value.toFixed(2) : short(value)}`;
}

const short = (value) => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2))));

function ends(axis) {
  const known = strengths(axis).filter((strength) => strength > 0);
  return [known[0], known.at(-1)];
}
