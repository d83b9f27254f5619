// Grids of numbers as pixels of a canvas.

/** Ink in [0, 1], white on black as the network's pictures are. */
export function grey(canvas, values) {
  paint(canvas, values, (ink) => [255 * ink, 255 * ink, 255 * ink]);
}

/** The magnitude at which colours are full; five in a thousand values may lie beyond it. */
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
