// The model that is asked, and what its classes are called: ten digits, or those of other pictures.

export const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

let model = null; // the name that requests carry; null: the service's default
let names = DIGITS;

export const chosenModel = () => model;
export const classNames = () => names;
export const isDigits = () => names === DIGITS;

/** Whether the classes are called so; null: they are the digits. */
export const areNames = (classes) =>
  JSON.stringify(classes) === JSON.stringify(isDigits() ? null : names);

/** Ask another model from now on. */
export function choose(name, classes) {
  model = name;
  names = classes ?? DIGITS;
}

/** What a class is called. */
export const nameOf = (number) => names[number] ?? String(number);
