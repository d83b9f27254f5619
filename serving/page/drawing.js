// The sheet of paper: strokes of mouse, finger, pen or arrow keys, or one picture, with undo.

import { Picture } from "./picture.js";
import { drawCursor, drawSheet, isDot } from "./sheet.js";

const SIDE = 280; // of the picture that is sent; the service brings it to 28 × 28
const STEP = 1 / 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Fires "change" (detail: whether a stroke is still being drawn) whenever what is to see changes. */
export class Drawing extends EventTarget {
  #canvas;
  #marks = []; // {stroke}, or what begins a new sheet: {strokes, picture, id}; in order of time
  #mark = null; // the one being drawn: {stroke: points [x, y] in 0 … 1}
  #pointer = null;
  #cursor = null; // where the keyboard's pen is; null until it is used
  #penDown = false;
  #opening = null; // the file that is being decoded; null once something else was done

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

  /** What is to see: {strokes, picture, id}; `id` is the same as long as the sheet is. */
  get sheet() {
    const marks = this.#mark ? [...this.#marks, this.#mark] : this.#marks;
    const last = marks.findLastIndex((mark) => !mark.stroke);
    const added = marks.slice(last + 1);
    const base = marks[last] ?? { strokes: [], id: this };
    if (base.picture && added.length) // a stroke over a picture begins a new sheet
      return { strokes: added.map((mark) => mark.stroke), id: added[0] };
    if (!added.length) return base;
    return { id: base.id, strokes: [...base.strokes, ...added.map((mark) => mark.stroke)] };
  }

  get empty() {
    const { strokes, picture } = this.sheet;
    return !picture && strokes.length === 0;
  }

  get undoable() {
    return this.#marks.length > 0;
  }

  /** Whether no more than a dot is drawn as yet. */
  get isDot() {
    const { strokes, picture } = this.sheet;
    return !picture && isDot(strokes);
  }

  undo() {
    this.#opening = null;
    if (this.#mark === null && !this.#marks.pop()) return;
    this.#mark = this.#pointer = null;
    this.#penDown = false;
    this.#changed();
  }

  clear() {
    this.#stop();
    if (!this.empty) this.#add({ strokes: [], id: {} });
  }

  /** Show a picture file in place of the drawing; one that the browser cannot show still counts. */
  async open(file) {
    this.#stop();
    this.#opening = file;
    const picture = await Picture.open(file);
    if (this.#opening === file) this.#add({ strokes: [], picture, id: {} });
  }

  /** Show an earlier sheet, or an example, in place of the drawing. */
  show(sheet) {
    this.#stop();
    this.#add(sheet);
  }

  /** What is to be sent: the picture, or the strokes, dark on white, as a PNG. */
  content() {
    const sheet = this.sheet;
    if (sheet.picture) return sheet.picture.content();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
    drawSheet(context, sheet, SIDE, "black");
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  render() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (!side) return;
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    const context = this.#canvas.getContext("2d");
    const { color, outlineColor } = getComputedStyle(this.#canvas);
    context.clearRect(0, 0, side, side);
    drawSheet(context, this.sheet, side, color);
    if (this.#cursor && document.activeElement === this.#canvas)
      drawCursor(context, this.#cursor, side, outlineColor, this.#penDown);
  }

  #add(mark) {
    this.#marks.push(mark);
    this.#changed();
  }

  #changed() {
    this.#opening = null;
    this.render();
    this.dispatchEvent(new CustomEvent("change", { detail: { drawing: this.#mark !== null } }));
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
    this.#mark = { stroke: [this.#place(event)] };
    this.#changed();
  }

  #extend(event) {
    if (event.pointerId !== this.#pointer || !this.#mark) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#mark.stroke.push(this.#place(each));
    this.#changed();
  }

  #end() {
    const mark = this.#mark;
    this.#mark = this.#pointer = null;
    if (mark) this.#add(mark);
  }

  #stop() {
    this.#opening = null;
    this.#penDown = false;
    if (this.#mark) this.#end();
  }

  #liftPen() {
    if (this.#penDown && this.#mark) this.#end();
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
      this.#mark = { stroke: [this.#cursor] };
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
    this.#mark.stroke.push(this.#cursor);
    this.#changed();
  }
}
