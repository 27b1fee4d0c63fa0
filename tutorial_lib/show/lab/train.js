// Train here: a real training at the sliders' lambdas, its curves, and what the student paints meanwhile. The kernel
// trains in a thread and tells about once a second where it is.

const CURVES = {perceptual: ["#0072b2", []], residual: ["#e69f00", [8, 3]], temporal: ["#cc79a7", [3, 3]],
                rank: ["#009e73", [10, 3, 2, 3]], total: ["", []]};      // told apart by dashes as well as by colour

function drawCurves(canvas, terms, ink) {
  const pen = canvas.getContext("2d"), names = Object.keys(terms), [left, top, width, height] = [40, 14, 280, 180];
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.setLineDash([]);
  pen.font = "13px sans-serif";
  pen.strokeRect(left, top, width, height);
  pen.fillText("steps; each term over its mean in the first five", left - 30, top + height + 18);
  if (!names.length) return;
  // Each step draws another clip, so a term jumps from step to step; shown is its running mean.
  const smooth = (values) => values.map((_, n) => {
    const some = values.slice(Math.max(0, n - 9), n + 1);
    return some.reduce((sum, one) => sum + one, 0) / some.length;
  });
  const lines = names.map((name) => {
    const first = terms[name].slice(0, 5), mean = first.reduce((sum, one) => sum + one, 0) / first.length || 1;
    return [name, smooth(terms[name]).map((value) => value / mean)];
  });
  const highest = Math.max(1.1, ...lines.flatMap(([, values]) => values)), steps = lines[0][1].length;
  const x = (n) => left + width * (n + 1) / Math.max(steps, 5), y = (value) => top + height * (1 - value / highest);
  pen.fillText("1", left - 14, y(1) + 4);
  pen.fillText("0", left - 14, top + height);
  pen.fillText(`${steps}`, left + width - 18, top + height - 5);
  const places = [];
  for (const [name, values] of lines) {
    const [colour, dashes] = CURVES[name] ?? ["", [2, 2]];
    pen.strokeStyle = colour || ink;
    pen.lineWidth = name === "total" ? 1.5 : 2.5;
    pen.setLineDash(dashes);
    pen.beginPath();
    values.forEach((value, n) => (n ? pen.lineTo(x(n), y(value)) : pen.moveTo(x(n), y(value))));
    pen.stroke();
    let at = y(values[steps - 1]) + 4;
    for (const other of places.sort((a, b) => a - b)) if (Math.abs(at - other) < 14) at = other + 14;
    places.push(at);
    pen.setLineDash([]);
    pen.beginPath(); pen.moveTo(left + width + 4, at - 4); pen.lineTo(left + width + 16, at - 4); pen.stroke();
    pen.fillText(name, left + width + 20, at);
  }
}

// strengths: those of the sliders, when asked. landed: called with a trained point, or null when it is gone.
function trainer(model, el, [width, height], canvas, strengths, landed) {
  const state = {running: false, step: 0, seconds: 20};
  const preview = canvas(width, height, "the film, painted by the student in training");
  const curves = canvas(420, 225, "loss curves of the training, term by term");
  const where = element("p", {className: "numbers"}), told = element("p"), problem = element("p", {className: "problem"});
  for (const part of [told, problem]) part.setAttribute("role", "status");
  const send = (kind) => {
    problem.textContent = "";
    model.send({kind, strengths: strengths(), seconds: state.seconds});
  };
  const begin = button("Train here", () => { told.textContent = "Starting ..."; landed(null); set(true); send("train"); });
  const pause = button("Stop", () => {
    if (state.running) { told.textContent = "Stopping ..."; send("stop"); return; }
    told.textContent = "Going on ...";
    set(true);
    send("go on");
  });
  const reset = button("Reset", () => { clear(); send("reset"); });
  const time = slider("time", [5, 120, 5], state.seconds, (n) => `${n} seconds`, (n) => { state.seconds = n; });
  const shown = (value) => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3));
  const redraw = () => { if (state.terms) drawCurves(curves, state.terms, getComputedStyle(el).color); };
  const looks = element("div", {className: "films", hidden: true}, element("div", {}, preview), element("div", {}, curves));

  function set(running) {
    state.running = running;
    begin.disabled = running;
    reset.disabled = running || !state.step;
    pause.disabled = !running && !state.step;
    pause.textContent = running || !state.step ? "Stop" : "Go on";
    Object.assign(el.dataset, {training: running, step: state.step});
  }
  function clear() {
    Object.assign(state, {step: 0, terms: null});
    where.textContent = told.textContent = "";
    looks.hidden = true;
    set(false);
    landed(null);
  }
  async function answered(message, buffers) {
    if (message.kind === "training problem") {
      told.textContent = "";
      problem.textContent = message.sentence;
      set(false);
      return;
    }
    state.step = message.step;
    problem.textContent = message.problem;
    if (message.step) {
      looks.hidden = false;
      const last = Object.entries(message.terms).map(([name, values]) => `${name} ${shown(values[values.length - 1])}`);
      where.textContent = `Step ${message.step}, ${message.seconds.toFixed(1)} s of training: ${last.join(", ")}.`;
      state.terms = message.terms;
      redraw();
    }
    if (buffers.length) {
      const picture = await createImageBitmap(new Blob([buffers[0]], {type: "image/jpeg"}));
      preview.getContext("2d").drawImage(picture, 0, 0);
    }
    if (message.running) {
      if (told.textContent !== "Stopping ...") told.textContent = "Training.";
    } else {
      told.textContent = message.problem ? "" : `Trained for ${message.step} steps; its point is a triangle on the map.`;
      if (message.point) landed({...message.point, label: `trained here, ${message.step} steps`});
    }
    set(message.running);
  }
  set(false);
  const part = element("div", {className: "train-here"},
    element("div", {className: "controls"}, begin, pause, reset, time), told, problem, where, looks);
  return {part, answered, redraw};            // redraw: the page may have become dark or light
}
