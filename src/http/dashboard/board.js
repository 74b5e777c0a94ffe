// The list of rows: which rows there are, in which group and order, the counts and the filter. It writes
// at most once per frame and touches only the rows of jobs that changed.

import { endedAt, FINISHED_KEPT, STATES } from "./jobs.js";
import { Row } from "./row.js";

const WAITING_SHOWN = 1000;
const LONG_LIST = 60;
const HELD_STILL_MS = 3000;
const PLACED_AT_MOST_EVERY_MS = 100;
const HIDDEN_PAGE_EVERY_MS = 1000;

const GROUP_OF = { queued: "waiting", paused: "waiting", running: "active", cancelling: "active" };

function byText(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Running ones in the order of their start, waiting ones in the order of their turn, the last finished first.
const ORDER = {
  active: (a, b) => byText(a.started_at ?? "", b.started_at ?? "") || byText(a.id, b.id),
  waiting: (a, b) => (b.priority ?? 0) - (a.priority ?? 0) || byText(a.id, b.id),
  finished: (a, b) => byText(endedAt(b), endedAt(a)) || byText(b.id, a.id),
};

/** The page's list of jobs. `onAct(id, act)` is called when somebody presses one of a row's buttons. */
export class Board {
  #jobs;
  #rows = new Map();
  #changed = new Map();
  #misplaced = false;
  #frame = 0;
  #pointerMovedAt = -Infinity;
  #placedAt = -Infinity;
  #placing = null;
  #ready = false;
  #whole = true;
  #counts = { all: 0 };
  #main = document.getElementById("board");
  #template = document.getElementById("job");
  #groups = new Map();

  constructor(jobs, onAct) {
    this.#jobs = jobs;
    for (const details of this.#main.querySelectorAll("[data-group]")) {
      this.#groups.set(details.dataset.group, {
        details,
        number: details.querySelector(".number"),
        list: details.querySelector("ul"),
        more: details.querySelector(".more"),
      });
    }
    this.#main.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-job-id] button");
      if (button) onAct(button.closest("[data-job-id]").dataset.jobId, button.dataset.action);
    });
    document.addEventListener("pointermove", () => (this.#pointerMovedAt = performance.now()));
    document.addEventListener("visibilitychange", () => this.#schedule());
    this.#listenToFilter();
    setInterval(() => this.#tick(), 1000);
  }

  /** The job's row, if it is on the page. */
  row(id) {
    return this.#rows.get(id);
  }

  /** Takes note that a job changed; `what` is as in `Jobs`. */
  changed(id, what) {
    if (what !== "progress") {
      this.#changed.set(id, "job");
      this.#misplaced = true;
    } else if (!this.#changed.has(id)) this.#changed.set(id, "progress");
    this.#schedule();
  }

  /** Takes note that all jobs to show are known, so that none means none; `whole` says that there are no others. */
  ready(whole) {
    this.#ready = true;
    this.#whole = whole;
    this.#misplaced = true;
    this.#schedule();
  }

  // A hidden page gets no frames, but its title should still be true.
  #schedule() {
    if (this.#frame !== 0) return;
    this.#frame = 1;
    const write = () => {
      this.#frame = 0;
      this.#write();
    };
    if (document.hidden) setTimeout(write, HIDDEN_PAGE_EVERY_MS);
    else requestAnimationFrame(write);
  }

  #write() {
    for (const [id, what] of this.#changed) {
      const job = this.#jobs.get(id);
      const row = this.#rows.get(id);
      if (!job || !row) continue;
      if (what === "job") row.show(job);
      else row.showProgress(job);
    }
    this.#changed.clear();
    if (this.#misplaced) this.#placeInTime();
  }

  // To move rows in a long list costs more than to change them: a burst of changes moves them together.
  #placeInTime() {
    const sinceLast = performance.now() - this.#placedAt;
    if (sinceLast < PLACED_AT_MOST_EVERY_MS || this.#heldStill()) {
      this.#placing ??= setTimeout(() => {
        this.#placing = null;
        this.#schedule();
      }, PLACED_AT_MOST_EVERY_MS);
      return;
    }
    this.#misplaced = false;
    this.#place();
    this.#placedAt = performance.now();
  }

  // Rows don't move away under a pointer that is about to press a button.
  #heldStill() {
    const recent = performance.now() - this.#pointerMovedAt < HELD_STILL_MS;
    return recent && this.#main.querySelector("[data-job-id] button:not([aria-disabled='true']):hover") !== null;
  }

  #place() {
    const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
    const members = { active: [], waiting: [], finished: [] };
    for (const job of this.#jobs) {
      counts[job.state] = (counts[job.state] ?? 0) + 1;
      members[GROUP_OF[job.state] ?? "finished"].push(job);
    }
    const shown = new Set();
    for (const [name, group] of this.#groups) {
      const jobs = members[name].sort(ORDER[name]);
      const visible = name === "waiting" ? jobs.slice(0, WAITING_SHOWN) : jobs;
      for (const job of visible) shown.add(job.id);
      group.wanted = visible;
    }
    this.#showMore(members);
    for (const [id, row] of this.#rows) {
      if (shown.has(id)) continue;
      row.root.remove();
      this.#rows.delete(id);
    }
    for (const group of this.#groups.values()) this.#arrange(group.list, group.wanted);
    this.#showCounts(counts);
  }

  #showMore({ waiting, finished }) {
    const { more: unseen } = this.#groups.get("waiting");
    unseen.hidden = waiting.length <= WAITING_SHOWN;
    unseen.textContent = `and ${waiting.length - WAITING_SHOWN} more that wait`;
    const { more: older } = this.#groups.get("finished");
    older.hidden = this.#whole && finished.length < FINISHED_KEPT;
    const command = document.createElement("code");
    command.textContent = "transcoded list";
    older.replaceChildren("These are the newest. ", command, " shows older ones too.");
  }

  // Walks down the list and the wanted order together and moves only what isn't in its place.
  #arrange(list, wanted) {
    let next = list.firstElementChild;
    const kept = new Set(wanted.map((job) => job.id));
    list.toggleAttribute("data-long", wanted.length > LONG_LIST);
    for (const job of wanted) {
      while (next && !kept.has(next.dataset.jobId)) next = next.nextElementSibling;
      const row = this.#rows.get(job.id) ?? this.#addRow(job);
      if (row.root === next) next = next.nextElementSibling;
      else this.#move(row.root, list, next);
    }
  }

  #addRow(job) {
    const row = new Row(this.#template, job);
    this.#rows.set(job.id, row);
    return row;
  }

  #move(root, list, before) {
    const focused = root.contains(document.activeElement) ? document.activeElement : null;
    list.insertBefore(root, before);
    focused?.focus({ preventScroll: true });
  }

  #showCounts(counts) {
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    for (const number of this.#main.querySelectorAll("[data-count]")) {
      number.textContent = String(counts[number.dataset.count] ?? all);
    }
    document.getElementById("filters").hidden = all === 0;
    document.getElementById("empty").hidden = all > 0 || !this.#ready;
    document.title = counts.running > 0 ? `(${counts.running}) transcoded` : "transcoded";
    this.#counts = { ...counts, all };
    this.#showGroups();
  }

  #showGroups() {
    const { filter } = this.#main.dataset;
    for (const [name, { details, number }] of this.#groups) {
      const states = STATES.filter((state) => (GROUP_OF[state] ?? "finished") === name);
      const count = states.filter((state) => filter === "all" || state === filter)
        .reduce((sum, state) => sum + (this.#counts[state] ?? 0), 0);
      details.hidden = count === 0;
      number.textContent = String(count);
    }
    const nothing = document.getElementById("nothing");
    nothing.hidden = this.#counts.all === 0 || filter === "all" || this.#counts[filter] > 0;
    nothing.textContent = `No ${filter} jobs now.`;
  }

  // The filter is part of the address, so that it outlives a reload and can be sent to somebody.
  #listenToFilter() {
    const filters = document.getElementById("filters");
    filters.addEventListener("change", ({ target }) => {
      history.replaceState(null, "", target.value === "all" ? location.pathname : `#${target.value}`);
      this.#filterBy(target.value);
    });
    const fromAddress = () => {
      const wanted = location.hash.slice(1);
      const value = STATES.includes(wanted) ? wanted : "all";
      filters.querySelector(`[value="${value}"]`).checked = true;
      this.#filterBy(value);
    };
    addEventListener("hashchange", fromAddress);
    fromAddress();
  }

  #filterBy(state) {
    this.#main.dataset.filter = state;
    this.#showGroups();
  }

  #tick() {
    if (document.hidden) return;
    const now = Date.now();
    for (const [id, row] of this.#rows) {
      const job = this.#jobs.get(id);
      if (job) row.tick(job, now);
    }
  }
}
