// Mending by ear: the findings of a sentence, its takes to compare, and the actions.

import { action } from "./card.js";
import { announce, field, h, icon, setText } from "./dom.js";
import { jobs } from "./jobs.js";
import { notice } from "./notices.js";
import { post, read, url } from "./server.js";
import { clock, count, explain, finding, length, sentence as asSentence } from "./words.js";

const TO_CHECK = new Set(["flagged", "failed"]);
const HOW = "Say a sentence again, compare its takes or correct its text: the rest of the sound stays.";
const HOW_ELSE = "If a sentence sounds wrong, choose it in the text, or press the pencil of the player while it is heard.";
const mended = new Map(); // job -> numbers of the chunks that were retaken since the page was opened

/** The sentences of a job that should be checked by ear, each with its actions. */
export class Mending {
  #job;
  #script;
  #on;
  #list = h("ul");
  #title = h("h2", { tabindex: -1 });
  #help = h("p", { class: "quiet small" });
  #sample = new Audio();
  #chosen = null;
  #choose;

  /** `on.hear(sentence)`, `on.quiet()` before a take is played, `on.accepted(chunk)`. */
  constructor(job, script, on) {
    this.#job = job;
    this.#script = script;
    this.#on = on;
    this.#choose = h("button", { type: "button", hidden: true, onclick: () => this.take(this.#chosen) }, icon("again"), "Mend the chosen sentence");
    this.element = h("section", { class: "panel checks", hidden: true, "aria-label": "To check by ear" },
      this.#title,
      this.#help,
      this.#list, h("div", { class: "buttons" }, this.#choose));
  }

  /** The number of the chunk that the user is working on, to return to it. */
  get focused() {
    return document.activeElement?.closest(".check")?.dataset.chunk ?? null;
  }

  close() {
    this.#sample.pause();
  }

  /** Show flagged chunks, and those that were retaken meanwhile. */
  draw(focused = null) {
    const again = mended.get(this.#job.id) ?? new Set();
    const places = this.#script.chunks.filter((chunk) => TO_CHECK.has(chunk.state) || again.has(chunk.index));
    this.#list.replaceChildren(...places.map((chunk) => this.#place(chunk)));
    this.element.hidden = false;
    this.#show();
    if (focused !== null) this.#focus(focused);
  }

  /** Offer to mend a sentence that is not flagged. */
  choose(sentence) {
    this.#chosen = sentence;
    this.#choose.hidden = Boolean(this.#item(sentence.chunk.index));
  }

  /** Open a sentence to be mended, as if it had been found. */
  take({ chunk }) {
    if (this.#item(chunk.index)) this.#focus(chunk.index);
    else this.#add(chunk);
  }

  #show() {
    const [all, left] = [this.#list.children.length, this.#list.querySelectorAll(".to-check").length];
    setText(this.#title, left ? `${count(left, "place")} to check by ear` : all ? "Mend by ear" : "Nothing to check");
    setText(this.#help, all ? HOW : `${HOW_ELSE} ${HOW}`);
  }

  #item(index) {
    return this.#list.querySelector(`[data-chunk="${index}"]`);
  }

  #focus(index) {
    const item = this.#item(index);
    // The buttons of a sentence that is being said again are hidden.
    const target = item ? item.querySelector(".buttons:not([hidden]) button") ?? item : this.#list.querySelector("button") ?? this.#title;
    target.focus();
  }

  #add(chunk) {
    this.#list.append(this.#place(chunk));
    this.#choose.hidden = true;
    this.#show();
    this.#focus(chunk.index);
  }

  #place(chunk) {
    const where = this.#script.firstOf(chunk);
    const told = h("p", { class: "told warn small" });
    const isAgain = mended.get(this.#job.id)?.has(chunk.index);
    setText(told, chunk.state === "failed" ? "It could not be said at all. Correct the text, or try once more." : chunk.state === "flagged" ? `What was found: ${chunk.findings.map(finding).join("; ") || "it does not sound as it should"}.`
      : isAgain ? "It was said again, and nothing was found." : "Nothing was found here.");
    if (!TO_CHECK.has(chunk.state)) told.classList.replace("warn", "good");
    const name = chunk.caption.slice(0, 60);
    const takes = h("details", { class: "takes", ontoggle: () => takes.open && this.#loadTakes(chunk, takes) },
      h("summary", {}, "Compare takes"), h("ul"));
    const item = h("li", { class: TO_CHECK.has(chunk.state) ? "check to-check" : "check", tabindex: -1, "data-chunk": chunk.index },
      h("blockquote", {}, chunk.caption), told,
      h("div", { class: "buttons" },
        chunk.duration_s !== null && h("button", { type: "button", onclick: () => this.#on.hear(where) }, `Listen at ${clock(where?.start ?? 0)}`),
        plain(action("again", "Say it again", `Say it again: ${name}`, () => this.#retake(chunk, item, {}))),
        chunk.state === "flagged" && plain(action("check", "Keep it as it is", `Keep it as it is: ${name}`, () => this.#accept(chunk, item)))),
      takes, this.#correction(chunk, () => item));
    if (isAgain) takes.open = true;
    return item;
  }

  #correction(chunk, itemOf) {
    const text = h("textarea", { rows: 3, maxlength: 1000 });
    text.value = chunk.spoken_text;
    const box = field("How it is to be said", text, { id: `say-${chunk.index}`, help: "Write it as it sounds: “Doctor Smith”, “nineteen eighty-four”. The captions stay as they are." });
    const say = plain(action("again", "Say it so", `Say it so: ${chunk.caption.slice(0, 60)}`, async () => {
      box.fault("");
      try {
        await this.#retake(chunk, itemOf(), { spoken_text: text.value });
      } catch (problem) {
        if (problem.code !== "invalid_request") throw problem;
        box.fault(asSentence(problem.fields[0]?.detail ?? problem.message));
        text.focus();
      }
    }));
    return h("details", { class: "correction" }, h("summary", {}, "Correct the text"), box, h("div", { class: "buttons" }, say));
  }

  async #retake(chunk, item, body) {
    const job = await post(`jobs/${this.#job.id}/chunks/${chunk.index}/retake`, body);
    this.#noteMended(chunk);
    this.#wait(item, "It is being said again. In a few seconds it is part of the whole.");
    jobs.put(job);
  }

  async #accept(chunk, item) {
    const job = await post(`jobs/${this.#job.id}/chunks/${chunk.index}/accept`);
    chunk.state = "accepted";
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.#show();
    announce("Kept as it is.");
    (next?.querySelector("button") ?? this.#title).focus();
    this.#on.accepted(chunk);
    jobs.put(job);
  }

  async #useTake(chunk, item, number) {
    const job = await post(`jobs/${this.#job.id}/chunks/${chunk.index}/accept`, { take: number });
    this.#noteMended(chunk);
    this.#wait(item, "This take is put into its place. In a few seconds it is part of the whole.");
    jobs.put(job);
  }

  async #loadTakes(chunk, box) {
    const list = box.querySelector("ul");
    try {
      const { items } = await read(`jobs/${this.#job.id}/chunks/${chunk.index}/takes`);
      list.replaceChildren(...items.map((take, place) => this.#take(chunk, take, place + 1)));
    } catch (problem) {
      list.replaceChildren(h("li", { class: "fault" }, explain(problem)));
    }
  }

  #take(chunk, take, place) {
    const found = take.findings.map(finding).join("; ") || "nothing was found";
    const name = `Take ${place}`;
    const hear = h("button", { type: "button", class: "square plain", "aria-label": `Hear take ${place}`, onclick: () => this.play(chunk, take.number) }, icon("play"));
    return h("li", {}, hear, h("span", {}, `${name} · ${length(take.duration_s)} · ${found}`),
      take.is_kept ? h("span", { class: "told good small" }, icon("check"), "in use")
        : plain(action(null, "Use this one", `Use take ${place}`, () => this.#useTake(chunk, this.#item(chunk.index), take.number))));
  }

  /** Play a chunk by itself: the take that is kept, or another. */
  play(chunk, number = null) {
    this.#on.quiet();
    this.#sample.src = url(`jobs/${this.#job.id}/chunks/${chunk.index}/audio${number === null ? "" : `?take=${number}`}`);
    this.#sample.play().catch((error) => {
      if (error.name !== "AbortError") notice("This take cannot be heard. Have it said again.");
    });
  }

  #noteMended(chunk) {
    mended.set(this.#job.id, (mended.get(this.#job.id) ?? new Set()).add(chunk.index));
  }

  #wait(item, text) {
    setText(item.querySelector(".told"), text);
    for (const part of item.querySelectorAll(".buttons, details")) part.hidden = true; // until the new take is there
    item.focus();
    announce(text);
  }
}

function plain(button) {
  button.classList.remove("plain");
  return button;
}
