// Small sheets to tap: the examples, and what was drawn before.

import { drawSheet } from "./sheet.js";

const SIDE = 44; // CSS pixels

const drawn = new WeakMap(); // canvas → sheet, to draw again in other colours

/** A button in a list item that shows a sheet; `caption` is what is read below it, if anything. */
export function thumbnail(sheet, label, choose, ...caption) {
  const item = document.createElement("li");
  const button = item.appendChild(document.createElement("button"));
  button.type = "button";
  button.ariaLabel = label;
  button.addEventListener("click", choose);
  const canvas = button.appendChild(document.createElement("canvas"));
  canvas.width = canvas.height = SIDE * devicePixelRatio;
  canvas.ariaHidden = true;
  if (caption.length) button.appendChild(document.createElement("span")).append(...caption);
  drawn.set(canvas, sheet);
  requestAnimationFrame(() => render(canvas)); // once it is on the page and has its colours
  return item;
}

/** Draw those on the page again, in the colours of now. */
export function renderThumbnails() {
  for (const canvas of document.querySelectorAll("canvas")) {
    if (drawn.has(canvas)) render(canvas);
  }
}

function render(canvas) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawSheet(context, drawn.get(canvas), canvas.width, getComputedStyle(canvas).color);
}
