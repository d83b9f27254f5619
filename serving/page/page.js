// Wires the sheet to the service and the service's answers to what is seen and heard.

import { Drawing } from "./drawing.js";
import { diverging, grey, percent, scaleOf, stemPlot } from "./pictures.js";
import { Away, correct, hasKey, KeyNeeded, keepKey, predict, standing } from "./service.js";

const LIVE = 80; // least milliseconds between two requests while drawing
const SETTLED = 700; // milliseconds after the last stroke until the answer is read out
const LONGEST_WAIT = 15; // seconds between two tries while the service is away

const $ = (id) => document.getElementById(id);
const drawing = new Drawing($("paper"));
const showStems = stemPlot($("stems"));
showStems(null);

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const a = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;
const or = new Intl.ListFormat("en", { type: "disjunction" });

// Asking: one request in flight; when it is back, the newest state of the sheet is next.

let revision = 0; // of the sheet
let answered = 0; // the newest revision that needs no more asking
let sheets = 0; // how often the sheet was emptied: an answer to another one is not shown
let asking = false;
let stillDrawing = false;
let answer = null;
let failures = 0;
let readOut = 0;

drawing.addEventListener("change", ({ detail }) => {
  revision += 1;
  stillDrawing = detail.drawing;
  $("undo").disabled = !drawing.undoable;
  $("clear").disabled = drawing.empty;
  $("invitation").hidden = !drawing.empty;
  $("feedback").disabled = true; // until the sheet as it is now has its answer
  clearTimeout(readOut);
  if (drawing.empty) {
    sheets += 1;
    showNothing();
    wakeUp(); // there is nothing to wait for
  } else ask();
});

async function ask() {
  if (asking) return;
  asking = true;
  while (!drawing.empty && answered < revision) {
    const [asked, sheet, explain] = [revision, sheets, !stillDrawing];
    try {
      const found = await predict(await drawing.content(), explain);
      if (sheet === sheets) show(found);
      answered = asked;
      hideTrouble();
    } catch (fault) {
      if (fault instanceof KeyNeeded) await askForKey();
      else if (fault instanceof Away) await waitForService(fault);
      else {
        if (sheet === sheets && explain) showNothing("No digit there", fault.message);
        answered = asked;
        hideTrouble();
      }
    }
    await pause(LIVE);
  }
  if (drawing.empty) hideTrouble();
  asking = false;
}

async function waitForService(fault) {
  const seconds = Math.min(fault.wait ?? 2 ** failures, LONGEST_WAIT);
  failures += 1;
  showTrouble(`${fault.message} ${drawing.empty ? "" : "Your drawing is kept. "}Trying again …`);
  await Promise.race([pause(1000 * seconds), wakeUpCall()]);
}

const wakeUpCall = () =>
  new Promise((awake) => $("trouble").addEventListener("wake", awake, { once: true }));
const wakeUp = () => $("trouble").dispatchEvent(new Event("wake"));

async function askForKey() {
  const [dialog, input] = [$("key"), $("key-value")];
  dialog.querySelector("p").textContent = hasKey()
    ? "The service did not take that key."
    : "It is kept until you close this tab.";
  input.value = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (input.value) return keepKey(input.value);
  showTrouble("Without a key there is no answer.");
  await wakeUpCall();
}

async function greet() {
  try {
    showProvenance(await standing());
    hideTrouble();
  } catch (fault) {
    await waitForService(fault);
    greet();
  }
}

// Showing.

function show(found) {
  answer = found;
  document.body.classList.toggle("uncertain", found.uncertain);
  const best = found.probabilities.map((p, digit) => [p, digit]).sort((a, b) => b[0] - a[0]);
  const rivals = best.filter(([p], rank) => rank && p >= 0.05).slice(0, 2);
  const named = ([p, digit]) => `${digit} (${percent(p)})`;
  $("digit").textContent = found.digit;
  $("sentence").textContent = found.uncertain
    ? `Not sure: perhaps ${a(found.digit)}`
    : `This is ${a(found.digit)}`;
  const doubt = found.uncertain ? ", but it looks unlike the digits that the network learnt from" : "";
  const rest = rivals.length ? `; otherwise ${or.format(rivals.map(named))}` : doubt;
  $("second").textContent = `${percent(found.confidence)} sure${rest}`;
  showStems(found.probabilities);
  grey($("seen"), found.image);
  showProvenance(found);
  if (found.explanation) showReasons(found);
  document.body.classList.toggle("stale", !found.explanation);
  offerFeedback(found);
  clearTimeout(readOut);
  readOut = setTimeout(() => {
    $("spoken").textContent = `${$("sentence").textContent}. ${$("second").textContent}`;
  }, SETTLED);
}

function showReasons({ digit, image, explanation }) {
  for (const name of document.querySelectorAll(".named")) name.textContent = `the ${digit}`;
  const { saliency, hidden } = explanation;
  diverging($("saliency"), saliency, scaleOf(saliency), image);
  const [plus, minus] = [1, -1].map(
    (sign) => saliency.flat().filter((value) => sign * value > 0).length);
  $("saliency").setAttribute(
    "aria-label", `${plus} pixels spoke for the ${digit}, ${minus} against`);
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
  item.title = `Unit ${unit} fired ${activation.toFixed(2)}; its weight to the ${digit} is `
    + signed(outgoing, 2);
  return item;
}

function signed(value, digits) {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? size : `${value < 0 ? "−" : "+"}${size}`;
}

const SOURCES = {
  mnist: "MNIST",
  "offline-digits": "the offline digits, a small stand-in for MNIST",
};

function showProvenance({ model, version, data, run_id, run_url }) {
  const line = $("provenance");
  const verb = answer ? "Answered by" : "Answers come from";
  line.replaceChildren(`${verb} ${model} version ${version}, trained on ${SOURCES[data] ?? data}`);
  if (!run_url) return;
  const link = document.createElement("a");
  link.href = run_url;
  link.textContent = `run ${run_id.slice(0, 7)}`;
  line.append(" · ", link);
}

function showNothing(title = "No digit yet", reason = "The answer appears while you draw.") {
  answer = null;
  document.body.classList.remove("uncertain", "stale");
  $("digit").textContent = "";
  $("sentence").textContent = title;
  $("second").textContent = reason;
  $("spoken").textContent = drawing.empty ? "" : `${title}. ${reason}`;
  $("why").hidden = true;
  $("feedback").disabled = true;
  $("thanks").textContent = "";
  showStems(null);
}

function showTrouble(message) {
  const text = $("trouble").querySelector("p");
  if (text.textContent !== message) text.textContent = message; // so that it is read out once
  document.body.classList.add("away");
  $("trouble").hidden = false;
}

function hideTrouble() {
  failures = 0;
  document.body.classList.remove("away");
  $("trouble").hidden = true;
}

// Saying what it really is.

const choices = Array.from({ length: 10 }, (_, digit) => {
  const button = $("digits").appendChild(document.createElement("button"));
  button.type = "button";
  button.textContent = digit;
  button.addEventListener("click", () => say(digit));
  return button;
});

function offerFeedback({ digit, explanation }) {
  $("feedback").disabled = !explanation;
  $("thanks").textContent = "";
  for (const [each, button] of choices.entries()) {
    button.classList.toggle("answered", each === digit);
    button.removeAttribute("aria-pressed");
  }
}

async function say(digit) {
  const corrected = answer;
  try {
    await correct(corrected, digit);
    if (answer !== corrected) return;
    choices.forEach((button, each) => button.setAttribute("aria-pressed", each === digit));
    $("thanks").textContent = digit === corrected.digit
      ? `Kept: the ${digit} was right.`
      : `Kept as ${a(digit)}. Thank you.`;
  } catch (fault) {
    if (fault instanceof KeyNeeded) {
      await askForKey();
      return say(digit);
    }
    $("thanks").textContent = `Not kept. ${fault.message}`;
  }
}

$("feedback").addEventListener("keydown", (event) => {
  if (/^[0-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey)
    choices[event.key].click();
});

// Tools, keys, and pictures from elsewhere.

$("undo").addEventListener("click", () => drawing.undo());
$("clear").addEventListener("click", () => drawing.clear());
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  if ($("file").files[0]) drawing.open($("file").files[0]);
  $("file").value = "";
});
$("trouble").querySelector("button").addEventListener("click", wakeUp);
addEventListener("online", wakeUp);

addEventListener("keydown", (event) => {
  if ($("key").open) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") drawing.undo();
  else if (event.key === "Escape" || event.key === "Delete") drawing.clear();
  else return;
  event.preventDefault();
});

addEventListener("paste", (event) => openFirst(event.clipboardData));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  openFirst(event.dataTransfer);
});

function openFirst({ files }) {
  if (files.length) drawing.open(files[0]);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawing.render();
  if (answer?.explanation) showReasons(answer);
});

greet();
