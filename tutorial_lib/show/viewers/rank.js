// A clip whose motion is undone: its frames, and its singular values while frames, flicker and darkness are added.

// The eigenvalues of a symmetric matrix, largest first, by Jacobi's rotations: exact enough for five rows, and short.
function eigenvalues(matrix) {
  const a = matrix.map((row) => [...row]), n = a.length;
  for (let sweep = 0; sweep < 30; sweep += 1) {
    for (let p = 0; p < n; p += 1) {
      for (let q = p + 1; q < n; q += 1) {
        if (!a[p][q]) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1)), c = 1 / Math.hypot(t, 1), s = t * c;
        for (let k = 0; k < n; k += 1) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k += 1) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      }
    }
  }
  return a.map((row, n) => row[n]).sort((one, other) => other - one);
}

async function view(place, data) {
  const [width, height] = data.size, most = data.frames.length;
  const pictures = await decoded([data.mean, ...data.frames]);
  const pixels = pictures.map((picture) => {
    const pen = Object.assign(document.createElement("canvas"), {width, height}).getContext("2d");
    pen.drawImage(picture, 0, 0);
    return pen.getImageData(0, 0, width, height).data;
  });
  const state = {frames: most, flicker: 1, dark: 0};
  const canvas = (wide, high, label) => {
    const made = element("canvas", {width: wide, height: high});
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    return made;
  };
  const screens = data.frames.map((_, n) => canvas(width, height, `frame ${n}`));
  const boxes = screens.map((screen, n) =>
    element("div", {}, element("div", {className: "title", textContent: `frame ${n}`}), screen));
  const bars = canvas(420, 240, "singular values on a logarithmic scale");
  const words = element("p");
  words.setAttribute("role", "status");

  // Row n is light * (mean + flicker * part n), so the products of the rows follow from those of the parts.
  function values() {
    const {mean, both, flicker} = data.products, f = state.flicker, light = 1 - state.dark;
    const rows = [...Array(state.frames).keys()];
    const matrix = rows.map((i) => rows.map((j) => light ** 2 * (mean + f * (both[i] + both[j]) + f ** 2 * flicker[i][j])));
    return eigenvalues(matrix).map((value) => Math.sqrt(Math.max(value, 0)));
  }
  function drawBars(found) {
    const pen = bars.getContext("2d"), ink = getComputedStyle(place).color;
    // From a thousandth of the largest value that can be reached to that value: the axis stays where it is.
    const top = Math.sqrt(most * data.products.mean) * 1.3, low = top / 10_000;
    const high = (value) => 190 * Math.max(0, Math.log(value / low) / Math.log(top / low));
    pen.clearRect(0, 0, bars.width, bars.height);
    pen.font = "13px sans-serif";
    pen.textAlign = "center";
    found.forEach((value, n) => {
      const x = 30 + n * (380 / most);
      pen.fillStyle = n ? "#d55e00" : "#0072b2";
      pen.fillRect(x, 212 - high(value), 44, high(value));
      pen.fillStyle = ink;
      pen.fillText(value < 0.005 ? "0" : value.toFixed(value < 10 ? 2 : 0), x + 22, 206 - high(value));
      pen.fillText(`${n + 1}`, x + 22, 230);
    });
    pen.strokeStyle = ink;
    pen.beginPath(); pen.moveTo(20, 212); pen.lineTo(410, 212); pen.stroke();
  }
  function drawFrames() {
    const light = 1 - state.dark;
    screens.forEach((screen, n) => {
      boxes[n].hidden = n >= state.frames;
      const pen = screen.getContext("2d"), shown = pen.createImageData(width, height);
      for (let k = 0; k < shown.data.length; k += 1) {
        const mean = pixels[0][k];
        shown.data[k] = k % 4 === 3 ? 255 : light * (mean + state.flicker * (pixels[n + 1][k] - mean));
      }
      pen.putImageData(shown, 0, 0);
    });
  }
  function draw() {
    const found = values(), first = found[0], tail = found.slice(1).reduce((sum, one) => sum + one, 0);
    const norm = first + tail, wanted = data.wanted[state.frames - 1], loss = (wanted - norm) ** 2;
    const short = (value) => value.toFixed(value < 10 ? 2 : 1);
    words.textContent = `Nuclear norm ${short(norm)}: the first ${short(first)}, the others ${short(tail)}, `
      + `${(100 * tail / first).toFixed(1)} % of the first. The input's norm is ${short(wanted)}, so L_rank is ${short(loss)}.`;
    drawBars(found);
    drawFrames();
    Object.assign(place.dataset, {norm: norm.toFixed(4), tail: tail.toFixed(4), first: first.toFixed(4)});
  }
  const change = (changes) => { Object.assign(state, changes); draw(); };
  const percent = (part) => `${Math.round(100 * part)} %`;
  place.replaceChildren(
    element("div", {className: "controls"},
      slider("frames", [1, most, 1], most, (n) => `${n} of ${most}`, (n) => change({frames: n})),
      slider("flicker", [0, 2, 0.05], 1, (part) => `${percent(part)} of the student's`, (part) => change({flicker: part})),
      slider("darkness", [0, 0.8, 0.02], 0, (part) => `darker by ${percent(part)}`, (part) => change({dark: part}))),
    words,
    element("div", {className: "films"}, element("div", {}, bars), ...boxes),
    element("p", {textContent: data.caption}),
  );
  draw();
}
