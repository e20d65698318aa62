// The state of the server, in lines at the top: what narrations wait for, and which voice speaks.

import { h } from "./dom.js";
import { jobs } from "./jobs.js";
import { pause } from "./server.js";
import { explainTrouble } from "./words.js";

const ASK_MS = 5000;
const STILL_MS = 8000; // a sentence may take this long on a small machine

/** Watch as long as the page is open; polls the server only while a narration makes no progress. */
export async function watchCondition() {
  let movedAt = performance.now();
  let last = "";
  jobs.addEventListener("job", () => {
    const now = jobs.active().map((job) => `${job.id} ${job.state} ${job.progress.chunks_done}`).join();
    if (now !== last) movedAt = performance.now();
    last = now;
  });
  let troubles = await ask();
  for (;;) {
    await pause(ASK_MS);
    const isStill = jobs.active().length > 0 && performance.now() - movedAt > STILL_MS;
    if (isStill || troubles.length > 0) troubles = await ask();
  }
}

/** A server that is not ready also answers, and says why. */
async function ask() {
  const answer = await fetch("readyz").catch(() => null);
  const { notice = "", troubles = [] } = await answer?.json().catch(() => null) ?? {};
  tell("trouble", troubles.length ? `${explainTrouble(troubles[0])} What waits then goes on by itself.` : "");
  tell("demonstration", notice);
  return troubles;
}

function tell(id, text) {
  const line = document.getElementById(id);
  line.hidden = !text;
  if (line.dataset.told === text) return;
  line.dataset.told = text;
  line.replaceChildren(...text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part)));
}
