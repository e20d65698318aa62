// Receives live events from the server, over one stream for all jobs of the page.

import { check, connection, url } from "./server.js";

const STATES = ["queued", "planning", "rendering", "assembling", "succeeded", "failed", "canceled"];
const REOPEN_MS = 15_000; // after a refusal; the browser reconnects by itself after a lost connection

/**
 * Listen as long as the page is open.
 *
 * `onprogress(id, { state, progress })`, `onchange(id)` when the job's body has changed,
 * `onpart(id)` when more audio is available, `ondeleted(id)`. Returns a function that says whether the stream is open.
 */
export function listen({ onprogress, onchange, onpart, ondeleted }) {
  let source = null;
  const open = () => {
    source = new EventSource(url("events"));
    const on = (type, act) => source.addEventListener(type, ({ data }) => act(JSON.parse(data)));
    on("job.progress", ({ job_id, data }) => onprogress(job_id, data));
    on("part.stored", ({ job_id }) => onpart(job_id));
    on("job.deleted", ({ job_id }) => ondeleted(job_id));
    for (const state of STATES) on(`job.${state}`, ({ job_id }) => onchange(job_id));
    source.addEventListener("error", () => {
      check(); // the connection was lost: is the server gone?
      const refused = source;
      if (refused.readyState !== EventSource.CLOSED) return;
      setTimeout(() => { if (source === refused && !document.hidden) open(); }, REOPEN_MS);
    });
  };
  open();
  // Browsers allow few connections per server, so a hidden page closes its own.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source.close();
    else if (source.readyState === EventSource.CLOSED) open();
  });
  connection.addEventListener("up", () => {
    if (source.readyState === EventSource.CLOSED) open();
  });
  return () => source.readyState === EventSource.OPEN;
}
