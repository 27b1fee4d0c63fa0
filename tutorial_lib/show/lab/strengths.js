// Where a strength stands on its slider, and in which words it is spoken: one file for the widget and for the page without
// a kernel, so it imports nothing, and what builds the page adds its exports.
//
// An axis: {trained: [strengths], origin, setting, unit}; where several settings move together from strength 0 to 1, it has
// moves, {setting: [from, to]}, as well.

const FOOT = 0.12;        // of a slider: from 0, which has no logarithm, to the smallest strength

// Every strength that has a network of its own, the start's included.
const strengths = ({trained, origin}) => [...new Set([...trained, origin])].sort((a, b) => a - b);

function ends(axis) {
  const known = strengths(axis).filter((strength) => strength > 0);
  return [known[0], known[known.length - 1]];
}

// position: 0 to 1. Beyond the foot of a lambda halfway is halfway on a logarithmic scale; a share is even all along.
function strengthAt(axis, position) {
  const [lowest, highest] = ends(axis);
  if (lowest === highest) return position * highest;
  const [foot, part] = axis.origin === 0 ? [FOOT, (position - FOOT) / (1 - FOOT)] : [0, position];
  return position < foot ? lowest * position / foot : Math.min(highest, lowest * (highest / lowest) ** part);
}

function placeOf(axis, strength) {
  const [lowest, highest] = ends(axis);
  if (lowest === highest) return strength / highest;
  const foot = axis.origin === 0 ? FOOT : 0;
  if (strength < lowest) return foot * strength / lowest;
  return foot + (1 - foot) * Math.log(strength / lowest) / Math.log(highest / lowest);
}

// The trained strength, the start's among them, that is nearest on the slider.
function snapped(axis, position) {
  const away = (end) => Math.abs(placeOf(axis, end) - position);
  return strengths(axis).reduce((best, end) => (away(end) < away(best) ? end : best));
}

// A slider has a hundred places, of which few are exactly a trained strength: the nearest is taken for it.
function near(axis, strength) {
  const end = snapped(axis, placeOf(axis, strength));
  return Math.abs(placeOf(axis, end) - placeOf(axis, strength)) < 0.005 ? end : strength;
}

function spoken(axis, strength) {
  if (!axis.moves) return `${axis.setting} ${short(strength * axis.unit)}`;
  return Object.entries(axis.moves).map(([setting, [from, to]]) => `${setting} ${short(from + strength * (to - from))}`).join(", ");
}

const short = (value) => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2))));
