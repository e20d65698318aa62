// How a document was read: warnings, omissions and their reasons, in plain words.

import { h, icon } from "./dom.js";
import { count, sentence, troubleOf } from "./words.js";

const REASONS = {
  boilerplate: "licences and notices of the publisher",
  code: "program code",
  contents: "tables of contents",
  copyright: "copyright pages",
  foreign: "text in other languages",
  hidden: "hidden text",
  html: "HTML code",
  image: "pictures",
  index: "the index",
  left_out: "chapters that were not chosen",
  line_number: "line numbers",
  navigation: "menus and footers",
  note: "footnotes",
  number_table: "tables of numbers",
  page_number: "page numbers",
  ruby: "reading aids",
  running_head: "running heads",
  unspeakable: "characters that have no sound",
};
/** Marks that nobody would expect to hear are told only where much was left out. */
const SILENT = new Set(["html"]);
/** Warnings that the server tells with its own names; the others are sentences for people already. */
const WARNINGS = {
  text_skipped: ({ detail }) => `${detail.replace(/ \(.*$/, "")}. Listen to a part of it before you narrate it all`,
  other_language: () => "The text does not seem to be English. The voices speak English only, and will mispronounce it",
  foreign_passages: (_, { foreign = [] }) => `Some passages are in another language${foreign.length ? ` (${listed(languages(foreign))})` : ""}, and will be mispronounced`,
  cover_not_used: () => "The cover is not put into the files: it is too large, or neither JPEG nor PNG",
};
const LEAST_CHARACTERS = 3;
const MOST_WARNINGS = 8;

/** What a listener should know before listening; null if nothing. */
export function readingNotes(job) {
  const warnings = job.warnings.filter((warning) => !warning.code.startsWith("chunks_") && warning !== troubleOf(job)).slice(0, MOST_WARNINGS);
  const isMuch = warnings.some(({ code }) => code === "text_skipped");
  const skipped = Object.entries(job.reading?.skipped ?? {}).filter(([reason, size]) => reason in REASONS && size >= LEAST_CHARACTERS && (isMuch || !SILENT.has(reason)));
  if (warnings.length === 0 && skipped.length === 0) return null;
  return h("details", { class: "panel reading-notes", open: warnings.length > 0 },
    h("summary", {}, warnings.length ? `${count(warnings.length, "thing")} to know about the text` : "What is not read aloud"),
    warnings.length > 0 && h("ul", { class: "warnings" }, warnings.map((warning) => h("li", { class: "told warn" }, icon("warn"), h("span", {}, sentence(WARNINGS[warning.code]?.(warning, job.reading ?? {}) ?? warning.detail))))),
    skipped.length > 0 && h("p", {}, `Left out: ${listed(skipped.map(([reason]) => REASONS[reason]))}.`));
}

/** "12,043 words in 12 chapters"; empty until the text has been read. */
export function readingLine(job) {
  const { reading } = job;
  if (!reading) return "";
  const words = count(reading.words, "word");
  return reading.chapters_total > 1 ? `${words} in ${count(reading.chapters_total, "chapter")}` : words;
}

/** The languages of some passages, each once, by their English names. */
function languages(passages) {
  const names = new Intl.DisplayNames(["en"], { type: "language" });
  return [...new Set(passages.map(({ language }) => names.of(language)))];
}

function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
