// An answer on the page: the digit, its probabilities, where it comes from, and why.

import { diverging, grey, scaleOf } from "./pixels.js";
import { classNames, nameOf } from "./classes.js";
import { origin, reading, the } from "./sentences.js";
import { stemPlot } from "./stems.js";

const SETTLED = 700; // milliseconds after the last stroke until the answer is read out

const $ = (id) => document.getElementById(id);
let showStems = stemPlot($("stems"), classNames());
showStems(null);
let readOut = 0;

/** Make room for the probabilities of another model's classes. */
export function showClasses() {
  $("stems").replaceChildren();
  showStems = stemPlot($("stems"), classNames());
  showStems(null);
}

/** Show an answer; one without an explanation leaves the last reasons, faded. */
export function showAnswer(answer) {
  const { title, detail } = reading(answer);
  document.body.classList.toggle("uncertain", answer.uncertain);
  document.body.classList.toggle("stale", !answer.explanation);
  const name = nameOf(answer.digit);
  $("digit").textContent = name;
  $("digit").classList.toggle("word", name.length > 2);
  $("digit").classList.toggle("long", name.length > 8);
  say(title, detail);
  showStems(answer.probabilities);
  grey($("seen"), answer.image);
  showOrigin(answer);
  if (answer.explanation) showReasons(answer);
  clearTimeout(readOut);
  readOut = setTimeout(() => ($("spoken").textContent = `${title}. ${detail}`), SETTLED);
}

/** Show that there is no answer, and why; it is read out where there is something to read. */
export function showNoAnswer(title, detail, aloud) {
  clearTimeout(readOut);
  document.body.classList.remove("uncertain", "stale");
  $("digit").textContent = "";
  say(title, detail);
  $("spoken").textContent = aloud ? `${title}. ${detail}` : "";
  $("why").hidden = true;
  showStems(null);
}

/** Do not read out an answer that is about to change. */
export const holdReadOut = () => clearTimeout(readOut);

function say(title, detail) {
  $("sentence").textContent = title;
  $("second").textContent = detail;
}

/** Which version answers, with a link to its training where that can be followed. */
export function showOrigin({ run_id, run_url, ...version }) {
  const line = $("provenance");
  line.replaceChildren(`Network: ${origin(version)}`);
  if (!run_id) return;
  const name = `run ${run_id.slice(0, 7)}`;
  line.append(" · ", run_url && leadsSomewhere(run_url) ? newTab(run_url, name) : name);
}

/** Whether a browser here can follow an address: not one that only the service's machine has. */
function leadsSomewhere(address) {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username } = new URL(address);
  if (!["http:", "https:"].includes(protocol) || username) return false;
  const here = location.hostname;
  if (isLoopback(hostname)) return isLoopback(here);
  const bare = !/[.:]/.test(hostname); // such as a container's name
  return !bare || (!isLoopback(here) && !/[.:]/.test(here));
}

const isLoopback = (host) => /^(localhost|.+\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(host);

function newTab(address, text) {
  const link = document.createElement("a");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.textContent = text;
  const hint = link.appendChild(document.createElement("span"));
  hint.className = "unseen";
  hint.textContent = " (opens in a new tab)";
  return link;
}

/** Show which ink spoke for the digit and against it, and which hidden units fired. */
export function showReasons({ digit, image, explanation: { saliency, hidden } }) {
  for (const name of document.querySelectorAll(".named")) name.textContent = the(digit);
  diverging($("saliency"), saliency, scaleOf(saliency), image);
  const [plus, minus] = [1, -1].map(
    (sign) => saliency.flat().filter((value) => sign * value > 0).length);
  $("saliency").ariaLabel = `${plus} pixels spoke for ${the(digit)}, ${minus} against`;
  const most = scaleOf(hidden.map((unit) => unit.weights)); // one scale for all
  $("units").replaceChildren(...hidden.map((unit) => pictureOf(unit, digit, most)));
  $("hidden").hidden = hidden.length === 0;
  $("why").hidden = false;
}

function pictureOf({ unit, activation, outgoing, weights }, digit, most) {
  const item = document.createElement("li");
  const add = (tag, content, look = "") => {
    const element = item.appendChild(document.createElement(tag));
    element.textContent = content;
    element.className = look;
    return element;
  };
  const canvas = add("canvas", "", "pixels");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Weights from the pixels to unit ${unit}`);
  requestAnimationFrame(() => diverging(canvas, weights, most)); // in the page, with its colours
  const added = activation * outgoing;
  add("b", signed(added, 1), added < 0 ? "against" : "for");
  add("p", `${activation.toFixed(1)} × ${signed(outgoing, 2)}`);
  add("p", `unit ${unit}`, "quiet");
  item.title = `Unit ${unit} fired ${activation.toFixed(2)}; its weight to ${the(digit)} is `
    + signed(outgoing, 2);
  return item;
}

function signed(value, digits) {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? size : `${value < 0 ? "−" : "+"}${size}`;
}
