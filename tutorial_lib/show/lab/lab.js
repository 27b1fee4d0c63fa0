// The lambda lab: sliders over mixtures of trained students. Each move asks the kernel for one frame, and never for a
// second one before the first has come, so that a slow machine falls behind by one frame at most.

const NOW = () => performance.now();

function render({model, el}) {
  const data = model.get("data"), axes = data.axes, names = Object.keys(axes);
  const state = {strengths: Object.fromEntries(names.map((name) => [name, axes[name].origin])), frame: 0, playing: false,
                 asked: 0, shown: 0, waiting: false, trail: [], due: 0, since: {}, estimate: null, marks: {}};
  el.classList.add("viewer", "lambda-lab");

  const canvas = (width, height, label) => {
    const made = element("canvas", {width, height});
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    return made;
  };
  const [width, height] = data.size;
  const screen = canvas(width, height, "the film, painted at these lambdas");
  const map = canvas(420, 300, "e_stab against style loss");
  const numbers = element("p", {className: "numbers"}), exact = element("p"), problem = element("p", {className: "problem"});
  for (const part of [numbers, exact, problem]) part.setAttribute("role", "status");
  const pulls = element("div", {className: "pulls"});

  // One question at a time; what has changed meanwhile is asked for as soon as the answer has come.
  function ask() {
    if (state.waiting) { state.again = true; return; }
    state.waiting = true;
    state.again = false;
    el.dataset.busy = true;
    state.asked += 1;
    state.since[state.asked] = NOW();
    model.send({kind: "paint", number: state.asked, strengths: state.strengths, frame: state.frame});
  }
  function step(now) {
    if (!state.playing || !el.isConnected) return;
    if (now >= state.due && !state.waiting) {
      state.due = Math.max(now, state.due + 1000 / data.rate);
      state.frame = (state.frame + 1) % data.frames;
      frame.say(state.frame);
      ask();
    }
    requestAnimationFrame(step);
  }
  function play(on) {
    state.playing = on;
    start.textContent = on ? "Pause" : "Play";
    if (on) { state.due = NOW(); requestAnimationFrame(step); }
  }

  const sliders = Object.fromEntries(names.map((name) => {
    const axis = axes[name], strength = (position) => near(axis, strengthAt(axis, position));
    const said = (position) => spoken(axis, strength(position));
    return [name, slider(name, [0, 1, 0.01], placeOf(axis, axis.origin), said, (position) => {
      if (data.alone) for (const other of names) if (other !== name) put(other, axes[other].origin);
      if ((data.fails ?? []).includes(name)) put(name, snapped(axis, position));
      else state.strengths[name] = strength(position);
      moved();
    })];
  }));
  function put(name, strength) {
    state.strengths[name] = strength;
    sliders[name].say(placeOf(axes[name], strength));
  }
  function moved() { exact.textContent = ""; delete state.marks.measured; ask(); }
  function jump(strengths) {
    for (const name of names) put(name, strengths[name] ?? axes[name].origin);
    moved();
  }
  const start = button("Play", () => play(!state.playing));
  const frame = slider("frame", [0, data.frames - 1, 1], 0, (n) => `${n + 1} of ${data.frames}`, (n) => {
    play(false);
    state.frame = n;
    ask();
  });
  const presets = Object.entries(data.presets).map(([label, strengths]) => button(label, () => jump(strengths)));
  const measure = button("Measure this one", () => {
    measure.disabled = true;
    exact.textContent = "Measuring ...";
    model.send({kind: "measure", strengths: state.strengths});
  });

  // What was really measured or trained, beside the mixture that it is compared with.
  function mark(kind, point) {
    if (point) state.marks[kind] = {...point, mixed: kind === "measured" ? state.estimate : state.began};
    else delete state.marks[kind];
    if (state.estimate) draw(state.estimate);
  }
  function draw(estimate) {
    const pen = map.getContext("2d"), marks = Object.entries(state.marks);
    const points = [...Object.values(data.known), ...state.trail, estimate, ...marks.map(([, point]) => point)];
    const range = (key) => {
      const values = points.map((point) => point[key]), [low, high] = [Math.min(...values), Math.max(...values)];
      const room = 0.08 * (high - low || high);
      return [low - room, high + room];
    };
    const [[left, right], [low, high]] = [range("style"), range("e_stab")];
    const x = (point) => 46 + (point.style - left) / (right - left) * 360;
    const y = (point) => 262 - (point.e_stab - low) / (high - low) * 250;
    const dark = getComputedStyle(el).color;
    pen.clearRect(0, 0, map.width, map.height);
    pen.fillStyle = pen.strokeStyle = dark;
    pen.lineWidth = 1;
    pen.strokeRect(46, 12, 360, 250);
    pen.font = "13px sans-serif";
    pen.fillText("style loss: left is better", 130, 292);
    pen.save();
    pen.translate(14, 215); pen.rotate(-Math.PI / 2);
    pen.fillText("e_stab: down is steadier", 0, 0);
    pen.restore();
    pen.font = "12px sans-serif";
    for (const [value, at] of [[low, 262], [high, 20]]) pen.fillText(value.toFixed(2), 18, at);
    for (const [value, at] of [[left, 46], [right, 380]]) pen.fillText(value.toFixed(2), at, 276);
    const written = [];         // a name moves up or down until it is on no other
    const write = (name, left, height) => {
      const right = left + pen.measureText(name).width;
      const free = (line) => written.every((other) => right < other.left || left > other.right || Math.abs(line - other.line) > 12);
      const line = [-5, 14, -20, 29].map((away) => height + away).find(free) ?? height - 5;
      written.push({left, right, line});
      pen.fillText(name, left, line);
    };
    const circle = (point, radius) => { pen.beginPath(); pen.arc(x(point), y(point), radius, 0, 7); };
    for (const [name, point] of Object.entries(data.known)) {
      pen.fillStyle = point.colour;
      circle(point, 5); pen.fill();
      pen.fillStyle = dark;
      write(name, Math.min(x(point) + 8, 300), y(point));
    }
    pen.globalAlpha = 0.5;
    pen.beginPath();
    state.trail.forEach((point, n) => (n ? pen.lineTo(x(point), y(point)) : pen.moveTo(x(point), y(point))));
    pen.stroke();
    pen.globalAlpha = 1;
    for (const [kind, point] of marks) {
      const [across, down] = [x(point), y(point)];
      pen.lineWidth = 1;
      pen.setLineDash([3, 3]);
      pen.beginPath(); pen.moveTo(across, down); pen.lineTo(x(point.mixed), y(point.mixed)); pen.stroke();
      pen.setLineDash([]);
      pen.lineWidth = 2;
      pen.beginPath();
      if (kind === "measured") pen.rect(across - 6, down - 6, 12, 12);
      else { pen.moveTo(across, down - 8); pen.lineTo(across + 8, down + 6); pen.lineTo(across - 8, down + 6); pen.closePath(); }
      if (kind === "measured") pen.stroke(); else pen.fill();
      pen.fillText(point.label, Math.min(across + 10, 290), down + 14);
    }
    pen.lineWidth = 3;
    circle(estimate, 8); pen.stroke();
  }
  function tell({estimate, pull}) {
    const against = (name) => {
      const change = 100 * (estimate[name] / data.origin[name] - 1);
      return `${name} ${estimate[name].toFixed(3)} (${change < 0 ? "\u2212" : "+"}${Math.abs(change).toFixed(0)} %)`;
    };
    numbers.textContent = `Mixed, interpolated between measured students: ${["e_stab", "style", "content"].map(against).join(", ")} `
      + `against all lambdas off.${data.error ? ` ${data.error}` : ""}`;
    pulls.replaceChildren(...Object.entries(pull).map(([name, share]) => {
      const bar = element("span", {className: "bar"});
      bar.style.width = `${100 * share}%`;
      return element("div", {}, element("span", {textContent: name}), element("span", {}, bar),
                     element("span", {textContent: `${(100 * share).toFixed(0)} %`}));
    }));
    state.estimate = estimate;
    const last = state.trail[state.trail.length - 1];
    if (!last || last.e_stab !== estimate.e_stab || last.style !== estimate.style) state.trail.push(estimate);
    if (state.trail.length > 60) state.trail.shift();
    draw(estimate);
    training?.redraw();
  }

  async function answered(message, buffers) {
    if (message.kind === "painted") {
      const picture = await createImageBitmap(new Blob([buffers[0]], {type: "image/jpeg"}));
      screen.getContext("2d").drawImage(picture, 0, 0);
      problem.textContent = "";
      tell(message);
      state.shown = message.number;
      Object.assign(el.dataset, {shown: message.number, frame: message.frame,
                                 milliseconds: (NOW() - state.since[message.number]).toFixed(1)});
      delete state.since[message.number];
    } else if (message.kind === "measured") {
      measure.disabled = false;
      exact.textContent = `Measured on this film: ${message.words}.`;
      if (message.point) mark("measured", {...message.point, label: "measured"});
    } else if (message.kind.startsWith("training")) {
      await training.answered(message, buffers);
    } else {
      measure.disabled = false;
      problem.textContent = message.sentence;
    }
    if (message.kind === "painted" || message.kind === "problem") {
      state.waiting = false;
      el.dataset.busy = false;
      if (state.again) ask();
    }
  }
  model.on("msg:custom", answered);

  const training = data.trains
    ? trainer(model, el, data.size, canvas, () => { state.began = state.estimate; return state.strengths; },
              (point) => mark("trained", point))
    : null;
  const controls = (...those) => element("div", {className: "controls"}, ...those);
  el.append(
    controls(...Object.values(sliders)), controls(...presets, measure),
    element("div", {className: "films"},
            element("div", {}, screen, controls(start, frame)),
            element("div", {}, map)),
    numbers, exact, problem,
    element("p", {textContent: "Each term's share of the gradient, where the trainings start:"}), pulls,
  );
  if (training) el.append(training.part);
  for (const picture of document.querySelectorAll(`[data-still="${data.still}"]`)) picture.remove();
  ask();
  return () => { play(false); model.off("msg:custom", answered); };
}

export default {render};
