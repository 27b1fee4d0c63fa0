// The painter of the page: one frame at a time is under way, so that a slow computer falls behind by one frame at most.

export function painter(address = "painter.js") {
  const worker = new Worker(address, {type: "module"}), waiting = new Map();
  let asked = 0;
  worker.onmessage = ({data}) => {
    const {done, failed} = waiting.get(data.number);
    waiting.delete(data.number);
    if (data.problem) failed(new Error(data.problem)); else done(data);
  };
  worker.onerror = (event) => {
    for (const {failed} of waiting.values()) failed(new Error(`The painter stopped: ${event.message ?? "it did not load"}.`));
    waiting.clear();
  };
  const ask = (question, transfer = []) => new Promise((done, failed) => {
    asked += 1;
    waiting.set(asked, {done, failed});
    worker.postMessage({number: asked, ...question}, transfer);
  });
  return {
    open: (style, engine) => ask({kind: "open", address: style, engine}),
    paint: (strengths, {data, width, height}) => ask({kind: "paint", strengths, width, height, frame: data}, [data.buffer]),
    get busy() { return waiting.size > 0; },
  };
}
