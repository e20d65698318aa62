// How to read a text: voice, expression, pauses, files, title. Remembered between visits.

import { chips, field, h, setText } from "./dom.js";
import { sample, sampleAddress } from "./sample.js";
import { read } from "./server.js";
import { capital, FORMATS, voiceName } from "./words.js";

const MEMORY = "rhapsode.options";
const USUAL = { voice: "default", outputs: ["m4b"], exaggeration: 0.5, pauses: "usual" };
const PAUSES_MS = { clause_ms: 80, line_ms: 150, sentence_ms: 250, paragraph_ms: 600, heading_ms: 900, chapter_ms: 1800 };
const PACES = { short: ["Short", 0.6], usual: ["As usual", 1], long: ["Long", 1.6] };
const MOODS = [[0.3, "even"], [0.65, "natural"], [0.95, "lively"], [Infinity, "dramatic"]];

export function optionsForm() {
  const chosen = { ...USUAL, ...remembered(), title: "", author: "", seed: "" };
  const ids = new Map(); // voice ids by name
  const voice = h("select", { onchange: () => { chosen.voice = voice.value; heard.rest(); } }, h("option", { value: chosen.voice }, label(chosen.voice)));
  const voiceField = field("Voice", voice, { id: "option-voice" });
  voiceField.querySelector(".help").append(h("a", { href: "#/voices" }, "Add a voice of your own"));
  const title = h("input", { type: "text", maxlength: 200, oninput: () => { chosen.title = title.value.trim(); } });
  const author = h("input", { type: "text", maxlength: 200, oninput: () => { chosen.author = author.value.trim(); } });
  const seed = h("input", { type: "number", min: 0, max: 999_999, step: 1, placeholder: "0", oninput: () => { chosen.seed = seed.value; } });
  const heard = sample(() => `${voiceName(chosen.voice)}, ${mood(chosen.exaggeration)}`, () => sampleAddress(ids.get(chosen.voice) ?? chosen.voice, chosen.exaggeration));
  const element = h("div", { class: "settings" },
    voiceField,
    expression(chosen, heard),
    chips("Pauses", "pauses", Object.entries(PACES).map(([value, [text]]) => [value, text]), chosen.pauses, (value) => { chosen.pauses = value; }),
    formats(chosen),
    h("details", {}, h("summary", {}, "Title, author and more"),
      h("div", { class: "settings" },
        field("Title", title, { id: "option-title", help: "Left empty, it is the document's own." }),
        field("Author", author, { id: "option-author" }),
        field("Reading", seed, { id: "option-seed", help: "Another number, another reading of the same text." }))));
  return {
    element,
    load: () => loadVoices(voice, chosen, ids),
    values: () => {
      const { title: _, author: __, seed: ___, ...kept } = chosen;
      remember(kept);
      return settingsOf(chosen);
    },
  };
}

function settingsOf(chosen) {
  const settings = { voice: chosen.voice, outputs: chosen.outputs, delivery: { exaggeration: chosen.exaggeration } };
  const [, factor] = PACES[chosen.pauses];
  if (factor !== 1) {
    settings.pauses = Object.fromEntries(Object.entries(PAUSES_MS).map(([name, ms]) => [name, Math.round(ms * factor)]));
  }
  if (/^\d{1,6}$/.test(chosen.seed)) settings.seed = Number(chosen.seed);
  if (chosen.title) settings.title = chosen.title;
  if (chosen.author) settings.author = chosen.author;
  return settings;
}

function mood(exaggeration) {
  return MOODS.find(([limit]) => exaggeration <= limit)[1];
}

function expression(chosen, heard) {
  const slider = h("input", { type: "range", id: "option-expression", min: 0, max: 1.3, step: 0.05, oninput: () => {
    chosen.exaggeration = Number(slider.value);
    heard.rest();
    tell();
  } });
  slider.value = chosen.exaggeration;
  const told = h("span", { class: "quiet" });
  const tell = () => {
    setText(told, mood(chosen.exaggeration));
    slider.setAttribute("aria-valuetext", mood(chosen.exaggeration));
  };
  tell();
  return h("div", { class: "field" }, h("label", { for: "option-expression" }, "Expression: ", told), slider,
    h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, "Even"), h("span", {}, "Dramatic")), heard);
}

function formats(chosen) {
  const boxes = Object.entries(FORMATS).map(([value, text]) => {
    const box = h("input", { type: "checkbox", value, checked: chosen.outputs.includes(value), onchange: () => {
      const wanted = Object.keys(FORMATS).filter((format) => (format === value ? box.checked : chosen.outputs.includes(format)));
      if (wanted.length) chosen.outputs = wanted;
      else box.checked = true; // at least one format must be chosen
    } });
    return h("label", { class: "choice" }, box, text);
  });
  return h("fieldset", {}, h("legend", {}, "Files"), h("div", { class: "formats" }, boxes));
}

async function loadVoices(select, chosen, ids) {
  const { items, bundled } = await read("voices").catch(() => ({ items: [], bundled: [] }));
  for (const voice of [...items, ...bundled]) ids.set(voice.name, voice.id);
  const own = items.filter((voice) => voice.state === "ready").map((voice) => voice.name);
  const names = [...new Set(["default", ...bundled.map((voice) => voice.name), ...own])];
  if (!names.includes(chosen.voice)) chosen.voice = "default";
  select.replaceChildren(...names.map((name) => h("option", { value: name }, label(name))));
  select.value = chosen.voice;
}

function label(name) {
  return capital(voiceName(name));
}

function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(MEMORY)) ?? {};
    const isUsable = Array.isArray(kept.outputs) && kept.outputs.every((format) => format in FORMATS) && kept.outputs.length > 0 && kept.pauses in PACES;
    return isUsable ? kept : {};
  } catch {
    return {}; // storage is disabled, or was written by another version
  }
}

function remember(kept) {
  try {
    localStorage.setItem(MEMORY, JSON.stringify(kept));
  } catch { /* storage is disabled: nothing is remembered */ }
}
