// "Not a 7? It is …": ten buttons, once there is an answer that may be wrong.

import { classNames } from "./classes.js";
import { a, NO_ANSWER, the } from "./sentences.js";
import { correct, KeyNeeded } from "./service.js";

/** Fires "corrected" (detail: {answer, digit}) when the service has kept a correction. */
export class Correction extends EventTarget {
  #fieldset;
  #askForKey;
  #buttons = [];
  #answer = null;

  constructor(fieldset, askForKey) {
    super();
    this.#fieldset = fieldset;
    this.#askForKey = askForKey;
    this.offer();
    fieldset.addEventListener("keydown", (event) => {
      if (/^[0-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey)
        this.#buttons[event.key]?.click();
    });
  }

  /** Offer a button for each class of the chosen model. */
  offer() {
    const group = this.#fieldset.querySelector("[role=group]");
    this.#buttons = classNames().map((name, digit) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => this.#correct(digit));
      return button;
    });
    group.replaceChildren(...this.#buttons);
    group.classList.toggle("words", classNames().some((name) => name.length > 2));
  }

  /** Ask about an answer; null: there is none. It can be corrected once the digit is whole. */
  ask(answer) {
    this.#answer = answer;
    this.#fieldset.hidden = !answer;
    this.#fieldset.disabled = !answer?.explanation;
    this.#fieldset.querySelector("legend span").textContent = answer ? a(answer.digit) : "";
    this.#thank("");
    for (const [digit, button] of this.#buttons.entries()) {
      button.classList.toggle("answered", digit === answer?.digit);
      button.removeAttribute("aria-pressed");
    }
  }

  /** The sheet has changed: what is shown is not its answer. */
  disable() {
    this.#fieldset.disabled = true;
  }

  async #correct(digit) {
    const answer = this.#answer;
    try {
      await correct(answer, digit);
    } catch (fault) {
      if (fault instanceof KeyNeeded) {
        await this.#askForKey();
        return this.#correct(digit);
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
