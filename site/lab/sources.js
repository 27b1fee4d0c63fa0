// Where frames come from: the clip of the page, a picture, a film of one's own, the camera. Each is
// {size: [width, height], moves, draw(pen, width, height), next(now), play(), pause(), stop(), close()}; `next` goes on and
// says whether there is another frame than before. Nothing of it is sent anywhere.

const still = {moves: false, next: () => false, play() {}, pause() {}, stop() {}, close() {}};

// Frames one under the other in one picture, played to the end and back again.
export async function clip(address, {width, height, frames, rate}) {
  const answer = await fetch(address);
  const sheet = await createImageBitmap(await answer.blob());
  let frame = 0, direction = 1, due = 0;
  return {
    ...still, size: [width, height], moves: true,
    draw: (pen, wide, high) => pen.drawImage(sheet, 0, frame * height, width, height, 0, 0, wide, high),
    next(now) {
      if (now < due) return false;
      due = Math.max(now, due + 1000 / rate);
      if (frame + direction < 0 || frame + direction >= frames) direction *= -1;
      frame += direction;
      return true;
    },
    stop() { frame = 0; direction = 1; },
  };
}

// A picture or a film that the reader has chosen. Throws a sentence for anything else.
export async function opened(file) {
  if (!file.type.startsWith("video/")) {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap) return picture(bitmap);
  }
  if (!file.type.startsWith("image/")) {
    const found = await film(file).catch(() => null);
    if (found) return found;
  }
  throw new Error(`${file.name} is no picture or film that this browser can show, or it is damaged; try a PNG, a JPEG or `
    + "an MP4.");
}

function picture(bitmap) {
  const size = [bitmap.width, bitmap.height];
  return {...still, size, close: () => bitmap.close(),
          draw(pen, wide, high) {
            pen.fillStyle = "#fff";       // what is transparent lies on white
            pen.fillRect(0, 0, wide, high);
            pen.drawImage(bitmap, 0, 0, wide, high);
          }};
}

async function film(file) {
  const address = URL.createObjectURL(file);
  try {
    const video = await screen({src: address, loop: true});
    return {...moving(video), close() { video.pause(); video.removeAttribute("src"); URL.revokeObjectURL(address); }};
  } catch (problem) {
    URL.revokeObjectURL(address);
    throw problem;
  }
}

// Throws a sentence where there is no camera, or it may not be used. onend: called when it is taken away.
export async function camera(onend) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give a camera only to pages that come from https or from this machine; open the page there.");
  }
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, facingMode: "user"}})
    .catch((problem) => { throw new Error(REFUSED[problem.name] ?? `The camera cannot be used: ${problem.message}.`); });
  const free = () => stream.getTracks().forEach((track) => track.stop());
  try {
    const video = await screen({srcObject: stream});
    stream.getVideoTracks()[0].onended = onend;
    return {...moving(video), stop: free, close: free};
  } catch (problem) {
    free();
    throw problem;
  }
}

const REFUSED = {
  NotAllowedError: "The camera was refused; the sign beside the page's address lets you allow it.",
  NotFoundError: "There is no camera here; take a film or a picture of yours.",
  NotReadableError: "The camera is in use by another program; close that one first.",
};

// A video element that has its first frame.
function screen(attributes) {
  return new Promise((done, failed) => {
    const video = Object.assign(document.createElement("video"), {muted: true, playsInline: true});
    video.onloadeddata = () => (video.videoWidth ? done(video) : failed(new Error("It has no pictures.")));
    video.onerror = () => failed(video.error);
    Object.assign(video, attributes);
    video.play().catch(failed);       // a telephone loads nothing before
  });
}

function moving(video) {
  let last = -1;
  return {
    ...still, size: [video.videoWidth, video.videoHeight], moves: true,
    draw: (pen, wide, high) => pen.drawImage(video, 0, 0, wide, high),
    next() {
      if (video.currentTime === last) return false;
      last = video.currentTime;
      return true;
    },
    play: () => video.play(),
    pause: () => video.pause(),
    stop() { video.pause(); video.currentTime = 0; },
  };
}
