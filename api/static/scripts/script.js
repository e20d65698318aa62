// What was spoken, sentence by sentence, and when: read from the chunks of a job.

import { read } from "./server.js";

const PAGE = 100;
const LONGEST_NAME = 80;
const segmenter = "Segmenter" in Intl ? new Intl.Segmenter("en", { granularity: "sentence" }) : null;

/**
 * The text of a job, as far as it is spoken.
 *
 * chapters: { number, name, start, sentences }; sentences: { index, text, start, end, chunk,
 * endsParagraph }; the chunks themselves are in `chunks`.
 */
export class Script {
  chapters = [];
  chunks = [];
  duration = 0;
  #cursor = null;
  #isLoading = false;
  #isWanted = false;
  #paragraphMs;
  #names;
  #sentences = [];

  constructor(job) {
    this.id = job.id;
    this.#names = job.reading?.chapters.map(({ title }) => title) ?? [];
    this.#paragraphMs = job.settings.pauses.paragraph_ms;
  }

  /** Read on to the first chunk that is not spoken yet; `onmore(isAll)` is called after each page. */
  async load(onmore) {
    this.#isWanted = true; // a running read then continues
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      for (let isMore = true; isMore || this.#isWanted;) {
        this.#isWanted = false;
        const page = await read(`jobs/${this.id}/chunks?limit=${PAGE}${this.#cursor === null ? "" : `&cursor=${this.#cursor}`}`);
        const unspoken = page.items.findIndex((chunk) => chunk.duration_s === null);
        const spoken = unspoken < 0 ? page.items : page.items.slice(0, unspoken);
        spoken.forEach((chunk) => this.#add(chunk));
        this.#cursor = spoken.at(-1)?.index ?? this.#cursor;
        isMore = unspoken < 0 && page.next_cursor !== null;
        onmore(unspoken < 0 && !isMore);
      }
    } finally {
      this.#isLoading = false;
    }
  }

  /** The sentence that is spoken at a given time, or the last one before it. */
  at(seconds) {
    let [low, high] = [0, this.#sentences.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#sentences[middle].start <= seconds) low = middle;
      else high = middle - 1;
    }
    return this.#sentences[low] ?? null;
  }

  sentence(index) {
    return this.#sentences[index] ?? null;
  }

  firstOf(chunk) {
    return this.#sentences.find((sentence) => sentence.chunk === chunk) ?? null;
  }

  #add(chunk) {
    const start = this.duration;
    const spoken = chunk.duration_s ?? 0;
    let chapter = this.chapters.at(-1);
    if (chapter?.number !== chunk.chapter) {
      chapter = { number: chunk.chapter, name: this.#names[chunk.chapter] ?? nameOf(chunk, this.chapters.length + 1), start, sentences: [] };
      this.chapters.push(chapter);
    }
    const texts = sentencesOf(chunk.caption);
    const total = texts.reduce((sum, text) => sum + text.length, 0) || 1;
    let said = 0;
    texts.forEach((text, place) => {
      const from = start + (spoken * said) / total;
      said += text.length;
      const isLast = place === texts.length - 1;
      const sentence = {
        index: this.#sentences.length, text, start: from, end: start + (spoken * said) / total, chunk, chapter,
        endsParagraph: isLast && chunk.pause_after_ms >= this.#paragraphMs,
      };
      this.#sentences.push(sentence);
      chapter.sentences.push(sentence);
    });
    this.chunks.push(chunk);
    this.duration = start + spoken + chunk.pause_after_ms / 1000;
  }
}

function sentencesOf(text) {
  const parts = segmenter ? [...segmenter.segment(text)].map(({ segment }) => segment) : [text];
  return parts.map((part) => part.replaceAll(/\s+/g, " ").trim()).filter(Boolean);
}

/** The heading that a chapter starts with, or its number if it has none. */
function nameOf(chunk, number) {
  const text = chunk.caption;
  return text.length <= LONGEST_NAME && !/[,;]$/.test(text) ? text : `Part ${number}`;
}
