// The page: a source of frames, a painter, the mixture's sliders, and what is said about them.

import {button, choice, element} from "./base.js";
import {estimated, fetched, length} from "./mixing.js";
import {painter} from "./painting.js";
import {sliders} from "./sliders.js";
import * as sources from "./sources.js";

const at = (id) => document.getElementById(id);
const SIZES = {240: "240 pixels", 320: "320 pixels", 480: "480 pixels", 640: "640 pixels"};      // of the longer side
const LEAST = 16;                          // pixels of a side, which the network needs
const [before, after] = [at("before").getContext("2d"), at("after").getContext("2d")];
const frame = element("canvas").getContext("2d", {willReadFrequently: true});       // under way; shown when it is painted
const data = new URL("data/", document.baseURI), paints = painter(), told = document.body.dataset;
const state = {source: null, playing: false, size: 320, strengths: {}, style: null, engine: null, again: false, frames: 0,
               times: [], wanted: 0, ready: false};

// --- painting ---

// Paints the frame of now, and shows both; what has changed while one was under way is painted as soon as it is done.
async function show() {
  if (!state.source) return;
  state.again = state.ready && paints.busy;
  if (state.again) return;
  const [width, height] = fitted(state.source.size);
  resize(frame.canvas, width, height);
  state.source.draw(frame, width, height);
  if (!state.ready) { put(before, frame.canvas); return; }
  told.busy = true;
  told.strengths = JSON.stringify(state.strengths);
  try {
    const answer = await paints.paint(state.strengths, frame.getImageData(0, 0, width, height));
    put(before, frame.canvas);
    resize(after.canvas, width, height);
    after.putImageData(new ImageData(answer.frame, width, height), 0, 0);
    if (answer.engine) state.engine = answer;
    count(answer);
  } catch (problem) {
    play(false);
    say(problem);
  }
  told.busy = paints.busy;
  if (state.again) show();
}

function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
}

function put(pen, picture) {
  resize(pen.canvas, picture.width, picture.height);
  pen.drawImage(picture, 0, 0);
}

function fitted([width, height]) {
  const factor = state.size / Math.max(width, height);
  return [width, height].map((side) => Math.max(LEAST, Math.round(side * factor)));
}

function count({milliseconds, mixing, width, height}) {
  const now = performance.now();
  state.frames += 1;
  state.times = [...state.times.filter((time) => now - time < 2000), now];
  const rate = (state.times.length - 1) / (now - state.times[0]) * 1000;
  Object.assign(told, {frames: state.frames, milliseconds: milliseconds.toFixed(1), mixing: mixing.toFixed(1)});
  const {engine, near} = state.engine;
  at("speed").textContent = `${state.playing && rate ? `${rate.toFixed(rate < 9.5 ? 1 : 0)} frames a second; ` : ""}`
    + `${width} × ${height}, ${milliseconds.toFixed(0)} ms a frame on ${engine}, which was checked against PyTorch's picture `
    + `(${near.toFixed(0)} dB).`;
}

function tick(now) {
  if (!state.playing) return;
  if (!paints.busy && state.source.next(now)) show();
  requestAnimationFrame(tick);
}

function play(on) {
  if (on === state.playing) return;
  state.playing = on;
  state.times = [];
  start.textContent = on ? "Pause" : "Play";
  if (on) { state.source.play(); requestAnimationFrame(tick); } else state.source?.pause();
}

function say(problem) { at("problem").textContent = problem ? problem.message ?? problem : ""; }

// --- where frames come from ---

// Takes a source once it is there, unless the reader has meanwhile chosen another one.
async function take(kind, coming, playing) {
  const wanted = ++state.wanted;
  say("");
  try {
    const source = await coming;
    if (wanted !== state.wanted) { source.close(); return; }
    play(false);
    state.source?.close();
    Object.assign(state, {source, kind, freed: false});
    told.source = kind;
    for (const [name, control] of Object.entries(kinds)) control.setAttribute("aria-pressed", name === kind);
    start.disabled = halt.disabled = !source.moves;
    if (source.moves && playing) play(true);
    await show();
  } catch (problem) {
    if (wanted === state.wanted) say(problem);
  }
}

const clip = () => take("clip", sources.clip(new URL(lab.clip.file, data), lab.clip), false);
const camera = () => take("camera", sources.camera(() => { stop(); say("The camera was taken away."); }), true);
const own = (file) => take("own", sources.opened(file), true);

// A camera is free afterwards: its last picture stays, and Play asks for it again.
function stop() {
  play(false);
  state.source.stop();
  state.freed = state.kind === "camera";
  if (!state.freed) show();
}

const start = button("Play", () => {
  say("");
  if (state.freed) camera(); else play(!state.playing);
});
const halt = button("Stop", stop);
const picker = element("input", {type: "file", accept: "image/*,video/*", className: "picker"});
picker.onchange = () => {
  if (picker.files.length) own(picker.files[0]);
  picker.value = "";                 // the same file may be chosen again
};
const kinds = {
  clip: button("The clip", clip), own: element("label", {className: "button"}, "A picture or film of yours", picker),
  camera: button("Your camera", camera),
};
document.body.ondragover = (event) => event.preventDefault();
document.body.ondrop = (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) own(event.dataTransfer.files[0]);
};

// --- the mixture ---

async function style(name) {
  const address = new URL(`${name}.json`, data);
  say("");
  state.ready = false;
  at("speed").textContent = "Loading the network and what computes it, once: 15 to 27 megabytes ...";
  try {
    const about = state.style = await (await fetched(address)).json();
    const count = about.parameters.reduce((sum, [, shape]) => sum + length(shape), 0);
    at("count").textContent = count.toLocaleString("en");
    state.strengths = sliders(about, {sliders: at("sliders"), presets: at("presets"), honesty: at("honesty")}, moved);
    expect();
    const opened = await paints.open(address.href, new URLSearchParams(location.search).get("engine"));
    if (state.style !== about) return;         // meanwhile another one was chosen
    state.engine = opened;
    Object.assign(told, {engine: opened.engine, near: opened.near.toFixed(1)});
    state.ready = true;
    await show();
  } catch (problem) {
    say(problem);
  }
}

function moved(strengths) {
  state.strengths = strengths;
  expect();
  show();
}

function expect() {
  const {scores} = state.style;
  at("expected").hidden = !scores;
  if (!scores) return;
  const found = estimated(state.style, state.strengths);
  at("scores").replaceChildren(...Object.entries(found).map(([name, value]) => {
    const change = 100 * (value / scores.origin[name] - 1), sign = change < -0.5 ? "−" : change < 0.5 ? "±" : "+";
    return element("div", {}, element("dt", {textContent: name}), element("dd", {textContent: value.toFixed(3)}),
                   element("dd", {className: "change", textContent: `${sign}${Math.abs(change).toFixed(0)} %`}));
  }));
}

// --- all of it ---

const lab = await (await fetched(new URL("lab.json", data))).json();
const size = choice("painted at", SIZES, String(state.size), (longer) => { state.size = Number(longer); show(); });
const from = element("div", {className: "sources"}, ...Object.values(kinds));
from.setAttribute("role", "group");
from.setAttribute("aria-label", "Where the frames come from");
at("film").append(from, start, halt, size);
if (lab.styles.length > 1) {
  at("film").append(choice("style", Object.fromEntries(lab.styles.map((name) => [name, name])), lab.styles[0], style));
}
await Promise.all([clip(), style(lab.styles[0])]);
