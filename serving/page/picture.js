// A picture file: what the browser shows of it, and in which form the service gets it.

const READABLE = ["png", "jpeg", "gif", "bmp", "webp", "tiff"].map((name) => `image/${name}`);
const MAX_BYTES = 1_000_000; // what reverse proxies let through by default
const MAX_SIDE = 2000; // pixels
const SMALL_SIDE = 800; // still twice of what the service measures on
const UNSENDABLE = 10_000_000; // bytes; the service refuses more

export class Picture {
  /** As createImageBitmap gives it; null for a file that the browser cannot show. */
  bitmap;
  name;
  #file;
  #converted; // whether it goes through a canvas; its PNG once it did

  static async open(file) {
    return new Picture(file, await decode(file));
  }

  constructor(file, bitmap) {
    this.name = file.name || "A picture";
    this.bitmap = bitmap;
    this.#file = file;
    this.#converted = bitmap !== null && !(READABLE.includes(file.type) && isSmall(file, bitmap));
  }

  /** The file as it is, or as a small PNG; null where it is too large and cannot be shrunk. */
  async content() {
    if (!this.#converted) return this.#file.size > UNSENDABLE ? null : this.#file;
    if (this.#converted === true) this.#converted = await toPng(this.bitmap);
    return this.#converted;
  }

  /** Say that the service refused the content; returns whether there is another form to send. */
  refused() {
    if (this.bitmap === null || this.#converted) return false;
    return (this.#converted = true);
  }
}

const isSmall = (file, { width, height }) =>
  file.size <= MAX_BYTES && Math.max(width, height) <= MAX_SIDE;

async function decode(file) {
  const url = URL.createObjectURL(file);
  try {
    return await createImageBitmap(file).catch(async () => {
      const image = new Image(); // shows SVG, too
      image.src = url;
      await image.decode();
      return createImageBitmap(image);
    });
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function toPng(bitmap) {
  const scale = Math.min(1, SMALL_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height].map((side) =>
    Math.max(1, Math.round(side * scale)),
  );
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
