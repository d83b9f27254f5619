// A picture file: what the browser shows of it, and in which form the service gets it.

const READABLE = ["png", "jpeg", "gif", "bmp", "webp", "tiff"].map((name) => `image/${name}`);
const MAX_BYTES = 1_000_000; // what reverse proxies let through by default
const MAX_SIDE = 2000; // pixels
const SMALL_SIDE = 800; // still twice of what the service measures on
const UNSENDABLE = 10_000_000; // bytes; the service refuses more
const KEPT = 100_000_000; // bytes; up to this a file may change on disk once it is open
const UNSIZED_SIDE = 800; // of a drawing that says its proportions at most

export class Picture {
  /** As createImageBitmap gives it; null for a file that the browser cannot show. */
  bitmap;
  name;
  #file;
  #converted; // whether it goes through a canvas; its PNG once it did

  static async open(file) {
    const content = file.size > KEPT ? file : await read(file);
    return new Picture(content, await decode(content), file.name);
  }

  constructor(file, bitmap, name) {
    this.name = name || "A picture";
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

async function read(file) {
  const parts = await file.arrayBuffer().then((content) => [content], () => []);
  return new Blob(parts, { type: file.type });
}

async function decode(file) {
  const url = URL.createObjectURL(file);
  try {
    return await createImageBitmap(file).catch(async () => {
      const image = new Image(); // shows SVG, too
      image.src = url;
      await image.decode();
      return createImageBitmap(image).catch(() => createImageBitmap(onCanvas(image)));
    });
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function onCanvas(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const scale = UNSIZED_SIDE / (Math.max(width, height) || UNSIZED_SIDE);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale) || UNSIZED_SIDE;
  canvas.height = Math.round(height * scale) || UNSIZED_SIDE;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
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
