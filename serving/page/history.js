// The strip of what was drawn since the page was opened, newest first; each can be shown again.

import { nameOf } from "./classes.js";
import { a } from "./sentences.js";
import { thumbnail } from "./thumbnails.js";

const MOST = 12;

export class History {
  #list;
  #choose;
  #entries = new Map(); // by the sheet's id, oldest first: {sheet, answer, said}

  /** `choose` is called with the sheet that is tapped. */
  constructor(list, choose) {
    this.#list = list;
    this.#choose = choose;
  }

  /** Keep a sheet with its answer, in place of what was kept of the same sheet before. */
  keep(sheet, answer) {
    const kept = this.#entries.get(sheet.id);
    const said = kept && isSame(kept.sheet, sheet) ? kept.said : undefined;
    this.#entries.set(sheet.id, { sheet, answer, said });
    if (this.#entries.size > MOST) this.#entries.delete(this.#entries.keys().next().value);
    this.#render();
  }

  /** Forget all: they are answers of another model. */
  clear() {
    this.#entries.clear();
    this.#render();
  }

  /** Note which digit it was that got this answer. */
  correct(answer, said) {
    for (const entry of this.#entries.values()) if (entry.answer === answer) entry.said = said;
    this.#render();
  }

  /** Forget a sheet: all of it was taken back. */
  forget({ id }) {
    if (this.#entries.delete(id)) this.#render();
  }

  get #buttons() {
    return [...this.#list.querySelectorAll("button")];
  }

  #render() {
    const items = [...this.#entries.values()].reverse().map(({ sheet, answer, said }) => {
      const read = `${nameOf(answer.digit)}${answer.uncertain ? "?" : ""}`;
      const wrong = said !== undefined && said !== answer.digit;
      const label = `Read as ${a(answer.digit)}${answer.uncertain ? ", not sure" : ""}${
        wrong ? `, corrected to ${a(said)}` : ""}. Show it again.`;
      const caption = wrong ? [struck(read), ` ${nameOf(said)}`] : [read];
      return thumbnail(sheet, label, () => this.#choose(sheet), ...caption);
    });
    const focused = this.#buttons.indexOf(document.activeElement);
    this.#list.replaceChildren(...items);
    this.#buttons[focused]?.focus();
    this.#list.parentElement.hidden = items.length === 0;
  }
}

const isSame = ({ strokes: before }, { strokes: after }) =>
  before.length === after.length && before.every((stroke, i) => stroke === after[i]);

function struck(text) {
  const element = document.createElement("s");
  element.textContent = text;
  return element;
}
