// The bookshelf: all jobs as cards, newest first, filtered and searched by the server.

import { announce, chips, h } from "./dom.js";
import { jobCard } from "./card.js";
import { Grid, waiting } from "./grid.js";
import { ACTIVE, jobs } from "./jobs.js";
import { pause, read } from "./server.js";
import { explain } from "./words.js";

const PAGE = 60;
const SEARCH_MS = 250;
const SHOWN = {
  all: ["All", []],
  active: ["In progress", ACTIVE],
  ready: ["Ready", ["succeeded"]],
  stopped: ["Stopped", ["failed", "canceled"]],
};

const NONE = {
  active: "Nothing is being narrated at the moment.",
  ready: "No narration is ready yet. What is under way is among those in progress.",
  stopped: "No narration was canceled or stopped by a problem.",
};

export function shelfView({ params, replaceParams }) {
  const chosen = { show: params.get("show") in SHOWN ? params.get("show") : "all", search: params.get("q") ?? "" };
  const listing = new Listing();
  const below = h("div", {}, h("div", { class: "bookshelf" }, h("div", { class: "window" }, Array.from({ length: 4 }, waiting))));
  const grid = new Grid("Narrations", { make: (id) => jobCard(jobs.get(id)), needMore: () => more() });
  let searching = null;

  const reload = async () => {
    replaceParams({ show: chosen.show === "all" ? null : chosen.show, q: chosen.search || null });
    listing.begin(chosen);
    await more();
    announce(listing.ids.length ? `${listing.ids.length}${listing.hasMore ? " or more" : ""} narrations` : "Nothing found");
  };
  const more = async () => {
    try {
      if (await listing.more()) draw();
    } catch (problem) {
      below.replaceChildren(h("p", { class: "problem", role: "alert" }, explain(problem)));
      if (problem.code === "unreachable") { await pause(2000); if (below.isConnected) await more(); }
    }
  };
  const draw = () => {
    const ids = listing.ids.filter((id) => jobs.get(id) && !jobs.isLeaving(id));
    if (ids.length === 0 && !listing.hasMore) below.replaceChildren(empty(chosen));
    else if (grid.element.parentNode !== below || below.children.length > 1) below.replaceChildren(grid.element);
    grid.show(ids, listing.hasMore);
  };

  const search = h("input", { type: "search", value: chosen.search, placeholder: "Search title or author", "aria-label": "Search title or author", oninput: () => {
    clearTimeout(searching);
    searching = setTimeout(() => { chosen.search = search.value.trim(); reload(); }, SEARCH_MS);
  } });
  const filters = h("div", { class: "filters" },
    h("div", { class: "search" }, search),
    chips("Show", "show", Object.entries(SHOWN).map(([value, [text]]) => [value, text]), chosen.show, (value) => { chosen.show = value; reload(); }, { isHidden: true }));

  const onjob = ({ detail: { job, isNew } }) => {
    if (isNew && listing.take(job, chosen)) draw();
    else grid.card(job.id)?.update(job);
  };
  const onchange = () => draw();
  jobs.addEventListener("job", onjob);
  jobs.addEventListener("gone", onchange);
  jobs.addEventListener("restored", onchange);
  const element = h("div", {}, h("div", { class: "view-head" }, h("h1", {}, "Your bookshelf")), filters, below);
  return {
    title: "Bookshelf",
    element,
    shown: reload,
    close: () => {
      grid.close();
      clearTimeout(searching);
      jobs.removeEventListener("job", onjob);
      jobs.removeEventListener("gone", onchange);
      jobs.removeEventListener("restored", onchange);
    },
  };
}

/** The jobs that match a filter, page by page. */
class Listing {
  ids = [];
  hasMore = true;
  #query = "";
  #cursor = null;
  #turn = 0;
  #isReading = false;

  begin({ show, search }) {
    const states = SHOWN[show][1].map((state) => `&state=${state}`).join("");
    this.#query = `jobs?limit=${PAGE}${states}${search ? `&search=${encodeURIComponent(search)}` : ""}`;
    Object.assign(this, { ids: [], hasMore: true });
    this.#cursor = null;
    this.#turn += 1;
    this.#isReading = false;
  }

  /** Read the next page; returns false if it is no longer needed. */
  async more() {
    if (this.#isReading || !this.hasMore) return false;
    this.#isReading = true;
    const turn = this.#turn;
    try {
      const page = await read(this.#query + (this.#cursor ? `&cursor=${this.#cursor}` : ""));
      if (turn !== this.#turn) return false;
      // Insert these first, so that a job announced as new is not added twice.
      this.ids.push(...page.items.map((job) => job.id).filter((id) => !this.ids.includes(id)));
      page.items.forEach((job) => jobs.put(job));
      this.#cursor = page.next_cursor;
      this.hasMore = page.next_cursor !== null;
      return true;
    } finally {
      if (turn === this.#turn) this.#isReading = false;
    }
  }

  /** Insert a new job at its position; returns false if it does not match. */
  take(job, { show, search }) {
    const states = SHOWN[show][1];
    const isOther = search !== "" || (states.length > 0 && !states.includes(job.state));
    if (isOther || this.ids.includes(job.id)) return false;
    const place = this.ids.findIndex((id) => id < job.id);
    if (place === -1 && this.hasMore) return false; // it will come with its page
    this.ids.splice(place === -1 ? this.ids.length : place, 0, job.id);
    return true;
  }
}

function empty({ show, search }) {
  if (search) return h("div", { class: "empty" }, h("h2", {}, "Nothing by that name"), h("p", {}, `No title or author has “${search}” in it. Try fewer letters.`));
  if (show !== "all") return h("div", { class: "empty" }, h("h2", {}, "Nothing here"), h("p", {}, NONE[show]));
  return h("div", { class: "empty" },
    h("h2", {}, "The bookshelf is empty"),
    h("p", {}, "Give Rhapsode a book, an article or any text, and listen to it. Drop a file anywhere on this page, or paste a text."),
    h("a", { class: "button primary", href: "#/new" }, "Make the first narration"));
}
