// The text beside the player: one chapter at a time, with the current sentence marked.

import { h } from "./dom.js";
import { finding } from "./words.js";

const KEYS = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 };

export class Transcript {
  #script;
  #onchoose;
  #chapter = null;
  #drawn = 0;
  #current = null;
  #hasHold = true; // until the reader scrolls away, the text follows the sound

  /** `onchoose(sentence)` is called for the sentence that the user wants to hear. */
  constructor(script, onchoose) {
    this.#script = script;
    this.#onchoose = onchoose;
    this.element = h("section", { class: "text", "aria-label": "Text",
      onclick: (event) => this.#choose(event.target),
      onkeydown: (event) => this.#key(event) });
    addEventListener("wheel", this.#letGo, { passive: true });
    addEventListener("touchmove", this.#letGo, { passive: true });
  }

  close() {
    removeEventListener("wheel", this.#letGo);
    removeEventListener("touchmove", this.#letGo);
  }

  #letGo = () => { this.#hasHold = false; };

  /** Show the chapter of a sentence, and mark the sentence. */
  mark(sentence, { isFollowing = true } = {}) {
    if (!sentence) return;
    this.show(sentence.chapter);
    if (this.#current === sentence.index) return;
    this.#span(this.#current)?.removeAttribute("aria-current");
    for (const other of this.element.querySelectorAll(".sentence[tabindex='0']")) other.tabIndex = -1;
    this.#current = sentence.index;
    const span = this.#span(sentence.index);
    if (!span) return;
    span.setAttribute("aria-current", "true");
    span.tabIndex = 0;
    if (isFollowing && this.#hasHold) follow(span);
  }

  /** Remove the mark from a sentence that the user has accepted. */
  accept(chunk) {
    for (const span of this.element.querySelectorAll(".sentence.flagged")) {
      if (this.#script.sentence(Number(span.dataset.index)).chunk !== chunk) continue;
      span.classList.remove("flagged");
      span.removeAttribute("title");
      span.querySelector(".unseen")?.remove();
    }
  }

  /** Make the text follow the sound again. */
  hold() {
    this.#hasHold = true;
  }

  show(chapter) {
    if (!chapter || (this.#chapter === chapter && this.#drawn === chapter.sentences.length)) return;
    if (this.#chapter !== chapter) {
      this.element.replaceChildren();
      this.#drawn = 0;
      this.#current = null;
    }
    this.#chapter = chapter;
    const isWithin = this.#drawn > 0 && !chapter.sentences[this.#drawn - 1].endsParagraph;
    let paragraph = isWithin ? this.element.lastElementChild : null;
    for (const sentence of chapter.sentences.slice(this.#drawn)) {
      if (!paragraph) this.element.append((paragraph = h("p", { class: isHeading(sentence) ? "heading" : null })));
      paragraph.append(spanOf(sentence), " ");
      if (sentence.endsParagraph) paragraph = null;
    }
    this.#drawn = chapter.sentences.length;
    const first = this.element.querySelector(".sentence");
    if (first && !this.element.querySelector("[tabindex='0']")) first.tabIndex = 0;
  }

  #span(index) {
    return index === null ? null : this.element.querySelector(`[data-index="${index}"]`);
  }

  #choose(target) {
    const span = target.closest(".sentence");
    if (!span || !getSelection().isCollapsed) return;
    this.hold();
    this.#onchoose(this.#script.sentence(Number(span.dataset.index)));
  }

  #key(event) {
    const span = event.target.closest(".sentence");
    if (!span || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      this.#choose(span);
    } else if (event.key in KEYS) {
      const next = this.#span(Number(span.dataset.index) + KEYS[event.key]);
      if (!next) return;
      event.preventDefault();
      event.stopPropagation();
      span.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  }
}

/** Whether a sentence is the name of its chapter, standing by itself. */
function isHeading(sentence) {
  const { chapter, endsParagraph, text } = sentence;
  return endsParagraph && chapter.name === text && chapter.sentences[0] === sentence;
}

function spanOf(sentence) {
  const { chunk } = sentence;
  const isFlagged = chunk.state === "flagged";
  const span = h("span", { class: `sentence${isFlagged ? " flagged" : ""}`, role: "button", tabindex: -1, "data-index": sentence.index }, sentence.text);
  if (isFlagged) {
    const told = chunk.findings.map(finding).join("; ");
    span.title = told;
    span.append(h("span", { class: "unseen" }, ` (to check: ${told})`));
  }
  return span;
}

function follow(span) {
  const { top, bottom } = span.getBoundingClientRect();
  if (top >= innerHeight * 0.12 && bottom <= innerHeight * 0.7) return;
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  span.scrollIntoView({ block: "center", behavior: isStill ? "auto" : "smooth" });
}
