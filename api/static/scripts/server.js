// Talks to the API, relative to the page's own address, so that any path prefix works.

const BASE = new URL("v1/", new URL(".", document.baseURI));
const PROBE_MS = 2000;

/** A problem reported by the server; `code` is "unreachable" if it did not answer at all. */
export class Problem extends Error {
  constructor(body, status = 0) {
    super(body.detail ?? body.title ?? `status ${status}`);
    this.code = body.code ?? (status === 413 ? "too_large" : "internal");
    this.fields = body.errors ?? [];
    this.requestId = body.request_id ?? null;
    this.status = status;
  }
}

/** Emits "down" and "up" when the server stops answering and when it is back. */
export const connection = Object.assign(new EventTarget(), { isDown: false });
let askForKey = null; // set by session.js: resolves after signing in

export function onUnauthorized(ask) {
  askForKey = ask;
}

/** Return the URL of a path below /v1. */
export function url(path) {
  return new URL(path, BASE).href;
}

/** Send a request; on 401, wait for sign-in and send it again. */
export async function send(path, options = {}) {
  const response = await reach(path, options);
  if (response.status === 401 && askForKey !== null && path !== "session") {
    await askForKey();
    return send(path, options);
  }
  if (!response.ok && response.status !== 304) {
    throw new Problem(await response.json().catch(() => ({})), response.status);
  }
  return response;
}

/** Return the body of a GET. */
export async function read(path) {
  return (await send(path, { cache: "no-store" })).json();
}

/** Send JSON, and return the response's JSON. */
export async function post(path, body, headers = {}) {
  const options = { method: "POST", headers: { ...headers } };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  return (await send(path, options)).json();
}

export async function remove(path, options = {}) {
  await send(path, { method: "DELETE", ...options });
}

async function reach(path, options) {
  try {
    const response = await fetch(url(path), { credentials: "same-origin", ...options });
    // A proxy answers these for a server that is gone.
    if (response.status === 502 || response.status === 504) throw new TypeError("bad gateway");
    if (connection.isDown) setDown(false);
    return response;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    setDown(true);
    throw new Problem({ code: "unreachable", detail: "no answer" });
  }
}

function setDown(isDown) {
  if (connection.isDown === isDown) return;
  connection.isDown = isDown;
  connection.dispatchEvent(new Event(isDown ? "down" : "up"));
  if (isDown) probe();
}

/** Check whether the server answers; `connection` emits the result. */
export async function check() {
  await reach("session", { cache: "no-store" }).catch(() => null);
}

async function probe() {
  while (connection.isDown) {
    await pause(PROBE_MS);
    await check();
  }
}

/** Wait; a hidden page waits until it is visible again, at most a minute. */
export function pause(ms) {
  return new Promise((resolve) => {
    if (!document.hidden) return void setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(ms, 60_000));
    document.addEventListener("visibilitychange", done);
  });
}
