// What the page knows about jobs, and which of two reports about one job holds. No page elements and
// no network here: `feed.js` reports, `board.js` shows.
//
// Reports arrive by three ways that can overtake each other: the event stream, a list that was asked
// for, and the answer to a button. The rules that make them agree:
// - a snapshot is the server's word about every unfinished job, whatever was known before;
// - `state` events come in the order in which things happened, so the last one holds, even for a job that
//   was over: it may be tried again;
// - what was asked for before something newer was heard about that job is too old to count.

/** The states in the order of a job's life. */
export const STATES = ["queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"];

const TERMINAL = new Set(["succeeded", "failed", "cancelled"]);
/** How many finished jobs the page keeps; for a moment there may be a few more. */
export const FINISHED_KEPT = 200;
const FINISHED_SLACK = 20;

/** The states of a job that is over. */
export const OVER = [...TERMINAL];

/** Whether a job in this state is over. */
export function isOver(state) {
  return TERMINAL.has(state);
}

/** When the job was over, as text that sorts by time. */
export function endedAt(job) {
  return job.finished_at ?? job.created_at ?? "";
}

/**
 * The jobs by id. `onChange(id, what, before)` hears of each change: `job`, `progress` or `gone`; with
 * `job` comes the state that it had before, undefined for a new one.
 */
export class Jobs {
  #entries = new Map();
  #heard = 0;
  #finished = 0;
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** The job, or undefined. */
  get(id) {
    return this.#entries.get(id)?.job;
  }

  /** Every job, in no order. */
  *[Symbol.iterator]() {
    for (const entry of this.#entries.values()) yield entry.job;
  }

  /** A mark in the order of what was heard, to be taken before something is asked for. */
  mark() {
    return this.#heard;
  }

  /** Takes the unfinished jobs of a new connection; answers with the ids of those it doesn't account for. */
  takeSnapshot(jobs) {
    const listed = new Set();
    for (const job of jobs) {
      listed.add(job.id);
      this.#put(job);
    }
    const missing = [];
    for (const { job } of this.#entries.values()) {
      if (!isOver(job.state) && !listed.has(job.id)) missing.push(job.id);
    }
    return missing;
  }

  /** Takes a job as a `state` event shows it. */
  takeJob(job) {
    this.#put(job);
  }

  /** Takes a job that was asked for at `mark`. */
  takeAnswer(job, mark) {
    const entry = this.#entries.get(job.id);
    if (!entry || entry.heard <= mark) this.#put(job);
  }

  /**
   * Takes the newest jobs in one state, asked for at `mark`. A finished job that the page should list but
   * doesn't was purged; `whole` says that there are no older ones than these.
   */
  takePage(page, state, whole, mark) {
    const listed = new Set(page.map((job) => job.id));
    const oldest = page.at(-1)?.created_at ?? "";
    for (const job of page) this.takeAnswer(job, mark);
    for (const { job, heard } of [...this.#entries.values()]) {
      const covered = job.state === state && (whole || job.created_at > oldest);
      if (isOver(job.state) && covered && heard <= mark && !listed.has(job.id)) this.forget(job.id);
    }
  }

  /** Takes a `progress` event. One for an unknown or finished job says nothing. */
  takeProgress({ job_id: id, ...progress }) {
    const entry = this.#entries.get(id);
    if (!entry || isOver(entry.job.state)) return;
    entry.job.progress = progress;
    entry.heard = ++this.#heard;
    this.#onChange(id, "progress");
  }

  /** Drops a job that the server doesn't have any more. */
  forget(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    if (isOver(entry.job.state)) this.#finished -= 1;
    this.#onChange(id, "gone");
  }

  #put(job) {
    const before = this.get(job.id);
    // What is done stays done while it stands still, though the event doesn't repeat it.
    if (job.state === "paused") job.progress ??= before?.progress;
    this.#entries.set(job.id, { job, heard: ++this.#heard });
    this.#finished += Number(isOver(job.state)) - Number(before !== undefined && isOver(before.state));
    this.#onChange(job.id, "job", before?.state);
    if (this.#finished > FINISHED_KEPT + FINISHED_SLACK) this.#dropOldest();
  }

  #dropOldest() {
    const over = [...this].filter((job) => isOver(job.state));
    over.sort((a, b) => (endedAt(a) < endedAt(b) ? 1 : -1));
    for (const job of over.slice(FINISHED_KEPT)) this.forget(job.id);
  }
}
