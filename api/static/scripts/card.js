// One job on the bookshelf: its cover, title, state, and actions.

import { h, hueOf, icon, setText } from "./dom.js";
import { isActive, jobs } from "./jobs.js";
import { notice } from "./notices.js";
import { downloadLink, hasSound } from "./artifacts.js";
import { capital, explain, explainFailure, length, STATES, titleOf, troubleOf, voiceName, waiting } from "./words.js";

const ENDS = {
  succeeded: ["good", "check"],
  failed: ["bad", "warn"],
  canceled: ["quiet", "stop"],
};

/** A generated cover in a colour derived from the title, or the book's own picture. */
export function cover(job) {
  const box = h("div", { class: "cover", "aria-hidden": "true" },
    h("span", { class: "title" }, titleOf(job)),
    h("span", { class: "author" }, job.author ?? ""));
  box.style.setProperty("--hue", hueOf(titleOf(job)));
  return box;
}

/** "3 h 12 min · read by Anna": where there is little room, the length stays. */
export function about(job) {
  const voice = `read by ${voiceName(job.settings.voice)}`;
  return job.state === "succeeded" ? `${length(job.progress.audio_s)} · ${voice}` : capital(voice);
}

/** The state of a job, in one line. */
export function stateLine(job) {
  const trouble = troubleOf(job);
  if (trouble) return waiting(trouble);
  if (job.state !== "rendering") return STATES[job.state];
  const left = jobs.timeLeft(job.id);
  const told = `${STATES.rendering} · ${Math.floor(job.progress.percent)} %`;
  return left === null ? told : `${told} · about ${length(left)} left`;
}

/** The state of an ended job, with its icon. */
export function endLine(job) {
  const flagged = job.progress.chunks_flagged;
  if (job.state === "succeeded" && flagged > 0) {
    return h("span", { class: "told warn" }, icon("warn"), `Ready · ${flagged} to check`);
  }
  const [tone, sign] = ENDS[job.state];
  return h("span", { class: `told ${tone}` }, icon(sign), STATES[job.state]);
}

/** Make the card of a job; `update(job)` redraws it. */
export function jobCard(job) {
  const body = h("div", { class: "body" });
  const actions = h("div", { class: "actions" });
  const card = h("div", { class: "card", role: "listitem", "data-id": job.id }, h("div"), body, actions);
  let drawn = "";
  card.update = (now) => {
    const shape = [now.state, now.title, now.author, now.attempt, now.progress.chunks_flagged].join("|");
    if (shape !== drawn) {
      const hadFocus = actions.contains(document.activeElement);
      drawn = shape;
      card.firstChild.replaceWith(cover(now));
      draw(body, actions, now);
      if (hadFocus) body.querySelector("a").focus();
    }
    progress(body, now);
  };
  card.update(job);
  return card;
}

function draw(body, actions, job) {
  const title = titleOf(job);
  const state = h("div", { class: "state" });
  if (isActive(job)) {
    const bar = h("progress", { max: 100, "aria-label": `Progress of ${title}` });
    state.append(h("span", { class: "told" }), bar);
  } else if (job.state === "failed") {
    state.append(endLine(job), h("span", { class: "line", title: job.error ? explainFailure(job.error) : "" }, job.error ? explainFailure(job.error) : ""));
  } else state.append(endLine(job));
  body.replaceChildren(
    h("h2", {}, h("a", { href: `#/jobs/${job.id}` }, title)),
    h("p", { class: "line" }, job.author ?? " "),
    h("p", { class: "line" }, about(job)),
    state);
  actions.replaceChildren(...buttons(job, title));
}

function progress(body, job) {
  if (!isActive(job)) return;
  setText(body.querySelector(".told"), stateLine(job));
  const bar = body.querySelector("progress");
  if (job.state === "rendering") bar.value = job.progress.percent;
  else if (job.state === "assembling") bar.value = 100;
  else bar.removeAttribute("value");
}

function playLink(job, title) {
  return h("a", { class: "button plain", href: `#/jobs/${job.id}?play`, "aria-label": `Play ${title}` }, icon("play"), "Play");
}

function buttons(job, title) {
  const made = [];
  if (job.state === "succeeded") {
    if (hasSound(job)) made.push(playLink(job, title));
    made.push(downloadLink(job, { isShort: true }));
  } else if (isActive(job)) {
    if (["rendering", "assembling"].includes(job.state) && hasSound(job)) made.push(playLink(job, title));
    made.push(action("stop", "Cancel", `Cancel ${title}`, () => jobs.cancel(job.id)));
  } else made.push(action("again", "Try again", `Try again: ${title}`, () => jobs.retry(job.id)));
  const bin = h("button", { type: "button", class: "plain square last", "aria-label": `Delete ${title}`, title: "Delete", onclick: () => jobs.removeLater(jobs.get(job.id) ?? job) }, icon("bin"));
  return [...made, bin];
}

/** A button that runs one server action at a time and reports errors. */
export function action(sign, text, name, act) {
  const button = h("button", { type: "button", class: "plain", "aria-label": name, onclick: async () => {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try { await act(); } catch (problem) { notice(explain(problem)); }
    button.removeAttribute("aria-disabled");
  } }, sign && icon(sign), text);
  return button;
}
