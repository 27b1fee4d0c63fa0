// Films of one size in step: play, frame by frame, slowly, magnified, one wiped over another, and one row over time.

async function view(place, data) {
  const {names, inks, size, rate} = data;
  const [width, height] = size;
  const films = await Promise.all(data.frames.map(decoded));
  const errors = await Promise.all(data.errors.map(decoded));
  const count = films[0].length, thick = 4;     // of a frame's row in the slice, in pixels
  const state = {frame: 0, playing: false, speed: 1, repeat: "back", zoom: 1, x: 0.5, y: 0.5, shown: "picture",
                 left: 0, right: -1, wipe: 0.5, direction: 1, due: 0};

  const canvas = (high, label) => {
    const made = element("canvas", {width, height: high});
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    return made;
  };
  const title = (...words) => element("div", {className: "title"}, ...words);
  const named = (film) => {
    const word = element("span", {textContent: names[film]});
    word.style.color = inks[film];
    return word;
  };
  const screens = names.map((name) => canvas(height, name));
  const slices = names.map((name) => canvas(count * thick, `${name}: one row over time, downwards`));
  const both = canvas(height, "two films, one wiped over the other");
  const bothTitle = title();
  const wiped = element("div", {hidden: true}, bothTitle, both);

  const picture = (film) => (state.shown === "picture" ? films : errors)[film][state.frame];
  function paint(on, film, from, to) {
    const shown = picture(film), pen = on.getContext("2d");
    const [x, y, wide, high] = part(size, state.zoom, state.x, state.y);
    pen.imageSmoothingEnabled = state.zoom === 1;
    const [a, b] = [from * width, to * width];
    pen.clearRect(a, 0, b - a, height);
    if (shown) pen.drawImage(shown, x + from * wide, y, (to - from) * wide, high, a, 0, b - a, height);
  }
  function line(on) {
    const [, y, , high] = part(size, state.zoom, state.x, state.y), pen = on.getContext("2d");
    const at = Math.round((state.y * (height - 1) - y) / high * height) + 0.5;
    for (const [colour, below] of [["#fff", 0], ["#000", 1]]) {       // seen on light and on dark
      pen.strokeStyle = colour;
      pen.setLineDash([6, 6]);
      pen.lineDashOffset = 6 * below;
      pen.beginPath(); pen.moveTo(0, at); pen.lineTo(width, at); pen.stroke();
    }
  }
  function cut(on, film) {
    const row = Math.round(state.y * (height - 1)), pen = on.getContext("2d");
    const [x, , wide] = part(size, state.zoom, state.x, state.y);
    const all = state.shown === "picture" ? films[film] : errors[film];
    pen.imageSmoothingEnabled = false;
    pen.clearRect(0, 0, width, count * thick);
    all.forEach((frame, n) => { if (frame) pen.drawImage(frame, x, row, wide, 1, 0, n * thick, width, thick); });
    pen.fillStyle = "#d00";
    pen.fillRect(0, state.frame * thick, 5, thick);                   // where the film is now
  }
  function draw() {
    names.forEach((_, film) => { paint(screens[film], film, 0, 1); line(screens[film]); cut(slices[film], film); });
    wiped.hidden = state.right < 0;
    if (!wiped.hidden) {
      paint(both, state.left, 0, state.wipe);
      paint(both, state.right, state.wipe, 1);
      const pen = both.getContext("2d");
      pen.fillStyle = "#fff";
      pen.fillRect(state.wipe * width - 1, 0, 2, height);
      bothTitle.replaceChildren(named(state.left), " | ", named(state.right));
    }
    place.dataset.frame = state.frame;
  }

  function step(by) {
    let next = state.frame + by;
    if (next < 0 || next >= count) {
      if (state.repeat === "back") { state.direction *= -1; next = state.frame - by; }
      else if (state.repeat === "start") next = (next + count) % count;
      else { next = state.frame; play(false); }
    }
    state.frame = between(0, next, count - 1);
    frame.say(state.frame);
    draw();
  }
  function play(on) {
    state.playing = on;
    start.textContent = on ? "Pause" : "Play";
    if (on) { state.due = performance.now() + 1000 / rate / state.speed; requestAnimationFrame(tick); }
  }
  function tick(now) {
    if (!state.playing || !place.isConnected) return;
    if (now >= state.due) {
      state.due = Math.max(now, state.due + 1000 / rate / state.speed);
      step(state.repeat === "back" ? state.direction : 1);
    }
    requestAnimationFrame(tick);
  }
  function change(changes) { Object.assign(state, changes); draw(); }

  const start = button("Play", () => play(!state.playing));
  const alone = (by) => () => { play(false); change({frame: between(0, state.frame + by, count - 1)}); frame.say(state.frame); };
  const frame = slider("frame", [0, count - 1, 1], 0, (n) => `${n + 1} of ${count}`,
                       (n) => { play(false); change({frame: n}); });
  const row = slider("line", [0, height - 1, 1], Math.round((height - 1) / 2), (n) => `row ${n}`,
                     (n) => change({y: n / (height - 1)}));
  const across = slider("place", [0, 1, 0.01], 0.5, (x) => `${Math.round(100 * x)} % across`, (x) => change({x}));
  across.hidden = true;
  const zoom = choice("zoom", {1: "1x", 2: "2x", 4: "4x"}, "1",
                      (n) => { across.hidden = n === "1"; change({zoom: Number(n)}); });
  const speed = choice("speed", {0.25: "a quarter", 0.5: "half", 1: "as filmed", 2: "double"}, "1",
                       (n) => { state.speed = Number(n); });
  const repeat = choice("at the end", {back: "back again", start: "from the start", once: "stop"}, "back",
                        (how) => { state.repeat = how; state.direction = 1; });
  const shown = choice("show", {picture: "the films", error: "their flicker"}, "picture", (what) => change({shown: what}));
  const choices = Object.fromEntries(names.map((name, n) => [n, name]));
  const wipe = slider("wipe", [0, 1, 0.01], 0.5, (x) => `${Math.round(100 * x)} % of the left one`, (x) => change({wipe: x}));
  const first = choice("left of it", choices, "0", (n) => change({left: Number(n)}));
  const second = choice("wipe to", {"-1": "none", ...choices}, "-1", (n) => {
    first.hidden = wipe.hidden = n === "-1";
    change({right: Number(n)});
  });
  first.hidden = wipe.hidden = true;
  if (data.errors.every((film) => film.every((one) => !one))) shown.hidden = true;

  const press = (on) => dragged(on, (x, y) => {
    const [left, top, wide, high] = part(size, state.zoom, state.x, state.y);
    if (state.zoom === 1) change({y});
    else change({x: between(0, (left + x * wide) / width, 1), y: between(0, (top + y * high) / height, 1)});
    row.say(Math.round(state.y * (height - 1)));
    across.say(state.x);
  });
  screens.forEach(press);
  dragged(both, (x) => { wipe.say(x); change({wipe: x}); });

  const controls = (...those) => element("div", {className: "controls"}, ...those);
  place.replaceChildren(
    controls(start, button("Previous frame", alone(-1)), button("Next frame", alone(1)), frame, speed, repeat),
    controls(row, zoom, across, shown, second, first, wipe),
    element("div", {className: "films"}, wiped,
            ...names.map((_, film) => element("div", {}, title(named(film)), screens[film], slices[film]))),
    element("p", {textContent: data.caption}),
  );
  draw();
}
