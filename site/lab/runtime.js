// ONNX Runtime: on WebGPU where there is one that paints as PyTorch does, else in WebAssembly.

import {fetched, length, mixture} from "./mixing.js";

export const NEAR = 40;      // dB against PyTorch's picture: below, the rounding of an engine could be seen

// The engine for a style, {name, near, session}; wanted: "webgpu", "wasm", or nothing for the better one.
export async function started(style, address, wanted) {
  if (wanted === "webgpu" || (!wanted && await hasGpu())) {
    try {
      const engine = await startedOn("webgpu", style, address);
      if (wanted || engine.near >= NEAR) return engine;
    } catch (problem) {
      if (wanted) throw problem;
    }
  }
  return startedOn("wasm", style, address);
}

async function hasGpu() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);      // one in software is slower
}

async function startedOn(device, style, address) {
  const build = device === "wasm" ? "wasm" : "Suspending" in WebAssembly ? "jspi" : "asyncify";
  const part = (name) => new URL(`runtime/${build}${name}`, import.meta.url).href;
  const ort = await import(part(".js"));
  ort.env.wasm.numThreads = 1;       // more would need cross-origin isolation, which a server of files alone cannot set
  ort.env.wasm.wasmPaths = {mjs: part("-core.js"), wasm: part("-core.wasm")};
  ort.env.logLevel = "error";
  const graph = new Uint8Array(await (await fetched(new URL(style.about.graph, address))).arrayBuffer());
  const session = await ort.InferenceSession.create(graph, {executionProviders: [device], logSeverityLevel: 3});
  const engine = {name: device === "wasm" ? "WebAssembly" : "WebGPU", ort, session};
  const {strengths, shown, painted, height, width} = style.check;
  const ours = await paint(engine, fed(engine, style, mixture(style, strengths)), planes(shown, 3), height, width);
  return {...engine, near: decibels(ours, planes(painted, 3))};
}

// The graph's inputs for some weights: one tensor a parameter.
export function fed({ort}, {about}, weights) {
  let at = 0;
  return Object.fromEntries(about.parameters.map(([name, shape]) => {
    const part = weights.subarray(at, at += length(shape));
    return [name, new ort.Tensor("float32", part, shape)];
  }));
}

// frame: red, green and blue one after the other, 0 to 1; so is what comes back.
export async function paint({ort, session}, feeds, frame, height, width) {
  const {painted} = await session.run({...feeds, frame: new ort.Tensor("float32", frame, [1, 3, height, width])});
  return painted.data;
}

// Pixels of some channels, the first three of which count, as a frame.
export function planes(pixels, channels) {
  const count = pixels.length / channels, frame = new Float32Array(3 * count);
  for (let channel = 0; channel < 3; channel++) {
    for (let n = 0; n < count; n++) frame[channel * count + n] = pixels[n * channels + channel] / 255;
  }
  return frame;
}

// A frame as a canvas wants it: red, green, blue and opacity, pixel by pixel, rounded.
export function pixels(frame) {
  const count = frame.length / 3, made = new Uint8ClampedArray(4 * count).fill(255);
  for (let channel = 0; channel < 3; channel++) {
    for (let n = 0; n < count; n++) made[4 * n + channel] = 255 * frame[channel * count + n];
  }
  return made;
}

function decibels(one, other) {
  const error = one.reduce((sum, value, n) => sum + (value - other[n]) ** 2, 0) / one.length;
  return -10 * Math.log10(Math.max(error, 1e-20));
}
