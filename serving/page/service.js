// The service behind the page: requests with a key and a time limit, faults by their kind.

import { BUSY, NO_ANSWER, NO_NETWORK, NOT_UNDERSTOOD } from "./sentences.js";

const KEY = "ann-api-key";
const TIMEOUT = 10_000; // milliseconds
const SLOWEST = 20; // bytes of a body in a millisecond, over the slowest line that still serves

/** The service is unavailable: worth another try, after `wait` seconds where it said so. */
export class Unavailable extends Error {
  constructor(message, wait = null) {
    super(message);
    this.wait = wait;
  }
}

/** The service wants a key, or another one. */
export class KeyNeeded extends Error {}

/** The service finds no digit in what was sent, or it is too large. */
export class Refused extends Error {
  constructor(status) {
    super(NOT_UNDERSTOOD);
    this.status = status;
  }
}

let unstored = null; // the key where the browser lets a page store nothing

function storedKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return unstored;
  }
}

export const hasKey = () => storedKey() !== null;

export function keepKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    unstored = key;
  }
}

/** The answer of a model; null: the service's default. */
export async function predict(content, explain, model) {
  const query = new URLSearchParams({ image: 1, [explain ? "explain" : "live"]: 1 });
  if (model) query.set("model", model);
  const kind = content.type.startsWith("image/") ? content.type : "application/octet-stream";
  const answer = await post(`predict?${query}`, content, kind);
  return { ...answer, digit: answer.digit ?? answer.class };
}

/** Say which digit it really is; with the image, as another process may know no such request. */
export function correct({ request_id, model, version, digit: predicted, image }, digit) {
  const correction = { request_id, model, version, predicted, image, digit };
  return post("feedback", JSON.stringify(correction), "application/json");
}

/** Which version answers. */
export const status = () => request("health/ready");

/** The names of the models that can be asked. */
export const models = async () => (await request("v1/models")).models;

/** What a model's classes are called; null: it reads digits. */
export async function labelsOf(model) {
  const { parameters } = await request(`v2/models/${encodeURIComponent(model)}/config`);
  return parameters?.labels ? JSON.parse(parameters.labels.string_value) : null;
}

function post(path, body, type) {
  return request(path, { method: "POST", body, headers: { "Content-Type": type } });
}

async function request(path, { headers, ...content } = {}) {
  const key = storedKey();
  const signal = AbortSignal.timeout(TIMEOUT + (content.body?.size ?? 0) / SLOWEST);
  let response, answer;
  try {
    response = await fetch(path, {
      ...content, signal, headers: { ...headers, ...(key && { "X-API-Key": key }) },
    });
    answer = await response.json().catch((fault) => {
      if (response.ok) throw fault;
      return {}; // of an error the status is enough
    });
  } catch {
    throw new Unavailable(NO_ANSWER);
  }
  if (response.ok) return answer;
  if (response.status === 401) throw new KeyNeeded();
  if (response.status >= 500 || response.status === 429 || response.status === 408)
    throw new Unavailable(
      answer.ready === false ? NO_NETWORK : BUSY,
      Number(response.headers.get("Retry-After")) || null,
    );
  throw new Refused(response.status);
}
