// Digits to tap for those who do not want to draw, as points on a sheet from [0, 0] to [1, 1].

import { thumbnail } from "./thumbnails.js";

const EXAMPLES = {
  2: [[[0.31, 0.33], [0.36, 0.23], [0.48, 0.17], [0.61, 0.21], [0.66, 0.33], [0.6, 0.47],
    [0.47, 0.62], [0.31, 0.79], [0.31, 0.79], [0.5, 0.77], [0.71, 0.8]]],
  5: [[[0.64, 0.19], [0.42, 0.21], [0.42, 0.21], [0.38, 0.46], [0.38, 0.46], [0.49, 0.41],
    [0.62, 0.46], [0.68, 0.59], [0.63, 0.73], [0.5, 0.81], [0.32, 0.77]]],
  8: [[[0.62, 0.27], [0.52, 0.18], [0.39, 0.22], [0.37, 0.34], [0.48, 0.46], [0.62, 0.57],
    [0.66, 0.7], [0.55, 0.81], [0.4, 0.79], [0.34, 0.67], [0.42, 0.54], [0.57, 0.43],
    [0.64, 0.31], [0.6, 0.25]]],
};

/** Fill `list`; `choose` is called with the sheet that is tapped. */
export function offerExamples(list, choose) {
  const items = Object.entries(EXAMPLES).map(([digit, strokes]) => {
    const sheet = { strokes, id: {}, example: true };
    return thumbnail(sheet, `Example: ${digit}`, () => choose(sheet));
  });
  list.replaceChildren(...items);
}
