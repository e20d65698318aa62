// One job: what it is and how it stands; once it is ready, the place to listen to it.

import { fileLinks } from "./artifacts.js";
import { about, action, cover, endLine, stateLine } from "./card.js";
import { announce, h, setText } from "./dom.js";
import { isActive, jobs } from "./jobs.js";
import { Listening } from "./listening.js";
import { readingLine, readingNotes } from "./reading.js";
import { read } from "./server.js";
import { explain, explainFailure, STATES, titleOf } from "./words.js";

const STEPS = {
  queued: "It begins as soon as the ones before it are done. You can close this page: the work goes on.",
  planning: "The text is being read and cut into sentences.",
  rendering: "You can close this page: the work goes on, and the bookshelf remembers it.",
  assembling: "All is spoken. The files are being written.",
};

export function jobView({ id, params, replaceParams }) {
  const head = h("header", { class: "job-head" });
  const body = h("div", { class: "job-body" });
  const element = h("div", { class: "job" }, head, body);
  let drawn = null;
  let listening = null;
  let reading = null;
  let lastState = null;
  let flagged = null;

  const draw = async (job) => {
    // Lists leave the reading report out: what is known of it stays.
    if (!job.reading) job = { ...job, reading };
    reading = job.reading;
    if (!reading && job.state === "rendering" && lastState !== job.state) jobs.load(id).catch(() => null);
    lastState = job.state;
    const shape = `${job.state}|${job.attempt}|${job.revision}|${job.title}|${Boolean(reading)}`;
    if (shape === drawn && flagged === job.progress.chunks_flagged) return progress(body, job);
    flagged = job.progress.chunks_flagged;
    if (shape === drawn || (listening && isMending(job))) {
      drawn = shape;
      drawHead(head, job);
      return drawFiles(head, job, false);
    }
    const before = drawn;
    drawn = shape;
    document.title = `${titleOf(job)} · Rhapsode`;
    if (before !== null) announce(`${titleOf(job)}: ${STATES[job.state]}`);
    drawHead(head, job);
    const [focused, wasPlaying] = [listening?.focused ?? null, listening?.isPlaying ?? false];
    listening?.close();
    listening = null;
    document.body.classList.remove("playing");
    if (isActive(job) && !isMending(job)) {
      body.replaceChildren(...[underWay(), readingNotes(job)].filter(Boolean));
      progress(body, job);
    } else if (job.state === "succeeded" || job.revision > 1 || isHeldUp(job)) {
      listening = new Listening(job, { isPlaying: params.has("play") || wasPlaying });
      const isStopped = !isActive(job) && job.state !== "succeeded";
      body.replaceChildren(...[isStopped && stopped(job), readingNotes(job), listening.element].filter(Boolean));
      drawFiles(head, job, params.has("files"));
      if (params.size) replaceParams({});
      await listening.load(focused);
    } else body.replaceChildren(...[stopped(job), readingNotes(job)].filter(Boolean));
  };
  const onjob = ({ detail: { job } }) => { if (job.id === id) draw(job); };
  const ongone = (event) => { if (event.detail.id === id) location.hash = "#/"; };
  jobs.addEventListener("job", onjob);
  jobs.addEventListener("gone", ongone);
  return {
    title: "Narration",
    element,
    shown: async () => {
      if (jobs.get(id)) drawHead(head, jobs.get(id));
      await load(id, body);
    },
    close: () => {
      listening?.close();
      jobs.removeEventListener("job", onjob);
      jobs.removeEventListener("gone", ongone);
    },
  };
}

/** Whether a job that was delivered is being mended: what it delivered can be heard meanwhile. */
const isMending = (job) => isActive(job) && job.revision > 1;

/** Whether some of its chunks are all that keeps a job from being delivered. */
const isHeldUp = (job) => job.state === "failed" && ["quality_failed", "chunk_failed"].includes(job.error?.code);

async function load(id, body) {
  try {
    await jobs.load(id);
  } catch (problem) {
    if (!problem.code) throw problem;
    body.replaceChildren(h("div", { class: "empty" },
      h("h1", {}, problem.code === "not_found" ? "There is no such narration" : "It cannot be shown"),
      h("p", {}, explain(problem)), h("a", { class: "button", href: "#/" }, "To the bookshelf")));
  }
}

function drawHead(head, job) {
  const title = titleOf(job);
  const buttons = h("div", { class: "buttons" });
  const line = h("p", { class: "small" }, isActive(job) ? isMending(job) && h("span", { class: "told", role: "status" }, "Being mended · this takes a few seconds") : endLine(job));
  if (isActive(job)) buttons.append(action("stop", "Cancel", `Cancel ${title}`, () => jobs.cancel(job.id)));
  else if (job.state !== "succeeded") buttons.append(action("again", "Try again", `Try again: ${title}`, () => jobs.retry(job.id)));
  buttons.append(action("bin", "Delete", `Delete ${title}`, () => jobs.removeLater(jobs.get(job.id))));
  for (const button of buttons.children) button.classList.remove("plain");
  head.replaceChildren(cover(job), h("div", {},
    h("h1", {}, title), h("p", { class: "quiet" }, job.author ?? ""), h("p", { class: "quiet small" }, [about(job), readingLine(job)].filter(Boolean).join(" · ")), line,
    h("ul", { class: "files buttons", "aria-label": "Files" }), buttons));
}

async function drawFiles(head, job, isWanted) {
  const { items } = await read(`jobs/${job.id}/artifacts`).catch(() => ({ items: [] }));
  const list = head.querySelector(".files");
  list.replaceChildren(...fileLinks(job, items));
  if (isWanted) list.querySelector("a")?.focus();
}

function underWay() {
  return h("section", { class: "panel under-way", "aria-label": "Progress" },
    h("p", { class: "told" }), h("progress", { max: 100, "aria-label": "Progress" }), h("p", { class: "quiet small step" }));
}

function progress(body, job) {
  const bar = body.querySelector("progress");
  if (!bar || !isActive(job)) return;
  setText(body.querySelector(".told"), stateLine(job));
  setText(body.querySelector(".step"), STEPS[job.state]);
  if (job.state === "rendering") bar.value = job.progress.percent;
  else if (job.state === "assembling") bar.value = 100;
  else bar.removeAttribute("value");
}

function stopped(job) {
  const text = job.error ? explainFailure(job.error) : "You stopped it. What is finished is kept: try again, and it goes on from there.";
  return h("section", { class: job.error ? "panel problem" : "panel" }, h("strong", {}, STATES[job.state]), h("p", {}, text));
}

