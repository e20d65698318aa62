// Listening to a finished job: player, text, chapters, and what should be checked by ear.

import { audioOf } from "./artifacts.js";
import { h } from "./dom.js";
import { Mending } from "./mending.js";
import { Player } from "./player.js";
import { Script } from "./script.js";
import { Transcript } from "./transcript.js";
import { clock, explain, titleOf } from "./words.js";

export class Listening {
  #job;
  #script;
  #player = null;
  #transcript;
  #chapters = h("ol");
  #mending;
  #chapter = null;
  #isPlaying;
  #focused = null;

  constructor(job, { isPlaying }) {
    this.#job = job;
    this.#isPlaying = isPlaying;
    this.#script = new Script(job);
    this.#transcript = new Transcript(this.#script, (sentence) => this.hear(sentence));
    const isDelivered = job.state === "succeeded" || job.revision > 1;
    const src = isDelivered ? audioOf(job) : null;
    if (src) this.#player = new Player({
      id: job.id, src, title: titleOf(job), duration: job.progress.audio_s,
      ontime: (seconds) => this.#follow(seconds),
      chapters: () => this.#script.chapters.map((chapter) => chapter.start),
    });
    const side = h("details", { class: "chapters", hidden: true, open: matchMedia("(min-width: 68.75rem)").matches }, h("summary", {}, "Chapters"), this.#chapters);
    this.#mending = new Mending(job, this.#script, {
      hear: (sentence) => { this.#transcript.hold(); this.hear(sentence); },
      quiet: () => { if (this.isPlaying) this.#player.toggle(); },
      accepted: (chunk) => this.#transcript.accept(chunk),
    });
    this.element = h("div", {}, this.#mending.element, h("div", { class: "reading" }, side, this.#transcript.element), this.#player?.element ?? (isDelivered ? this.#unplayable() : null));
    if (this.#player) document.body.classList.add("playing");
  }

  get isPlaying() {
    return this.#player?.isPlaying ?? false;
  }

  /** What somebody is mending, to come back to it once the job is delivered anew. */
  get focused() {
    return this.#mending.focused;
  }

  async load(focused = null) {
    this.#focused = focused;
    if (this.#isPlaying) this.#player?.play();
    try {
      await this.#script.load((isLast) => this.#draw(isLast));
    } catch (problem) {
      if (!problem.code) throw problem;
      this.#transcript.element.replaceChildren(h("p", { class: "fault" }, explain(problem)));
    }
  }

  close() {
    this.#player?.close();
    this.#mending.close();
    this.#transcript.close();
    document.body.classList.remove("playing");
  }

  /** Play from a sentence on. */
  hear(sentence) {
    if (!sentence) return;
    this.#transcript.mark(sentence);
    this.#mending.choose(sentence);
    if (!this.#player) return void this.#mending.play(sentence.chunk);
    this.#player.seek(sentence.start + 0.01);
    this.#player.play();
  }

  #unplayable() {
    const isSilent = this.#job.settings.outputs.every((format) => ["vtt", "srt"].includes(format));
    return h("p", { class: "panel quiet" }, isSilent ? "Only captions were asked for: there is no sound to play." : "This browser plays none of the files. Download one of them above.");
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
    this.#chapter = null;
    const { chapters } = this.#script;
    this.#chapters.replaceChildren(...chapters.map((chapter) => h("li", {}, h("button", { type: "button", "data-number": chapter.number, onclick: () => {
      this.#transcript.hold();
      this.hear(chapter.sentences[0]);
    } }, chapter.name, h("span", { class: "quiet small" }, clock(chapter.start))))));
    this.element.querySelector(".chapters").hidden = chapters.length < 2;
    if (isLast) this.#mending.draw(this.#focused);
    if (this.#player) this.#follow(this.#player.seconds);
    else this.#transcript.show(chapters[0]);
  }
}
