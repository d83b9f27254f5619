// What the page says to a person: of an answer, of a picture without one, of a service without one.

import { isDigits, nameOf } from "./classes.js";

const SOURCES = { mnist: "MNIST", "offline-digits": "the offline digits" };
const LIKELY = 0.05; // other digits are named from this probability on

const or = new Intl.ListFormat("en", { type: "disjunction" });

/** "a 7", "an 8"; of other pictures "“Coat”". */
export const a = (digit) =>
  isDigits() ? `${digit === 8 ? "an" : "a"} ${digit}` : `“${nameOf(digit)}”`;

/** What a sheet shows. */
export const thing = () => (isDigits() ? "digit" : "picture");

/** "the 7"; of other pictures "“Coat”". */
export const the = (digit) => (isDigits() ? `the ${digit}` : a(digit));

/** A probability as people say it: no more digits than matter, and never 0 % or 100 %. */
export function percent(p) {
  if (p >= 0.9995) return "> 99.9 %";
  if (p < 0.0005) return "< 0.1 %";
  return `${(100 * p).toFixed(p > 0.1 && p < 0.9 ? 0 : 1)} %`;
}

/** An answer's title and detail. `reason` says why it is uncertain, where the service knows. */
export function reading({ digit, probabilities, confidence, uncertain, reason }) {
  const order = probabilities.map((p, each) => [p, each]).sort((x, y) => y[0] - x[0]);
  const others = order.filter(([p, each]) => each !== digit && p >= LIKELY).slice(0, 2);
  const named = others.map(([p, each]) => `${nameOf(each)} (${percent(p)})`);
  const rest = named.length ? `; otherwise ${or.format(named)}` : "";
  const detail = `${percent(confidence)} sure${rest}`;
  if (!uncertain) return { title: `This is ${a(digit)}`, detail };
  const perhaps = `Not sure: perhaps ${a(digit)}`;
  if (reason?.startsWith("not sure between ")) {
    const likeliest = order.slice(0, 2).map(([, each]) => each);
    const [one, other] = likeliest.sort((x, y) => x - y).map(nameOf);
    return { title: `${one} or ${other}?`, detail: `It could be either: ${detail}` };
  }
  if (reason === "not one digit")
    return {
      title: "Is that one digit?",
      detail: `It does not look like one. The nearest is ${a(digit)}.`,
    };
  if (reason === "faint")
    return { title: perhaps, detail: "The ink is faint. Darker or thicker strokes help." };
  const unusual = `it looks unlike the ${thing()}s that the network learnt from`;
  return { title: perhaps, detail: rest ? detail : `${detail}, but ${unusual}` };
}

/** A title and detail for each kind of sheet without an answer. */
export const unread = {
  get nothing() {
    return [`No ${thing()} yet`, "The answer appears while you draw."];
  },
  get dot() {
    return [`No ${thing()} yet`, "Go on drawing: a dot alone is not read."];
  },
  get strokes() {
    return [`No ${thing()} there`, "There is too little ink. Draw larger."];
  },
  get picture() {
    const one = isDigits() ? "One digit, dark on light or light on dark," : "More contrast";
    const advice = `${one} works best, in a photo that is cropped to its paper.`;
    return [`No ${thing()} there`, `Nothing in this picture stands out. ${advice}`];
  },
  file: ["Not a picture", "This file cannot be opened as a picture. PNG and JPEG always work."],
  large: ["Too large", "This picture is too large to be sent. A smaller copy works."],
  forbidden: [
    "Not read",
    "The service takes this page for another site's: a proxy between them hides the page's address. Tell the person who runs it.",
  ],
  fault: ["Not read", "Something on this page went wrong. Reload it."],
};

/** What the page is for, with a digit model (null) or another. */
export const about = (model) =>
  model
    ? `A neural network, trained on the pictures of ${model}, names yours and shows why.`
    : "A neural network, trained on handwritten digits, reads yours and shows why.";

/** Who answers, such as "mnist-digits version 2, trained on MNIST". */
export function origin({ model, version, data }) {
  return `${model} version ${version}, trained on ${SOURCES[data] ?? data}`;
}

export const NO_ANSWER = "The service does not answer.";
export const BUSY = "The service cannot read digits at the moment.";
export const NO_NETWORK = "The service has no trained network yet.";
export const NOT_UNDERSTOOD = "The service and this page do not understand each other. Reload the page.";
