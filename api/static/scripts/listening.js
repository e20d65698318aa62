// Listening to a job, finished or still being spoken: player, text, chapters, and what should be checked by ear.

import { audioOf, hasSound } from "./artifacts.js";
import { h, setText } from "./dom.js";
import { isActive } from "./jobs.js";
import { Player } from "./player.js";
import { Script } from "./script.js";
import { Transcript } from "./transcript.js";
import { clock, count, explain, finding, titleOf } from "./words.js";

export class Listening {
  #job;
  #script;
  #player = null;
  #transcript;
  #chapters = h("ol");
  #checks = h("section", { class: "panel checks", hidden: true });
  #chapter = null;
  #isPlaying;

  constructor(job, { isPlaying }) {
    this.#job = job;
    this.#isPlaying = isPlaying;
    this.#script = new Script(job);
    this.#transcript = new Transcript(this.#script, (sentence) => this.hear(sentence));
    const src = isActive(job) ? null : audioOf(job);
    if (hasSound(job)) this.#player = new Player({
      id: job.id, src, title: titleOf(job), duration: job.progress.audio_s,
      ontime: (seconds) => this.#follow(seconds),
      onmore: () => this.#read(),
      chapters: () => this.#script.chapters.map((chapter) => chapter.start),
    });
    const side = h("details", { class: "chapters", hidden: true, open: matchMedia("(min-width: 68.75rem)").matches }, h("summary", {}, "Chapters"), this.#chapters);
    this.element = h("div", {}, this.#checks, h("div", { class: "reading" }, side, this.#transcript.element), this.#player?.element ?? this.#unplayable());
    if (this.#player) document.body.classList.add("playing");
  }

  async load() {
    if (this.#isPlaying) this.#player?.play();
    await this.#read();
  }

  /** Follow a job that is still being spoken; at its end nothing stops. */
  async update(job) {
    const { audio_s, percent } = job.progress;
    this.#job = job;
    this.#player?.expect(percent ? (100 * audio_s) / percent : 0);
    if (isActive(job)) return; // the text grows with what can be heard
    this.#player?.refresh();
    await this.#read();
  }

  /** There is more to hear. */
  hearMore() {
    this.#player?.refresh();
  }

  get attempt() {
    return this.#job.attempt;
  }

  async #read() {
    try {
      await this.#script.load((isAll) => this.#draw(isAll && this.#job.state === "succeeded"));
    } catch (problem) {
      if (!problem.code) throw problem;
      if (this.#script.duration === 0) this.#transcript.element.replaceChildren(h("p", { class: "fault" }, explain(problem)));
    }
  }

  close() {
    this.#player?.close();
    this.#transcript.close();
    document.body.classList.remove("playing");
  }

  /** Play from a sentence on. */
  hear(sentence) {
    if (!sentence) return;
    this.#transcript.mark(sentence);
    this.#player?.seek(sentence.start + 0.01);
    this.#player?.play();
  }

  #unplayable() {
    return h("p", { class: "panel quiet" }, "Only captions were asked for: there is no sound to play.");
  }

  #follow(seconds) {
    const sentence = this.#script.at(seconds);
    if (!sentence) return;
    this.#transcript.mark(sentence, { isFollowing: this.#player?.isPlaying });
    if (this.#chapter === sentence.chapter) return;
    this.#chapter = sentence.chapter;
    for (const button of this.#chapters.querySelectorAll("button")) {
      if (Number(button.dataset.number) === sentence.chapter.number) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  #draw(isLast) {
    const { chapters, flagged } = this.#script;
    if (chapters.length !== this.#chapters.childElementCount) this.#drawChapters(chapters);
    if (isLast && flagged.length) this.#drawChecks(flagged);
    if (this.#player) this.#follow(this.#player.seconds);
    else if (chapters.length) this.#transcript.show(chapters[0]);
  }

  #drawChapters(chapters) {
    this.#chapter = null;
    this.#chapters.replaceChildren(...chapters.map((chapter) => h("li", {}, h("button", { type: "button", "data-number": chapter.number, onclick: () => {
      this.#transcript.hold();
      this.hear(chapter.sentences[0]);
    } }, chapter.name, h("span", { class: "quiet small" }, clock(chapter.start))))));
    this.element.querySelector(".chapters").hidden = chapters.length < 2;
  }

  #drawChecks(flagged) {
    this.#checks.hidden = false;
    this.#checks.replaceChildren(
      h("h2", {}, `${count(flagged.length, "place")} to check by ear`),
      h("p", { class: "quiet small" }, "They were spoken several times and none of the takes passed every check."),
      h("ul", {}, flagged.map((chunk) => this.#check(chunk))));
  }

  #check(chunk) {
    const sentence = this.#script.firstOf(chunk);
    const told = h("p", { class: "told warn small" });
    setText(told, `What was found: ${chunk.findings.map(finding).join("; ") || "it does not sound as it should"}.`);
    return h("li", {}, h("blockquote", {}, chunk.caption), told,
      h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => { this.#transcript.hold(); this.hear(sentence); } }, `Listen at ${clock(sentence.start)}`)));
  }
}
