// Listening to a job, finished or still being spoken: player, text, chapters, and flagged sentences.

import { audioOf, hasSound } from "./artifacts.js";
import { h } from "./dom.js";
import { isActive } from "./jobs.js";
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
    if (hasSound(job) && (isDelivered || isActive(job))) this.#player = new Player({
      id: job.id, src, title: titleOf(job), duration: job.progress.audio_s,
      ontime: (seconds) => this.#follow(seconds),
      onmore: () => this.#read(),
      onmend: () => this.#mend(),
      chapters: () => this.#script.chapters.map((chapter) => chapter.start),
    });
    const side = h("details", { class: "chapters", hidden: true, open: matchMedia("(min-width: 68.75rem)").matches }, h("summary", {}, "Chapters"), this.#chapters);
    this.#mending = new Mending(job, this.#script, {
      hear: (sentence) => { this.#transcript.hold(); this.hear(sentence); },
      quiet: () => { if (this.isPlaying) this.#player.toggle(); },
      accepted: (chunk) => this.#transcript.accept(chunk),
    });
    this.element = h("div", { class: "listening" }, this.#mending.element, h("div", { class: "reading" }, side, this.#transcript.element), this.#player?.element ?? (isDelivered ? this.#unplayable() : null));
    if (this.#player) document.body.classList.add("playing");
  }

  get isPlaying() {
    return this.#player?.isPlaying ?? false;
  }

  /** What the user is mending, to return to it once the job is delivered again. */
  get focused() {
    return this.#mending.focused;
  }

  async load(focused = null) {
    this.#focused = focused;
    if (this.#isPlaying) this.#player?.play();
    await this.#read();
  }

  /** Follow a job that is still being spoken; playback continues when it is finished. */
  async update(job) {
    const { audio_s, percent } = job.progress;
    this.#job = job;
    this.#player?.expect(percent ? (100 * audio_s) / percent : 0);
    if (isActive(job)) return; // the text grows with the playable audio
    this.#player?.refresh();
    await this.#read();
  }

  /** More audio is available. */
  hearMore() {
    this.#player?.refresh();
  }

  /** The server is back: read what could not be read. */
  async again() {
    this.#player?.again();
    if (this.#script.duration > 0) return;
    this.#transcript.element.replaceChildren();
    await this.#read();
  }

  get attempt() {
    return this.#job.attempt;
  }

  get revision() {
    return this.#job.revision;
  }

  /** Whether it is being spoken for the first time. */
  get #isLive() {
    return isActive(this.#job) && this.#job.revision === 1;
  }

  async #read() {
    try {
      await this.#script.load((isAll) => this.#draw(isAll && !this.#isLive));
    } catch (problem) {
      if (!problem.code) throw problem;
      if (this.#script.duration === 0) this.#transcript.element.replaceChildren(h("p", { class: "fault" }, explain(problem)));
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

  /** Mend the sentence that is marked; the text rests meanwhile. */
  #mend() {
    const sentence = this.#script.at(this.#player.seconds);
    if (!sentence) return;
    if (this.isPlaying) this.#player.toggle();
    this.#mending.take(sentence);
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
    const { chapters } = this.#script;
    if (chapters.length !== this.#chapters.childElementCount) this.#drawChapters(chapters);
    if (isLast) {
      this.#mending.draw(this.#focused);
      if (this.#player) this.#player.mend.hidden = false;
      this.#focused = null;
    }
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
}
