// Estimates how long a job still takes; null while it is unknown.
//
// Only chunks that were really spoken count: cached ones arrive at once and say nothing about
// the rest. There is no estimate until the rates of two periods agree.

const WINDOW_MS = 90_000;
const LEAST_MS = 6_000;
const LEAST_SPOKEN = 6;
const AGREEMENT = 0.5; // ratio of the slower half's rate to the faster one's

export class TimeLeft {
  #samples = [];
  #attempt = null;

  /** Record a job's progress, and return the seconds left or null. */
  update(job, now = performance.now()) {
    const { chunks_done, chunks_cached, chunks_total } = job.progress;
    if (job.state !== "rendering" || job.attempt !== this.#attempt) this.#samples = [];
    this.#attempt = job.attempt;
    if (job.state !== "rendering" || chunks_total === 0) return null;
    const spoken = chunks_done - chunks_cached;
    const last = this.#samples.at(-1);
    if (!last || last.spoken !== spoken) this.#samples.push({ at: now, spoken });
    while (this.#samples.length > 2 && now - this.#samples[0].at > WINDOW_MS) this.#samples.shift();
    return this.#reckon(chunks_total - chunks_done, now);
  }

  #reckon(remaining, now) {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (now - first.at < LEAST_MS || last.spoken - first.spoken < LEAST_SPOKEN) return null;
    const middle = this.#samples.find((sample) => sample.at >= (first.at + now) / 2) ?? last;
    const early = rate(first, middle.at, middle.spoken);
    const late = rate(middle, now, last.spoken);
    if (Math.min(early, late) < AGREEMENT * Math.max(early, late)) return null;
    return remaining / rate(first, now, last.spoken);
  }
}

function rate(from, at, spoken) {
  const seconds = (at - from.at) / 1000;
  return seconds > 0 ? (spoken - from.spoken) / seconds : 0;
}
