// A pixel of frame t: where its flow takes it, what is found there, and whether it can be followed at all.

async function view(place, data) {
  const {size, names} = data;
  const [width, height] = size;
  const pictures = await decoded(data.pictures);
  // Two numbers a pixel, in 1/64 of a pixel, and a mask.
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const flow = new Int16Array(bytes(data.flow).buffer), traceable = bytes(data.mask);
  const state = {x: data.start[0], y: data.start[1]};

  const canvases = names.map((name) => {
    const made = element("canvas", {width, height});
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", name);
    return made;
  });
  const words = element("p");
  words.setAttribute("role", "status");

  const flowAt = ({x, y}) => [0, 1].map((axis) => flow[2 * (y * width + x) + axis] / 64);
  function dot(pen, x, y, colour) {
    for (const [radius, shade] of [[5, "#000"], [3.5, colour]]) {
      pen.fillStyle = shade;
      pen.beginPath(); pen.arc(x + 0.5, y + 0.5, radius, 0, 7); pen.fill();
    }
  }
  function colourAt(picture, x, y) {
    const pen = canvases[picture].getContext("2d");
    const inside = (value, end) => between(0, Math.round(value), end - 1);
    return [...pen.getImageData(inside(x, width), inside(y, height), 1, 1).data].slice(0, 3);
  }
  function draw() {
    const {x, y} = state, [right, down] = flowAt(state), [toX, toY] = [x + right, y + down];
    canvases.forEach((canvas, n) => canvas.getContext("2d").drawImage(pictures[n], 0, 0));
    const here = colourAt(0, x, y), there = colourAt(1, toX, toY);
    const followed = traceable[y * width + x] > 0, away = toX < 0 || toY < 0 || toX > width - 1 || toY > height - 1;
    const [now, before, ...others] = canvases.map((canvas) => canvas.getContext("2d"));
    dot(now, x, y, "#e69f00");
    for (const pen of others) dot(pen, x, y, "#e69f00");
    before.setLineDash([3, 3]);
    before.strokeStyle = "#fff";
    before.strokeRect(x - 3.5, y - 3.5, 8, 8);                         // its own place, where it is not
    before.setLineDash([]);
    for (const [thick, colour] of [[4, "#000"], [2, "#e69f00"]]) {
      before.lineWidth = thick;
      before.strokeStyle = colour;
      before.beginPath(); before.moveTo(x + 0.5, y + 0.5); before.lineTo(toX + 0.5, toY + 0.5); before.stroke();
    }
    dot(before, toX, toY, followed ? "#009e73" : "#d55e00");
    const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(2);
    words.textContent = `Column ${x}, row ${y} of ${names[0]}: its flow is (${signed(right)}, ${signed(down)}), so it is looked up `
      + `at column ${toX.toFixed(2)}, row ${toY.toFixed(2)} of ${names[1]}`
      + (away ? ", which is outside. " : `. Colour here ${here.join(" ")}, there ${there.join(" ")}. `)
      + (followed ? "The mask says 1: it can be followed." : "The mask says 0: it cannot be followed, so no loss asks for it.");
    Object.assign(place.dataset, {x, y, followed});
  }
  function go(x, y) {
    Object.assign(state, {x: between(0, Math.round(x), width - 1), y: between(0, Math.round(y), height - 1)});
    column.say(state.x);
    row.say(state.y);
    draw();
  }
  const column = slider("column", [0, width - 1, 1], state.x, (n) => `${n}`, (n) => go(n, state.y));
  const row = slider("row", [0, height - 1, 1], state.y, (n) => `${n}`, (n) => go(state.x, n));
  canvases.forEach((canvas) => dragged(canvas, (x, y) => go(x * width - 0.5, y * height - 0.5)));
  place.replaceChildren(
    element("div", {className: "controls"}, column, row),
    words,
    element("div", {className: "films"}, ...canvases.map((canvas, n) =>
      element("div", {}, element("div", {className: "title", textContent: names[n]}), canvas))),
    element("p", {textContent: data.caption}),
  );
  draw();
}
