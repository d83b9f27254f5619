// How a sheet looks: strokes, or one picture, on a square canvas.

const PEN = 0.065; // width of a stroke, of the sheet's side
const BEHIND = "#8c8c8c"; // what is transparent: black and white strokes show on it
const DOT = 0.09; // strokes that extend no further than this are a dot

/** Draw {strokes, picture}: points are [x, y] in 0 … 1 of a sheet with `side` pixels. */
export function drawSheet(context, { strokes, picture }, side, colour) {
  if (picture) drawPicture(context, picture, side);
  for (const stroke of strokes) drawStroke(context, stroke, side, colour);
}

/** Whether strokes are no more than a dot: the beginning of a digit, or a slip. */
export function isDot(strokes) {
  const points = strokes.flat();
  const extent = (axis) => {
    const places = points.map((point) => point[axis]);
    return Math.max(...places) - Math.min(...places);
  };
  return points.length > 0 && extent(0) < DOT && extent(1) < DOT;
}

/** The pen's place while it is moved by the keyboard: a ring, dashed while it is lifted. */
export function drawCursor(context, [x, y], side, colour, down) {
  const pixel = devicePixelRatio;
  context.beginPath();
  context.arc(x * side, y * side, PEN * side * 0.8, 0, 2 * Math.PI);
  context.lineWidth = 2 * pixel;
  context.strokeStyle = colour;
  context.setLineDash(down ? [] : [4 * pixel, 4 * pixel]);
  context.stroke();
  context.setLineDash([]);
}

// A stroke through the middles of its points, so that no corner shows.
function drawStroke(context, points, side, colour) {
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

function drawPicture(context, { bitmap, name }, side) {
  if (!bitmap) {
    context.fillStyle = getComputedStyle(context.canvas).color;
    context.textAlign = "center";
    context.font = `${side / 20}px system-ui, sans-serif`;
    context.fillText(name, side / 2, side / 2, side * 0.9);
    return;
  }
  const scale = side / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  context.fillStyle = BEHIND;
  context.fillRect((side - width) / 2, (side - height) / 2, width, height);
  context.imageSmoothingEnabled = scale < 1;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height);
}
