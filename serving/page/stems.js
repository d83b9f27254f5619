// The lecture's stem plot: ten probabilities, one stem a digit, drawn at the size it is shown at.

import { DIGITS } from "./classes.js";
import { percent } from "./sentences.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 48, RIGHT = 8, TOP = 30, BOTTOM = 32; // margins in pixels, for the axis and the labels
const RADIUS = 5; // of a stem's head
const LEVELS = [0, 0.5, 1];
const BOLD = 6; // pixels by which a short name in bold type may be wider
const LONGEST = 30; // characters of a name below its stem
const LABELLED = 0.05; // stems below this have no room for a label, nor need one

/** Draw into `svg`; returns the function that shows probabilities, one a name, or none (null). */
export function stemPlot(svg, names) {
  const levels = LEVELS.map((level) => ({
    level,
    line: add(svg, "line", level ? "grid" : "base"),
    label: add(svg, "text", "level", `${100 * level} %`),
  }));
  const stems = names.map((name) => {
    const group = add(svg, "g", "stem");
    const stalk = add(group, "line", "stalk");
    const head = add(group, "g", "head");
    const circle = add(head, "circle", "");
    return {
      group, stalk, circle, tick: add(group, "text", "tick", shortened(name)),
      value: add(head, "text", "value"),
    };
  });
  let shown = null;

  function layOut() {
    const { clientWidth: width, clientHeight: height } = svg;
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const base = height - BOTTOM;
    const rise = base - TOP;
    svg.style.setProperty("--rise", `${-rise}px`);
    svg.style.setProperty("--foot", `${base}px`);
    for (const { level, line, label } of levels) {
      const y = base - level * rise;
      set(line, { x1: LEFT, x2: width - RIGHT, y1: y, y2: y });
      set(label, { x: LEFT - 12, y: y + 4 });
    }
    const step = (width - RIGHT - LEFT) / names.length;
    const placed = [];
    const highest = shown && Math.max(...shown);
    const byHeight = stems.map((stem, digit) => ({ ...stem, digit, p: shown?.[digit] ?? 0 }));
    const fit = byHeight.every(({ tick, p }) => // what is not displayed would have no length
      tick.getComputedTextLength() <= step + (p === highest ? BOLD : 1));
    for (const { stalk, circle, tick, value, digit, p } of byHeight.sort((a, b) => b.p - a.p)) {
      const x = LEFT + (digit + 0.5) * step;
      set(stalk, { x1: x, x2: x, y1: base, y2: TOP });
      set(circle, { cx: x, cy: base, r: Math.max(2, Math.min(RADIUS, 0.4 * step)) });
      set(tick, { x: within(x, tick.getComputedTextLength() / 2, width), y: height - 8 });
      tick.style.visibility = fit || p === highest ? "" : "hidden";
      value.textContent = p >= LABELLED ? percent(p) : "";
      const half = value.getComputedTextLength() / 2;
      const middle = within(x, half, width);
      set(value, { x: middle, y: base - RADIUS - 6 });
      const y = base - p * rise;
      const box = [middle - half, middle + half, y - RADIUS - 18, y - RADIUS - 4];
      if (placed.some((other) => overlap(box, other))) value.textContent = ""; // the text names it
      placed.push([x - RADIUS, x + RADIUS, y - RADIUS, y + RADIUS]);
      if (value.textContent) placed.push(box);
    }
  }

  new ResizeObserver((_, observer) => {
    if (stems[0].group.isConnected) layOut();
    else observer.disconnect(); // the plot of another model has taken its place
  }).observe(svg);
  return (probabilities) => {
    shown = probabilities;
    const highest = probabilities && Math.max(...probabilities);
    stems.forEach(({ group }, digit) => {
      group.style.setProperty("--p", probabilities?.[digit] ?? 0);
      group.classList.toggle("best", probabilities?.[digit] === highest);
    });
    layOut();
    const order = probabilities?.map((p, digit) => [p, digit]).sort((a, b) => b[0] - a[0]) ?? [];
    const first = order.slice(0, 3).map(([p, each]) => `${names[each]}: ${percent(p)}`).join(", ");
    const what = names === DIGITS ? "ten digits" : `${names.length} classes`;
    svg.setAttribute(
      "aria-label", `Probabilities of the ${what}.${first && ` Highest: ${first}.`}`);
  };
}

const shortened = (name) => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name);

/** Where the middle of a text near x lies, so that all of it is in the plot. */
const within = (x, half, width) => Math.min(Math.max(x, LEFT + half), width - half);

const overlap = ([left, right, top, bottom], [l, r, t, b]) =>
  left < r + 2 && l < right + 2 && top < b && t < bottom;

function add(parent, tag, look, text = "") {
  const element = parent.appendChild(document.createElementNS(SVG, tag));
  if (look) element.setAttribute("class", look);
  element.textContent = text;
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
