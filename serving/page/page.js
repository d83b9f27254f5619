// Wires the sheet to the service, and the service's answers to what is seen and heard.

import {
  holdReadOut, showAnswer, showClasses, showNoAnswer, showOrigin, showReasons,
} from "./answer.js";
import { areNames, choose, chosenModel, isDigits } from "./classes.js";
import { Correction } from "./correction.js";
import { Drawing } from "./drawing.js";
import { offerExamples } from "./examples.js";
import { History } from "./history.js";
import { about, thing, unread } from "./sentences.js";
import {
  hasKey, KeyNeeded, keepKey, labelsOf, models, predict, Refused, status, Unavailable,
} from "./service.js";
import { renderThumbnails } from "./thumbnails.js";

const LIVE = 80; // least milliseconds between two requests while drawing
const SENDABLE = /^[\x20-\x7e]+$/; // a header that holds anything else cannot be sent
const LONGEST_WAIT = 15; // seconds between two tries while the service is unavailable

const $ = (id) => document.getElementById(id);
const drawing = new Drawing($("paper"));
const correction = new Correction($("feedback"), askForKey);
const history = new History($("drawn"), (sheet) => drawing.show(sheet));
offerExamples($("examples"), (sheet) => drawing.show(sheet));

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Asking: one request in flight; when it is back, the newest state of the sheet is next.

let revision = 0; // of the sheet
let answered = 0; // the newest revision that needs no more asking
let current = drawing.sheet.id;
let asking = false;
let stillDrawing = false;
let answer = null; // the one that is shown, with the sheet that it was given for
let failures = 0;

drawing.addEventListener("change", ({ detail }) => {
  revision += 1;
  stillDrawing = detail.drawing;
  $("undo").disabled = !drawing.undoable;
  $("clear").disabled = drawing.empty;
  $("invitation").hidden = !drawing.empty;
  correction.disable(); // until the sheet as it is now has its answer
  holdReadOut();
  const sheet = drawing.sheet;
  if (drawing.empty) {
    history.forget(sheet);
    forgetAnswer(...unread.nothing);
    wakeUp(); // there is nothing to wait for
  } else if (!drawing.isDot) {
    const shown = $("digit").textContent !== "";
    if (sheet.id !== current || (!shown && !stillDrawing)) forgetAnswer("One moment …", "");
    ask();
  } else if (stillDrawing) forgetAnswer(...unread.nothing);
  else forgetAnswer(...unread.dot, true);
  current = sheet.id;
});

async function ask() {
  if (asking) return;
  asking = true;
  while (!drawing.empty && !drawing.isDot && answered < revision) {
    const [asked, sheet, explain] = [revision, drawing.sheet, !stillDrawing];
    const model = chosenModel();
    const isCurrent = () =>
      drawing.sheet.id === sheet.id && model === chosenModel() && !drawing.empty && !drawing.isDot;
    try {
      const content = await drawing.content();
      if (content === null) throw new Refused(413);
      const found = await predict(content, explain, model);
      if (isCurrent()) await checkClasses(found);
      if (isCurrent()) show(found, sheet);
      answered = asked;
      hideTrouble();
    } catch (fault) {
      if (fault instanceof KeyNeeded) await askForKey();
      else if (fault instanceof Refused) {
        if (sheet.picture?.refused()) continue; // once more, in another form
        if (isCurrent() && explain) forgetAnswer(...whyRefused(fault, sheet), true);
        answered = asked;
        hideTrouble();
      } else if (fault instanceof Unavailable) await waitForService(fault);
      else {
        console.error(fault);
        forgetAnswer(...unread.fault, true);
        answered = asked;
      }
    }
    await pause(LIVE);
  }
  if (drawing.empty) hideTrouble();
  asking = false;
}

function show(found, sheet) {
  answer = found.explanation ? { found, sheet } : null;
  showAnswer(found);
  correction.ask(found);
  if (answer && !sheet.example) history.keep(sheet, found);
}

function forgetAnswer(title, detail, aloud = false) {
  answer = null;
  showNoAnswer(title, detail, aloud);
  correction.ask(null);
}

function whyRefused({ status, message }, { picture }) {
  if (status === 413) return unread.large;
  if (status === 403) return unread.forbidden;
  if (![400, 415, 422].includes(status)) return ["Not read", message];
  if (!picture) return unread.strokes;
  return picture.bitmap ? unread.picture : unread.file;
}

correction.addEventListener("corrected", ({ detail: { answer, digit } }) =>
  history.correct(answer, digit),
);

// When the service is unavailable, or wants a key.

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
  let said = hasKey()
    ? "The service did not take that key."
    : "It is kept until you close this tab.";
  while (true) {
    dialog.querySelector("p").textContent = said;
    input.value = dialog.returnValue = "";
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    if (dialog.returnValue !== "use") break; // Esc
    const key = input.value.trim();
    if (SENDABLE.test(key)) {
      keepKey(key);
      greet(); // the models can be listed only now
      return;
    }
    said = "A key has only unaccented letters, digits and signs.";
  }
  showTrouble("Without a key there is no answer.");
  await wakeUpCall();
}

function showTrouble(message) {
  const text = $("trouble").querySelector("p");
  if (text.textContent !== message) text.textContent = message; // so that it is read out once
  document.body.classList.add("unavailable");
  $("trouble").hidden = false;
}

function hideTrouble() {
  failures = 0;
  document.body.classList.remove("unavailable");
  $("trouble").hidden = true;
}

async function greet() {
  try {
    const version = await status();
    if (!answer) showOrigin(version);
    await offerModels(version.model);
    hideTrouble();
  } catch (fault) {
    if (!(fault instanceof Unavailable)) throw fault;
    await waitForService(fault);
    greet();
  }
}

// Which model is asked, where there are several.

let usual; // the service's default, which requests need not name
const versions = new Map(); // that answered last, by model

/** Another model or version answers than before: its classes may have other names. */
async function checkClasses({ model, version }) {
  const isSame = (versions.get(model) ?? version) === version;
  if (!isSame || model !== (chosenModel() ?? usual)) await offerModels(chosenModel() ? usual : model);
  versions.set(model, version);
}

async function offerModels(name) {
  try {
    const names = await models();
    const chosen = chosenModel();
    const labels = await labelsOf(chosen ?? name);
    usual = name;
    const others = names.filter((each) => each !== usual);
    $("model").replaceChildren(new Option(usual, ""), ...others.map((each) => new Option(each)));
    $("model").value = chosenModel() ?? "";
    $("model").closest("label").hidden = names.length < 2;
    if (chosen === chosenModel() && !areNames(labels)) changeModel(chosen, labels);
  } catch (fault) {
    if (!(fault instanceof KeyNeeded)) throw fault; // the first answer asks for the key
  }
}

function changeModel(name, labels) {
  choose(name, labels);
  showClasses();
  correction.offer();
  history.clear();
  forgetAnswer(...(drawing.empty ? unread.nothing : ["One moment …", ""]));
  $("title").textContent = isDigits() ? "Draw a digit" : "Draw or open a picture";
  $("about").textContent = about(isDigits() ? null : name ?? usual);
  $("invitation").textContent = isDigits() ? "0 to 9, as you write it" : "Draw it, or open a picture";
  for (const word of document.querySelectorAll(".thing")) word.textContent = thing();
  $("examples").parentElement.hidden = !isDigits();
  if (drawing.empty) return;
  revision += 1;
  ask();
}

$("model").addEventListener("change", async ({ target: { value } }) => {
  try {
    const labels = await labelsOf(value || usual);
    if ($("model").value === value) changeModel(value || null, labels);
  } catch (fault) {
    if ($("model").value !== value) return; // another was chosen meanwhile
    $("model").value = chosenModel() ?? "";
    if (fault instanceof KeyNeeded) return askForKey();
    showTrouble(fault.message);
    await wakeUpCall();
    hideTrouble();
  }
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
  const command = (event.ctrlKey || event.metaKey) && !event.shiftKey;
  if (command && event.key.toLowerCase() === "z") drawing.undo();
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
  renderThumbnails();
  if (answer) showReasons(answer.found);
});

greet();
