// Preview: what a text would become, and a choice of its chapters.

import { h, setText } from "./dom.js";
import { readingNotes } from "./reading.js";
import { count, length } from "./words.js";

/** A panel that shows plans of one source at a time; `onchoose` is called on every choice. */
export function previewPanel(onchoose) {
  const totals = h("p", { class: "totals", role: "status" });
  const notes = h("div", {});
  const list = h("div", {});
  const element = h("section", { class: "preview", "aria-label": "What will be made", hidden: true }, totals, notes, list);
  const state = { plan: null, left: new Set() };

  const tell = () => setText(totals, summary(state.plan, state.left));
  const draw = () => {
    notes.replaceChildren(...[readingNotes(state.plan)].filter(Boolean));
    list.replaceChildren(...(state.plan.chapters_total > 1 ? [chapterList(state, () => { tell(); onchoose(); })] : []));
    tell();
  };
  return {
    element,
    /** The numbers of the chapters to read; null if all are. */
    chosen: () => (state.plan && state.left.size > 0 ? chosenNumbers(state.plan, state.left) : null),
    isEmpty: () => state.plan !== null && state.left.size >= state.plan.chapters_total,
    wait: () => {
      element.hidden = false;
      setText(totals, "Reading…");
    },
    show: (plan) => {
      state.plan = plan;
      element.hidden = false;
      draw();
    },
    clear: () => {
      Object.assign(state, { plan: null, left: new Set() });
      element.hidden = true;
      for (const part of [notes, list]) part.replaceChildren();
      setText(totals, "");
    },
  };
}

/** "665 words in 2 chapters · about 4 min of speech · spoken in about 20 s". */
function summary(plan, left) {
  const read = plan.chapters.filter(({ number }) => !left.has(number));
  const sum = (name) => read.reduce((whole, chapter) => whole + (chapter[name] ?? 0), 0);
  const isWhole = left.size === 0;
  const words = isWhole ? plan.reading.words : sum("words");
  const audio = isWhole ? plan.estimate.audio_s : sum("audio_s");
  const cached = isWhole ? plan.estimate.cached_s : sum("cached_s");
  const chapters = plan.chapters_total - left.size;
  if (chapters === 0) return "No chapter is chosen.";
  const told = [plan.chapters_total > 1 ? `${count(words, "word")} in ${count(chapters, "chapter")}` : count(words, "word")];
  told.push(`about ${length(audio)} of speech`);
  if (cached >= 1) told.push(cached >= audio * 0.995 ? "all of it was spoken before" : `${length(cached)} of it were spoken before`);
  told.push(time(plan.estimate, audio - (cached ?? 0)));
  return told.join(" · ");
}

function time({ audio_s, cached_s, rendering_s }, left_s) {
  if (left_s <= audio_s * 0.005) return "ready at once";
  if (rendering_s === null) return "how long it takes is not known yet";
  const whole_s = audio_s - cached_s;
  return `spoken in about ${length((rendering_s * left_s) / whole_s)}`;
}

function chosenNumbers(plan, left) {
  // Chapters beyond the listed ones cannot be deselected here.
  return Array.from({ length: plan.chapters_total }, (_, place) => place + 1).filter((number) => !left.has(number));
}

function chapterList(state, changed) {
  const { plan, left } = state;
  const boxes = plan.chapters.map((chapter) => {
    const box = h("input", { type: "checkbox", checked: !left.has(chapter.number), onchange: () => {
      if (box.checked) left.delete(chapter.number);
      else left.add(chapter.number);
      changed();
    } });
    return [box, chapter];
  });
  const all = (isChosen) => () => {
    for (const [box, { number }] of boxes) {
      box.checked = isChosen;
      if (isChosen) left.delete(number);
      else left.add(number);
    }
    changed();
  };
  const rows = boxes.map(([box, chapter]) => h("li", {}, h("label", { class: "choice" }, box,
    h("span", { class: "name" }, chapter.part ? `${chapter.part}: ${chapter.title}` : chapter.title),
    h("span", { class: "quiet small" }, chapter.chunks ? `${count(chapter.words, "word")}, ${length(chapter.audio_s)}` : "nothing to read"))));
  const unlisted = plan.chapters_total - plan.chapters.length;
  // The choice is not a form setting, so the text need not be planned again.
  return h("fieldset", { class: "panel chapters", onchange: (event) => event.stopPropagation() }, h("legend", {}, "Chapters"),
    h("div", { class: "chips" },
      h("button", { type: "button", class: "plain", onclick: all(true) }, "Choose all"),
      h("button", { type: "button", class: "plain", onclick: all(false) }, "Choose none")),
    h("ol", {}, rows),
    unlisted > 0 && h("p", { class: "quiet small" }, `The other ${count(unlisted, "chapter")} are read, too.`));
}
