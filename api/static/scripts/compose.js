// New narration: a text or a file, how it shall be read, and one button.

import { countWords, detectKind, KINDS, suggestTitle } from "./detect.js";
import { h, icon, setText } from "./dom.js";
import { jobs } from "./jobs.js";
import { optionsForm } from "./options.js";
import { post } from "./server.js";
import { count, explain, isOfOtherLanguage, length, size } from "./words.js";

const WORDS_PER_S = 2.6; // a narrator's usual pace
const MAX_NAME = 60;
let handed = null; // a file that was dropped elsewhere
const draft = { text: "", file: null }; // kept while one looks at another view

export function giveFile(file) {
  handed = file;
}

export function composeView() {
  if (handed) Object.assign(draft, { file: handed });
  handed = null;
  const source = h("section", { class: "source", "aria-label": "What is to be read" });
  const options = optionsForm();
  const told = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "primary", type: "submit" }, icon("wave"), "Narrate");
  const state = { kind: null, key: null, isSending: false, isInsisting: false };
  const touched = () => Object.assign(state, { key: null, isInsisting: false });

  const drawSource = () => {
    touched();
    source.replaceChildren(...(draft.file ? chosenFile(draft.file, () => take(null)) : textArea(state, take, touched)));
  };
  const take = (file) => {
    draft.file = file;
    told.replaceChildren();
    drawSource();
    (source.querySelector("textarea") ?? source.querySelector("button")).focus();
  };

  const submit = async (event) => {
    event.preventDefault();
    if (state.isSending) return;
    const settings = options.values();
    if (state.isInsisting) settings.other_language = "read";
    const body = requestBody(state, settings);
    if (body === null) {
      told.replaceChildren(fault("There is nothing to read yet.", "Paste a text or choose a file first."));
      source.querySelector("textarea").focus();
      return;
    }
    state.isSending = true;
    button.setAttribute("aria-disabled", "true");
    setText(button.lastChild, draft.file ? "Sending…" : "One moment…");
    told.replaceChildren();
    // The same key until something is changed: however often it is sent, it becomes one job.
    state.key ??= newKey();
    try {
      const job = jobs.put(await post("jobs", body, { "Idempotency-Key": state.key }));
      Object.assign(draft, { text: "", file: null });
      location.hash = `#/jobs/${job.id}`;
    } catch (problem) {
      told.replaceChildren(fault("It was not taken.", explain(problem)));
      if (isOfOtherLanguage(problem)) told.firstChild.append(h("p", {}, h("button", { type: "button", onclick: (press) => {
        Object.assign(state, { isInsisting: true, key: null });
        submit(press);
      } }, "Read it all the same")));
    } finally {
      state.isSending = false;
      button.removeAttribute("aria-disabled");
      setText(button.lastChild, "Narrate");
    }
  };

  const form = h("form", { class: "compose", onsubmit: submit, onchange: touched, novalidate: true },
    h("div", { class: "view-head" }, h("h1", {}, "New narration")), source,
    h("div", { class: "settings" }, options.element, h("div", { class: "submit" }, button, told)));
  drawSource();
  return {
    title: "New narration",
    element: form,
    shown: () => options.load(),
    dropped: (file) => { take(file); return true; },
  };
}

/** The last child is a text node, so that it can be replaced alone. */
function textArea(state, take, touched) {
  const kinds = h("select", { "aria-label": "Kind of text", onchange: () => { state.kind = kinds.value; } },
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

/** The request as a form with a file: a pasted text is one, too, so that its kind is known. */
function requestBody(state, settings) {
  const body = new FormData();
  if (draft.file) {
    // Without a type of the browser's: it guesses by its own tables, the server looks inside.
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
  // Not randomUUID: browsers have it on secure addresses only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fault(title, text) {
  return h("div", { class: "problem", role: "alert" }, h("strong", {}, title), text);
}
