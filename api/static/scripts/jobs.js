// The page's copy of the jobs, kept up to date; views listen for its events.

import { TimeLeft } from "./eta.js";
import { listen } from "./live.js";
import { notice } from "./notices.js";
import { pause, post, read, remove, url } from "./server.js";
import { explain, titleOf } from "./words.js";

export const ACTIVE = ["queued", "planning", "rendering", "assembling"];
const CALM_MS = 30_000; // besides the event stream, in case an event was missed
const BUSY_MS = 1500;
const IDLE_MS = 6000;
const ACTIVE_QUERY = `jobs?limit=100&${ACTIVE.map((state) => `state=${state}`).join("&")}`;

export const isActive = (job) => ACTIVE.includes(job.state);

class Jobs extends EventTarget {
  #known = new Map();
  #left = new Map();
  #leaving = new Map(); // jobs that will be deleted unless the user clicks undo
  #isFollowing = false;

  get(id) {
    return this.#known.get(id) ?? null;
  }

  /** The unfinished jobs that the page knows. */
  active() {
    return [...this.#known.values()].filter(isActive);
  }

  isLeaving(id) {
    return this.#leaving.has(id);
  }

  timeLeft(id) {
    return this.#left.get(id)?.seconds ?? null;
  }

  /** Store a job as received from the server, and notify the views. */
  put(job) {
    const isNew = !this.#known.has(job.id);
    this.#known.set(job.id, job);
    if (isActive(job)) {
      const left = this.#left.get(job.id) ?? { reckoner: new TimeLeft(), seconds: null };
      left.seconds = left.reckoner.update(job);
      this.#left.set(job.id, left);
    } else this.#left.delete(job.id);
    this.#tell("job", { job, isNew });
    return job;
  }

  drop(id) {
    this.#known.delete(id);
    this.#left.delete(id);
    this.#tell("gone", { id });
  }

  async load(id) {
    return this.put(await read(`jobs/${id}`));
  }

  async cancel(id) {
    return this.put(await post(`jobs/${id}/cancel`));
  }

  async retry(id) {
    return this.put(await post(`jobs/${id}/retry`));
  }

  /** Hide a job at once, and delete it once it can no longer be undone. */
  removeLater(job) {
    this.#leaving.set(job.id, job);
    this.#tell("gone", { id: job.id });
    notice(`“${titleOf(job)}” deleted.`, {
      action: "Undo",
      onaction: () => this.#restore(job),
      onend: () => this.#remove(job),
    });
  }

  /** Carry out pending deletions before the page closes. */
  settle() {
    for (const id of this.#leaving.keys()) {
      // No response is awaited; a job that is canceled too slowly for this stays, canceled.
      if (isActive(this.#known.get(id))) fetch(url(`jobs/${id}/cancel`), { method: "POST", keepalive: true });
      fetch(url(`jobs/${id}`), { method: "DELETE", keepalive: true });
    }
  }

  #restore(job) {
    this.#leaving.delete(job.id);
    this.#tell("restored", { job: this.#known.get(job.id) ?? job });
  }

  async #remove(job) {
    try {
      if (isActive(this.#known.get(job.id) ?? job)) await post(`jobs/${job.id}/cancel`);
      await remove(`jobs/${job.id}`);
      this.#leaving.delete(job.id);
      this.drop(job.id);
    } catch (problem) {
      this.#leaving.delete(job.id);
      if (problem.code === "not_found") return this.drop(job.id);
      notice(`“${titleOf(job)}” could not be deleted. ${explain(problem)}`);
      this.#restore(job);
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Keep every unfinished job up to date as long as the page is open. */
  async follow() {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    const isTold = listen({
      onprogress: (id, data) => this.#progress(id, data),
      onchange: (id) => this.load(id).catch(() => null), // the next round tries again
      onpart: (id) => this.#tell("part", { id }),
      ondeleted: (id) => this.drop(id),
    });
    for (;;) {
      let isBusy = false;
      try {
        isBusy = await this.#refresh();
      } catch (problem) {
        if (!problem.code) throw problem; // otherwise the banner reports it, and the next round tries again
      }
      if (isTold()) await pause(CALM_MS);
      else await pause(isBusy ? BUSY_MS : IDLE_MS);
    }
  }

  #progress(id, { state, progress }) {
    const known = this.#known.get(id);
    if (known?.state === state) this.put({ ...known, progress });
  }

  async #refresh() {
    const { items } = await read(ACTIVE_QUERY);
    const listed = new Set(items.map((job) => job.id));
    for (const job of items) this.put(job);
    const ended = [...this.#known.values()].filter((job) => isActive(job) && !listed.has(job.id));
    for (const { id } of ended) {
      await this.load(id).catch((problem) => {
        if (problem.code !== "not_found") throw problem;
        this.drop(id);
      });
    }
    return items.length > 0;
  }
}

export const jobs = new Jobs();
