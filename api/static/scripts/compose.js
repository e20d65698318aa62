// New narration: a text or a file, how to read it, and one button.

import { countWords, detectKind, KINDS, suggestTitle } from "./detect.js";
import { h, icon, setText } from "./dom.js";
import { jobs } from "./jobs.js";
import { optionsForm } from "./options.js";
import { planner } from "./planning.js";
import { previewPanel } from "./preview.js";
import { post } from "./server.js";
import { count, explain, isOfOtherLanguage, length, size } from "./words.js";

const WORDS_PER_S = 2.6; // a narrator's usual pace
const MAX_NAME = 60;
let handed = null; // a file that was dropped on another view
const draft = { text: "", file: null }; // kept while another view is shown

export function giveFile(file) {
  handed = file;
}

export function composeView() {
  if (handed) Object.assign(draft, { file: handed });
  handed = null;
  const source = h("section", { class: "source", "aria-label": "What is to be read" });
  const told = h("div", { "aria-live": "polite" });
  const refused = h("div", { "aria-live": "polite" }); // beside the source, before anything is sent
  const button = h("button", { class: "primary", type: "submit" }, icon("wave"), "Narrate");
  const state = { kind: null, sent: null, isSending: false, isInsisting: false };
  const options = optionsForm();
  const preview = previewPanel(() => { state.sent = null; });
  const settingsNow = () => ({ ...options.values(), ...(state.isInsisting && { other_language: "read" }) });
  const plans = planner(() => requestBody(state, settingsNow()), (news) => hear(news));

  const insist = (place) => place.firstChild.append(h("p", {}, h("button", { type: "button", onclick: (press) => {
    Object.assign(state, { isInsisting: true, sent: null });
    submit(press);
  } }, "Read it all the same")));
  const refuse = (place, title, problem) => {
    clear();
    place.replaceChildren(fault(title, explain(problem)));
    if (isOfOtherLanguage(problem)) insist(place);
  };
  const clear = () => { told.replaceChildren(); refused.replaceChildren(); };
  const hear = (news) => {
    if (news === "wait") return preview.wait();
    if (news === null || news instanceof Error) {
      preview.clear();
      // Other problems are reported on submission: they may be fixed by then.
      if (news?.code === "document_invalid") refuse(refused, "It cannot be read.", news);
      return undefined;
    }
    clear();
    preview.show(news);
    tellPlanned(source);
    return undefined;
  };

  const changed = () => { state.sent = null; plans.renew(); };
  const touched = (isTyping = true) => {
    Object.assign(state, { sent: null, isInsisting: false });
    refused.replaceChildren();
    preview.clear();
    plans.renew({ isTyping });
  };
  const drawSource = () => {
    source.replaceChildren(...(draft.file ? chosenFile(draft.file, () => take(null)) : textArea(state, take, touched)), refused, preview.element);
  };
  const take = (file) => {
    draft.file = file;
    clear();
    drawSource();
    touched(false);
    (source.querySelector("textarea") ?? source.querySelector("button")).focus();
  };

  const submit = async (event) => {
    event.preventDefault();
    if (state.isSending) return;
    state.sent ??= jobRequest(state, settingsNow(), plans.current(), preview.chosen());
    if (state.sent === null || preview.isEmpty()) {
      const isText = state.sent === null;
      state.sent = null;
      clear();
      told.replaceChildren(isText ? fault("There is nothing to read yet.", "Paste a text or choose a file first.")
        : fault("No chapter is chosen.", "Choose at least one chapter to be read."));
      if (isText) source.querySelector("textarea").focus();
      return;
    }
    plans.stop();
    state.isSending = true;
    button.setAttribute("aria-disabled", "true");
    setText(button.lastChild, draft.file ? "Sending…" : "One moment…");
    clear();
    try {
      const job = jobs.put(await post("jobs", state.sent.body, { "Idempotency-Key": state.sent.key }));
      plans.drop();
      Object.assign(draft, { text: "", file: null });
      location.hash = `#/jobs/${job.id}`;
    } catch (problem) {
      if (!plans.current()) preview.clear();
      if (problem.fields?.some(({ pointer }) => pointer === "/plan")) {
        changed(); // the plan has expired, but the text is still here
        told.replaceChildren(fault("It was not taken.", "It had been waiting for long and is read anew: press the button again."));
      } else refuse(told, "It was not taken.", problem);
    } finally {
      state.isSending = false;
      button.removeAttribute("aria-disabled");
      setText(button.lastChild, "Narrate");
    }
  };

  const settings = h("div", { class: "settings", onchange: changed }, options.element, h("div", { class: "submit" }, button, told));
  const form = h("form", { class: "compose", onsubmit: submit, novalidate: true },
    h("div", { class: "view-head" }, h("h1", {}, "New narration")), source, settings);
  drawSource();
  if (draft.file || draft.text.trim()) touched(false);
  return {
    title: "New narration",
    element: form,
    shown: () => options.load(),
    back: () => {
      options.load();
      if (!plans.current() && (draft.file || draft.text.trim())) plans.renew();
    },
    dropped: (file) => { take(file); return true; },
  };
}

/** The plan knows better than a count of words: one of both is enough. */
function tellPlanned(source) {
  const count = source.querySelector("#source-count");
  if (count) setText(count, "");
}

/** The last child is a text node, so that it can be replaced alone. */
function textArea(state, take, touched) {
  const kinds = h("select", { "aria-label": "Kind of text", onchange: () => { state.kind = kinds.value; touched(false); } },
    Object.entries(KINDS).map(([value, [name]]) => h("option", { value }, name)));
  const told = h("p", { class: "quiet small", id: "source-count" });
  const below = h("div", {}, kinds);
  const area = h("textarea", { id: "source-text", "aria-describedby": "source-count", spellcheck: "false", placeholder: "Paste or write a text here, or drop a file anywhere." });
  area.value = draft.text;
  const look = () => {
    draft.text = area.value;
    const words = countWords(area.value);
    setText(told, words ? `${count(words, "word")} · about ${length(words / WORDS_PER_S)} of speech` : "Markdown, HTML and SSML are recognised.");
    kinds.value = state.kind ?? detectKind(area.value);
    below.hidden = words === 0;
  };
  area.addEventListener("input", () => { touched(); look(); });
  area.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) { event.preventDefault(); take(file); }
    if (area.value === "") state.kind = null;
  });
  look();
  const picker = h("input", { type: "file", hidden: true, onchange: () => picker.files[0] && take(picker.files[0]) });
  return [h("label", { class: "unseen", for: "source-text" }, "Text to be read"), area,
    h("div", { class: "under" }, told, h("div", { class: "chips" }, below,
      h("button", { type: "button", onclick: () => picker.click() }, icon("page"), "Choose a file"), picker)),
    h("p", { class: "quiet small" }, "Files: EPUB, DOCX, PDF, Markdown, HTML, FB2, SSML, plain text.")];
}

function chosenFile(file, ondrop) {
  return [h("div", { class: "panel chosen" }, icon("page"),
    h("div", {}, h("p", { class: "name" }, file.name), h("p", { class: "quiet small" }, size(file.size))),
    h("button", { type: "button", class: "plain", "aria-label": `Remove ${file.name}`, onclick: ondrop }, "Remove")),
  h("p", { class: "quiet small" }, "To read something else, drop another file here, or remove this one to paste a text.")];
}

/**
 * The request and its idempotency key: however often it is sent, it creates one job. Uses the plan
 * if it matches the current choices; null if there is nothing to read.
 */
function jobRequest(state, settings, plan, chapters) {
  if (chapters) settings.chapters = chapters;
  const body = plan ? { ...settings, plan: plan.id } : requestBody(state, settings);
  return body && { body, key: newKey() };
}

/** The request as a form with a file; a pasted text is sent as a file, too, to give its type. */
function requestBody(state, settings) {
  const body = new FormData();
  if (draft.file) {
    // Without the browser's media type: it only guesses, while the server looks inside.
    body.append("file", new Blob([draft.file]), draft.file.name);
  } else {
    if (!draft.text.trim()) return null;
    const kind = state.kind ?? detectKind(draft.text);
    const title = suggestTitle(draft.text, kind);
    if (title && !settings.title && kind === "text") settings.title = title;
    body.append("file", new Blob([draft.text]), `${plainName(title)}.${KINDS[kind][1]}`);
  }
  body.append("job", JSON.stringify(settings));
  return body;
}

function plainName(title) {
  return title.replaceAll(/[^\p{L}\p{N} ,'’-]+/gu, " ").replaceAll(/\s+/g, " ").trim().slice(0, MAX_NAME) || "Pasted text";
}

function newKey() {
  // Not randomUUID: browsers offer it only on secure origins.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fault(title, text) {
  return h("div", { class: "problem", role: "alert" }, h("strong", {}, title), text);
}
