// One job: its details and state and, once it is being spoken, the player.

import { fileLinks, hasSound } from "./artifacts.js";
import { about, action, cover, endLine, stateLine } from "./card.js";
import { announce, h, setText } from "./dom.js";
import { isActive, jobs } from "./jobs.js";
import { Listening } from "./listening.js";
import { readingLine, readingNotes } from "./reading.js";
import { read } from "./server.js";
import { explain, explainFailure, explainTrouble, STATES, titleOf, troubleOf } from "./words.js";

const STEPS = {
  queued: "It begins as soon as the ones before it are done. You can close this page: the work goes on.",
  planning: "The text is being read and cut into sentences.",
  beginning: "The first sentences are being spoken. You can close this page: the work goes on, and the bookshelf remembers it.",
  rendering: "You can listen already. You can also close this page: the work goes on, and the bookshelf remembers it.",
  assembling: "All is spoken. The files are being written.",
};

export function jobView({ id, params, replaceParams }) {
  const head = h("header", { class: "job-head" });
  const body = h("div", { class: "job-body" });
  const status = h("div");
  const sound = h("div");
  body.append(status, sound);
  const element = h("div", { class: "job" }, head, body);
  let drawn = null;
  let listening = null;
  let reading = null;
  let lastState = null;
  let flagged = null;

  const draw = async (job) => {
    // Lists omit the reading report, so the one already loaded stays.
    if (!job.reading) job = { ...job, reading };
    reading = job.reading;
    if (!reading && job.state === "rendering" && lastState !== job.state) jobs.load(id).catch(() => null);
    lastState = job.state;
    const shape = `${job.state}|${job.attempt}|${job.revision}|${job.title}|${Boolean(reading)}`;
    const isJudged = flagged !== null && flagged !== job.progress.chunks_flagged;
    flagged = job.progress.chunks_flagged;
    if (shape === drawn || (listening && isMending(job))) {
      progress(body, job);
      if (shape !== drawn || (isJudged && !isActive(job))) {
        drawHead(head, job);
        drawFiles(head, job, false);
      }
      drawn = shape;
      if (isActive(job) && !isMending(job)) await listening?.update(job);
      return;
    }
    const before = drawn;
    drawn = shape;
    document.title = `${titleOf(job)} · Rhapsode`;
    if (before !== null) announce(`${titleOf(job)}: ${STATES[job.state]}`);
    drawHead(head, job);
    const place = { focused: listening?.focused ?? null, isPlaying: listening?.isPlaying ?? false };
    if (!isHeard(job) || listening?.attempt !== job.attempt || listening?.revision !== job.revision) {
      listening?.close();
      listening = null;
      sound.replaceChildren();
    }
    const standing = isActive(job) ? !isMending(job) && underWay() : job.state !== "succeeded" && stopped(job);
    status.replaceChildren(...[standing, readingNotes(job)].filter(Boolean));
    progress(body, job);
    if (!isActive(job) || isMending(job)) drawFiles(head, job, params.has("files"));
    if (isHeard(job)) await hear(job, place);
  };
  // Playback continues when the narration is finished: the player is updated, not replaced.
  const hear = async (job, { focused, isPlaying }) => {
    if (listening) return listening.update(job);
    listening = new Listening(job, { isPlaying: params.has("play") || isPlaying });
    sound.replaceChildren(listening.element);
    if (params.size) replaceParams({});
    await listening.load(focused);
  };
  const onjob = ({ detail: { job } }) => { if (job.id === id) draw(job); };
  const onpart = ({ detail }) => { if (detail.id === id) listening?.hearMore(); };
  const ongone = (event) => { if (event.detail.id === id) location.hash = "#/"; };
  jobs.addEventListener("job", onjob);
  jobs.addEventListener("part", onpart);
  jobs.addEventListener("gone", ongone);
  return {
    title: "Narration",
    element,
    shown: async () => {
      if (jobs.get(id)) drawHead(head, jobs.get(id));
      await load(id, status);
    },
    back: async () => { await load(id, status); await listening?.again(); },
    close: () => {
      listening?.close();
      jobs.removeEventListener("job", onjob);
      jobs.removeEventListener("part", onpart);
      jobs.removeEventListener("gone", ongone);
    },
  };
}

/** Whether a delivered job is being mended: its earlier delivery can be played meanwhile. */
const isMending = (job) => isActive(job) && job.revision > 1;

/** Whether nothing can be played yet. */
const isBeginning = (job) => job.state === "rendering" && job.progress.audio_s === 0;

/** Whether only flagged chunks keep a job from being delivered. */
const isHeldUp = (job) => job.state === "failed" && ["quality_failed", "chunk_failed"].includes(job.error?.code);

/** Whether there is, or will soon be, something to listen to. */
function isHeard(job) {
  const isSpoken = ["rendering", "assembling"].includes(job.state) && hasSound(job);
  return job.state === "succeeded" || job.revision > 1 || isHeldUp(job) || isSpoken;
}

async function load(id, body) {
  try {
    await jobs.load(id);
  } catch (problem) {
    if (!problem.code) throw problem;
    if (jobs.get(id) && problem.code === "unreachable") return; // the line at the top says it
    body.replaceChildren(h("div", { class: "empty" },
      h("h1", {}, problem.code === "not_found" ? "There is no such narration" : "It cannot be shown"),
      h("p", {}, explain(problem)), h("a", { class: "button", href: "#/" }, "To the bookshelf")));
  }
}

function drawHead(head, job) {
  const title = titleOf(job);
  const buttons = [];
  const line = h("p", { class: "small" }, isActive(job) ? isMending(job) && h("span", { class: "told", role: "status" }, "Being mended · this takes a few seconds") : endLine(job));
  if (isActive(job)) buttons.push(action("stop", "Cancel", `Cancel ${title}`, () => jobs.cancel(job.id)));
  else if (job.state !== "succeeded") buttons.push(action("again", "Try again", `Try again: ${title}`, () => jobs.retry(job.id)));
  buttons.push(action("bin", "Delete", `Delete ${title}`, () => jobs.removeLater(jobs.get(job.id))));
  for (const button of buttons) button.classList.remove("plain");
  head.replaceChildren(cover(job), h("div", {},
    h("h1", {}, title), h("p", { class: "quiet" }, job.author ?? ""), h("p", { class: "quiet small" }, [about(job), readingLine(job)].filter(Boolean).join(" · ")), line),
    h("div", { class: "buttons" }, h("ul", { class: "files", "aria-label": "Files" }), ...buttons));
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
  const trouble = troubleOf(job);
  setText(body.querySelector(".step"), trouble ? explainTrouble(trouble.code) : STEPS[isBeginning(job) ? "beginning" : job.state]);
  if (job.state === "rendering") bar.value = job.progress.percent;
  else if (job.state === "assembling") bar.value = 100;
  else bar.removeAttribute("value");
}

function stopped(job) {
  const text = job.error ? explainFailure(job.error) : "You stopped it. What is finished is kept: try again, and it goes on from there.";
  return h("section", { class: job.error ? "panel problem" : "panel" }, h("strong", {}, STATES[job.state]), h("p", {}, text));
}

