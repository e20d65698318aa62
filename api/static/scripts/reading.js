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
const LEAST_CHARACTERS = 3;
const MOST_WARNINGS = 8;

/** What a listener should know before listening; null if nothing. */
export function readingNotes(job) {
  const warnings = job.warnings.filter((warning) => !warning.code.startsWith("chunks_") && warning !== troubleOf(job)).slice(0, MOST_WARNINGS);
  const skipped = Object.entries(job.reading?.skipped ?? {}).filter(([reason, size]) => reason in REASONS && size >= LEAST_CHARACTERS);
  if (warnings.length === 0 && skipped.length === 0) return null;
  return h("details", { class: "panel reading-notes", open: warnings.length > 0 },
    h("summary", {}, warnings.length ? `${count(warnings.length, "thing")} to know about the text` : "What is not read aloud"),
    warnings.length > 0 && h("ul", { class: "warnings" }, warnings.map(({ detail }) => h("li", { class: "told warn" }, icon("warn"), h("span", {}, sentence(detail))))),
    skipped.length > 0 && h("p", {}, `Left out: ${listed(skipped.map(([reason]) => REASONS[reason]))}.`));
}

/** "12,043 words in 12 chapters"; empty until the text has been read. */
export function readingLine(job) {
  const { reading } = job;
  if (!reading) return "";
  const words = count(reading.words, "word");
  return reading.chapters_total > 1 ? `${words} in ${count(reading.chapters_total, "chapter")}` : words;
}

function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
