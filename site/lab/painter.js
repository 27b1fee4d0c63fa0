// A worker, so that the page answers while it paints: mixes the weights when the strengths have changed, and paints frames.

import {mixture, opened} from "./mixing.js";
import {fed, paint, pixels, planes, started} from "./runtime.js";

let style, engine, address, mixed = {};

async function open({address: wanted, engine: name}) {
  style = engine = null;
  address = wanted;
  const found = await opened(wanted);
  engine = await started(found, wanted, name);
  style = found;
  mixed = {};
  return {engine: engine.name, near: engine.near};
}

async function painted({strengths, width, height, frame}) {
  if (!style) throw new Error("The painter was not opened yet.");
  const began = performance.now(), key = JSON.stringify(strengths);
  if (mixed.key !== key) mixed = {key, feeds: fed(engine, style, mixture(style, strengths))};
  const now = performance.now();
  const picture = await paint(engine, mixed.feeds, planes(frame, 4), height, width);
  return {frame: pixels(picture), width, height, mixing: now - began, milliseconds: performance.now() - began};
}

// A graphics processor can be taken away while it paints, by a sleep or another program; then WebAssembly goes on.
async function paintedAnyhow(question) {
  try {
    return await painted(question);
  } catch (problem) {
    if (engine?.name !== "WebGPU") throw problem;
    engine = await started(style, address, "wasm");
    mixed = {};
    return {...await painted(question), engine: engine.name, near: engine.near};
  }
}

async function answer(data) {
  try {
    const found = await (data.kind === "open" ? open(data) : paintedAnyhow(data));
    self.postMessage({number: data.number, ...found}, found.frame ? [found.frame.buffer] : []);
  } catch (problem) {
    self.postMessage({number: data.number, problem: problem.message || String(problem)});
  }
}

let line = Promise.resolve();       // one after the other
self.onmessage = ({data}) => { line = line.then(() => answer(data)); };
