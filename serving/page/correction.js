// "Not a 7? It is …": a button a class, or a list of many, once an answer may be wrong.

import { classNames } from "./classes.js";
import { a, NO_ANSWER, the } from "./sentences.js";
import { correct, KeyNeeded } from "./service.js";

const MOST_BUTTONS = 20;

/** Fires "corrected" (detail: {answer, digit}) when the service has kept a correction. */
export class Correction extends EventTarget {
  #fieldset;
  #askForKey;
  #buttons = [];
  #list = null;
  #answer = null;

  constructor(fieldset, askForKey) {
    super();
    this.#fieldset = fieldset;
    this.#askForKey = askForKey;
    this.offer();
    fieldset.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) // a key means what a button shows
        this.#buttons.find((button) => button.textContent === event.key)?.click();
    });
  }

  /** Offer a button for each class of the chosen model, or a list of many classes. */
  offer() {
    const group = this.#fieldset.querySelector("[role=group]");
    const names = classNames();
    const many = names.length > MOST_BUTTONS;
    this.#list = many ? document.createElement("select") : null;
    this.#buttons = many ? [] : names.map((name, digit) => button(name, () => this.#correct(digit)));
    if (many) {
      this.#list.ariaLabel = "The right answer";
      this.#list.append(new Option("Choose …", ""), ...names.map((name, n) => new Option(name, n)));
      const keep = () => this.#list.value && this.#correct(Number(this.#list.value));
      group.replaceChildren(this.#list, button("Keep", keep));
    } else group.replaceChildren(...this.#buttons);
    group.classList.toggle("words", !many && names.some((name) => name.length > 2));
    group.classList.toggle("many", many);
  }

  /** Ask about an answer; null: there is none. It can be corrected once the digit is whole. */
  ask(answer) {
    this.#answer = answer;
    this.#fieldset.hidden = !answer;
    this.#fieldset.disabled = !answer?.explanation;
    this.#fieldset.querySelector("legend span").textContent = answer ? a(answer.digit) : "";
    this.#thank("");
    if (this.#list) this.#list.value = "";
    for (const [digit, button] of this.#buttons.entries()) {
      button.classList.toggle("answered", digit === answer?.digit);
      button.removeAttribute("aria-pressed");
    }
  }

  /** The sheet has changed: what is shown is not its answer. */
  disable() {
    this.#fieldset.disabled = true;
  }

  async #correct(digit, answer = this.#answer) {
    try {
      await correct(answer, digit);
    } catch (fault) {
      if (fault instanceof KeyNeeded) {
        await this.#askForKey();
        return this.#correct(digit, answer); // another drawing may be there by now
      }
      if (answer === this.#answer) this.#thank(`Not kept. ${fault.message || NO_ANSWER}`);
      return;
    }
    this.dispatchEvent(new CustomEvent("corrected", { detail: { answer, digit } }));
    if (answer !== this.#answer) return;
    this.#buttons.forEach((button, each) => (button.ariaPressed = each === digit));
    this.#thank(digit === answer.digit
      ? `Kept: ${the(digit)} was right.` : `Kept as ${a(digit)}. Thank you.`);
  }

  #thank(text) {
    this.#fieldset.querySelector("[role=status]").textContent = text;
  }
}

function button(text, click) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.addEventListener("click", click);
  return element;
}
