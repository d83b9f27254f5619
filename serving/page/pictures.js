// Numbers as pictures: ten probabilities as stems, 28 × 28 values as pixels.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440, HEIGHT = 200, LEFT = 34, RIGHT = 430, TOP = 26, BASE = 168;

/** A probability as people say it: no more digits than tell, and never 0 % or 100 %. */
export function percent(p) {
  if (p > 0.9995) return "> 99.9 %";
  if (p < 0.0005) return "< 0.1 %";
  return `${(100 * p).toFixed(p > 0.1 && p < 0.9 ? 0 : 1)} %`;
}

/** The lecture's stem plot; returns the function that shows ten probabilities, or none (null). */
export function stemPlot(svg) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  for (const level of [0, 0.5, 1]) {
    const y = BASE - level * (BASE - TOP);
    draw(svg, "line", { class: level ? "grid" : "base", x1: LEFT, x2: RIGHT, y1: y, y2: y });
    draw(svg, "text", { class: "level", x: LEFT - 8, y: y + 4 }).textContent = level;
  }
  const stems = Array.from({ length: 10 }, (_, digit) => {
    const x = LEFT + ((digit + 0.5) * (RIGHT - LEFT)) / 10;
    const stem = draw(svg, "g", { class: "stem" });
    draw(stem, "line", { class: "stalk", x1: x, x2: x, y1: BASE, y2: TOP });
    const head = draw(stem, "g", { class: "head" });
    draw(head, "circle", { cx: x, cy: BASE, r: 5 });
    draw(head, "text", { class: "value", x, y: BASE - 11 });
    draw(stem, "text", { class: "tick", x, y: HEIGHT - 10 }).textContent = digit;
    return stem;
  });
  svg.style.setProperty("--rise", `${TOP - BASE}px`);
  svg.style.setProperty("--foot", `${BASE}px`);
  return (probabilities) => {
    const best = probabilities && Math.max(...probabilities);
    stems.forEach((stem, digit) => {
      const p = probabilities?.[digit] ?? 0;
      stem.style.setProperty("--p", p);
      stem.classList.toggle("best", probabilities !== null && p === best);
      stem.querySelector(".value").textContent = p >= 0.05 ? percent(p) : "";
    });
    const order = probabilities?.map((p, digit) => [p, digit]).sort((a, b) => b[0] - a[0]) ?? [];
    const said = order.slice(0, 3).map(([p, digit]) => `${digit}: ${percent(p)}`).join(", ");
    svg.setAttribute("aria-label", `Probabilities of the ten digits. ${said && `Highest: ${said}.`}`);
  };
}

function draw(parent, tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return parent.appendChild(element);
}

/** Ink in [0, 1], white on black as the network's pictures are. */
export function grey(canvas, values) {
  paint(canvas, values, (ink) => [255 * ink, 255 * ink, 255 * ink]);
}

/** The size of value at which colours are full; a few may lie beyond it. */
export function scaleOf(values) {
  const sizes = values.flat(Infinity).map(Math.abs).sort((a, b) => a - b);
  return sizes[Math.floor(0.995 * (sizes.length - 1))] || 1;
}

/** Values above zero in one colour and below in the other; `under` shows faintly where ink is. */
export function diverging(canvas, values, most, under) {
  const style = getComputedStyle(canvas);
  const [plain, plus, minus, ink] = ["--plain", "--for", "--against", "--ink"].map((name) =>
    rgb(style.getPropertyValue(name)),
  );
  paint(canvas, values, (value, row, column) => {
    const ground = mix(plain, ink, 0.16 * (under?.[row][column] ?? 0));
    return mix(ground, value > 0 ? plus : minus, Math.min(Math.abs(value) / most, 1) ** 0.8);
  });
}

function paint(canvas, values, colour) {
  canvas.width = canvas.height = values.length;
  const context = canvas.getContext("2d");
  const image = context.createImageData(values.length, values.length);
  values.forEach((line, row) =>
    line.forEach((value, column) =>
      image.data.set([...colour(value, row, column), 255], 4 * (row * values.length + column)),
    ),
  );
  context.putImageData(image, 0, 0);
}

const mix = (from, to, share) => from.map((value, i) => value + share * (to[i] - value));
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.trim().slice(at, at + 2), 16));
