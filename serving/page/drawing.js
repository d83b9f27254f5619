// The sheet of paper: strokes of mouse, finger, pen or arrow keys, or one picture, with undo.

const SIDE = 280; // of the picture that is sent; the service brings it to 28 × 28
const PEN = 0.065; // width, of the sheet's side
const STEP = 1 / 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Fires "change" (detail: whether a stroke is still being drawn) whenever what is to see changes. */
export class Drawing extends EventTarget {
  #canvas;
  #marks = []; // {stroke}, {picture, file} or {clear}, in the order in which they were made
  #stroke = null; // the one being drawn, as points [x, y] in 0 … 1
  #pointer = null;
  #cursor = null; // where the keyboard's pen is; null until it is used
  #penDown = false;

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#extend(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      canvas.addEventListener(end, (event) => event.pointerId === this.#pointer && this.#end());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#liftPen());
    new ResizeObserver(() => this.render()).observe(canvas);
  }

  get empty() {
    const { strokes, picture } = this.#visible();
    return !picture && strokes.length === 0;
  }

  get undoable() {
    return this.#marks.length > 0;
  }

  undo() {
    if (this.#stroke === null && !this.#marks.pop()) return;
    this.#stroke = this.#pointer = null;
    this.#penDown = false;
    this.#changed();
  }

  clear() {
    this.#liftPen();
    if (!this.empty) this.#add({ clear: true });
  }

  /** Show a picture file in place of the drawing; one that the browser cannot show still counts. */
  async open(file) {
    this.#liftPen();
    const picture = await createImageBitmap(file).catch(() => null);
    this.#add({ file, picture });
  }

  /** What is to be sent: the opened file as it is, or the strokes, dark on white, as a PNG. */
  content() {
    const { strokes, picture } = this.#visible();
    if (picture) return Promise.resolve(picture.file);
    const sheet = document.createElement("canvas");
    sheet.width = sheet.height = SIDE;
    const context = sheet.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
    for (const stroke of strokes) trace(context, stroke, SIDE, "black");
    return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
  }

  render() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (!side) return;
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    const { strokes, picture } = this.#visible();
    if (picture) show(context, picture, side);
    const ink = getComputedStyle(this.#canvas).color;
    for (const stroke of strokes) trace(context, stroke, side, ink);
    if (this.#cursor && document.activeElement === this.#canvas) this.#showPen(context, side);
  }

  // A picture, or the strokes since the last picture or clearing: a new stroke is a new sheet.
  #visible() {
    const last = this.#marks.at(-1);
    if (last?.file && !this.#stroke) return { strokes: [], picture: last };
    const from = this.#marks.findLastIndex((mark) => !mark.stroke) + 1;
    const strokes = this.#marks.slice(from).map((mark) => mark.stroke);
    return { strokes: this.#stroke ? [...strokes, this.#stroke] : strokes };
  }

  #add(mark) {
    this.#marks.push(mark);
    this.#changed();
  }

  #changed() {
    this.render();
    this.dispatchEvent(new CustomEvent("change", { detail: { drawing: this.#stroke !== null } }));
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #begin(event) {
    if (event.button !== 0 || this.#pointer !== null) return; // one finger draws, a palm does not
    this.#liftPen();
    this.#cursor = null;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#stroke = [this.#place(event)];
    this.#changed();
  }

  #extend(event) {
    if (event.pointerId !== this.#pointer || !this.#stroke) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#stroke.push(this.#place(each));
    this.#changed();
  }

  #end() {
    const stroke = this.#stroke;
    this.#stroke = this.#pointer = null;
    if (stroke) this.#add({ stroke });
  }

  #liftPen() {
    if (this.#penDown && this.#stroke) this.#end();
    this.#penDown = false;
    this.render();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") {
      event.preventDefault();
      this.#cursor ??= [0.5, 0.25];
      if (this.#penDown) return this.#liftPen();
      this.#penDown = true;
      this.#stroke = [this.#cursor];
      return this.#changed();
    }
    const direction = ARROWS[event.key];
    if (!direction) return;
    event.preventDefault();
    const [x, y] = this.#cursor ?? [0.5, 0.25];
    this.#cursor = [x + STEP * direction[0], y + STEP * direction[1]].map((at) =>
      Math.min(Math.max(at, 0), 1),
    );
    if (!this.#penDown) return this.render();
    this.#stroke.push(this.#cursor);
    this.#changed();
  }

  #showPen(context, side) {
    const [x, y] = this.#cursor.map((at) => at * side);
    context.beginPath();
    context.arc(x, y, PEN * side * 0.8, 0, 2 * Math.PI);
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = getComputedStyle(this.#canvas).outlineColor;
    context.setLineDash(this.#penDown ? [] : [4 * devicePixelRatio, 4 * devicePixelRatio]);
    context.stroke();
    context.setLineDash([]);
  }
}

// A stroke through the middles of its points, so that no corner shows.
function trace(context, points, side, colour) {
  const at = points.map(([x, y]) => [x * side, y * side]);
  context.lineWidth = PEN * side;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(...at[0]);
  for (let i = 1; i < at.length - 1; i++) {
    const [x, y] = at[i];
    context.quadraticCurveTo(x, y, (x + at[i + 1][0]) / 2, (y + at[i + 1][1]) / 2);
  }
  const [x, y] = at.at(-1);
  context.lineTo(x + 0.01, y); // a line of no length, a dot, would not show
  context.stroke();
}

function show(context, { file, picture }, side) {
  if (!picture) {
    context.fillStyle = getComputedStyle(context.canvas).color;
    context.textAlign = "center";
    context.font = `${side / 20}px system-ui, sans-serif`;
    context.fillText(file.name || "A picture", side / 2, side / 2, side * 0.9);
    return;
  }
  const scale = side / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(picture, (side - width) / 2, (side - height) / 2, width, height);
}
