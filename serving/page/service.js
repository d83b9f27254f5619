// The service behind the page: requests with a key and a time limit, faults as sentences.

const KEY = "ann-api-key";
const PATIENCE = 10_000; // milliseconds

/** The service is away or busy: worth another try, after `wait` seconds where it said so. */
export class Away extends Error {
  constructor(message, wait = null) {
    super(message);
    this.wait = wait;
  }
}

/** The service wants a key, or another one. */
export class KeyNeeded extends Error {}

/** The service will not take what was sent; its message says why. */
export class Refused extends Error {}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const keepKey = (key) => sessionStorage.setItem(KEY, key);

export function predict(content, explain) {
  const query = explain ? "?image=1&explain=1" : "?image=1&live=1";
  return post(`predict${query}`, content, content.type || "application/octet-stream");
}

/** Say which digit it really is; whole, since another process than the one that answered may hear. */
export function correct({ request_id, model, version, digit: predicted, image }, digit) {
  const correction = { request_id, model, version, predicted, image, digit };
  return post("feedback", JSON.stringify(correction), "application/json");
}

/** Which version answers. */
export const standing = () => request("health/ready");

function post(path, body, type) {
  return request(path, { method: "POST", body, headers: { "Content-Type": type } });
}

async function request(path, { headers, ...content } = {}) {
  const key = sessionStorage.getItem(KEY);
  const signal = AbortSignal.timeout(PATIENCE);
  let response, answer;
  try {
    response = await fetch(path, {
      ...content, signal, headers: { ...headers, ...(key && { "X-API-Key": key }) },
    });
    answer = await response.json().catch(() => ({}));
  } catch {
    throw new Away("The service does not answer.");
  }
  if (response.ok) return answer;
  const said = answer.error ?? answer.registry_error ?? `The service answered ${response.status}.`;
  if (response.status === 401) throw new KeyNeeded(said);
  if (response.status >= 500 || response.status === 429 || response.status === 408)
    throw new Away(said, Number(response.headers.get("Retry-After")) || null);
  throw new Refused(said);
}
