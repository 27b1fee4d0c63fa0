// What the viewers share: pictures that are decoded before anything is drawn, and controls that a keyboard and a screen
// reader can use. Each control is an element of HTML's own with a label; a slider's value is spoken as what it means.

const decoded = (sources) => Promise.all(sources.map(async (source) => {
  if (!source) return null;
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  return picture;
}));

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function button(label, onclick) {
  return element("button", {type: "button", textContent: label, onclick});
}

function choice(label, options, chosen, onchoice) {
  const list = element("select", {}, ...Object.entries(options).map(([value, text]) =>
    element("option", {value, textContent: text, selected: value === chosen})));
  list.onchange = () => onchoice(list.value);
  const whole = element("label", {}, `${label} `, list);
  whole.say = (value) => { list.value = value; };
  return whole;
}

// meaning: what the value means, in words; the slider's `say` moves it from outside.
function slider(label, [min, max, step], value, meaning, oninput) {
  const range = element("input", {type: "range", min, max, step, value});
  const said = element("span", {className: "value"});
  said.setAttribute("aria-hidden", "true");      // the slider speaks it
  const whole = element("label", {}, `${label} `, range, said);
  const tell = () => {
    said.textContent = ` ${meaning(Number(range.value))}`;
    range.setAttribute("aria-valuetext", meaning(Number(range.value)));
  };
  range.oninput = () => { tell(); oninput(Number(range.value)); };
  whole.say = (to) => { range.value = to; tell(); };
  tell();
  return whole;
}

// Calls back with the place of the pointer, as fractions of the canvas, while it is pressed.
function dragged(canvas, callback) {
  const tell = (event) => {
    const box = canvas.getBoundingClientRect();
    const part = (at, from, size) => Math.min(1, Math.max(0, (at - from) / size));
    callback(part(event.clientX, box.left, box.width), part(event.clientY, box.top, box.height));
  };
  canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); tell(event); };
  canvas.onpointermove = (event) => { if (event.buttons) tell(event); };
}

const between = (low, value, high) => Math.min(high, Math.max(low, value));

// What a canvas shows of a picture when it is magnified around a place (fractions): left, top, width, height in pixels.
function part([width, height], zoom, x, y) {
  const [wide, high] = [width / zoom, height / zoom];
  return [between(0, x * width - wide / 2, width - wide), between(0, y * height - high / 2, height - high), wide, high];
}
