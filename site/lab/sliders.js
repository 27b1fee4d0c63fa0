// The mixture's controls: a slider an axis, with marks where students were trained, and buttons for some mixtures.

import {button, element, slider} from "./base.js";
import {near, placeOf, snapped, spoken, strengthAt, strengths as known} from "./strengths.js";

// moved: called with all strengths, {axis: strength}, after every move. Returns the strengths at the origins.
export function sliders({axes, presets, honesty}, places, moved) {
  const names = Object.keys(axes), now = {}, made = {};
  const alone = honesty ? !honesty.holds : false;        // mixtures were tried, and are not what is trained
  const points = alone ? names : honesty?.fails ?? [];   // nothing between the trained ones

  function put(name, strength) {
    now[name] = strength;
    made[name].say(placeOf(axes[name], strength));
  }
  function jump(strengths) {
    for (const name of names) put(name, strengths[name] ?? axes[name].origin);
    moved({...now});
  }
  for (const name of names) {
    const axis = axes[name];
    made[name] = slider(name, [0, 1, 0.01], placeOf(axis, axis.origin),
                        (position) => spoken(axis, near(axis, strengthAt(axis, position))), (position) => {
      if (alone) for (const other of names) if (other !== name) put(other, axes[other].origin);
      if (points.includes(name)) put(name, snapped(axis, position));
      else now[name] = near(axis, strengthAt(axis, position));
      moved({...now});
    });
    now[name] = axis.origin;
  }
  places.sliders.replaceChildren(...names.map((name) => element("div", {className: "axis"}, made[name], marks(axes[name]),
    element("p", {textContent: axes[name].words}))));
  const fitting = Object.entries(presets).filter(([, strengths]) => !alone || Object.keys(strengths).length < 2);
  places.presets.replaceChildren(...fitting.map(([label, strengths]) => button(label, () => jump(strengths))));
  places.honesty.textContent = said(axes, honesty, alone);
  return {...now};
}

function marks(axis) {
  const row = element("div", {className: "marks"});
  row.setAttribute("aria-hidden", "true");
  row.append(...known(axis).map((strength) => {
    const mark = element("span");
    mark.style.setProperty("--at", placeOf(axis, strength));
    return mark;
  }));
  return row;
}

// How far what is mixed can be trusted.
function said(axes, honesty, alone) {
  const shares = Object.values(axes).every(({moves}) => moves);
  if (!honesty) return shares ? "At the second mark of a slider stands a student that was really trained; all else is mixed." : "";
  if (alone) {
    return "Mixtures were measured and are too far from what is trained, so each slider moves alone, from one trained student "
      + "to the next.";
  }
  return `In ${honesty.rows.length} points that were really trained as well, the mixture's e_stab is within `
    + `${(100 * honesty.worst).toFixed(0)} % of the trained one, ${(100 * honesty.mean).toFixed(1)} % on average.`;
}
