// The page's line to the server: the event stream and how it is kept, the lists that complete it, the
// facts about the node, and the requests that change something. What is heard goes into `Jobs`.

import { OVER } from "./jobs.js";

const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 15_000;
const ANSWER_WITHIN_MS = 10_000;
const NODE_EVERY_MS = 15_000;
const NODE_AT_MOST_EVERY_MS = 2000;
const RECENT = 50;
const LOOKED_UP_AT_MOST = 200;

function jobPath(id) {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

async function ask(path, options = {}) {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  return fetch(path, { headers: { accept: "application/json" }, cache: "no-store", signal, ...options });
}

async function problemText(response) {
  const problem = await response.json().catch(() => null);
  return problem?.detail || problem?.title || `The server answered ${response.status}.`;
}

/**
 * Follows the server for as long as the page is open.
 *
 * `onConnection` hears `connecting`, `live` or `reconnecting`; `onRecent(whole)` that the recent jobs
 * are known and whether there are no older ones; `onNode` the answer of `/v1/node`.
 */
export class Feed {
  #jobs;
  #listeners;
  #source = null;
  #connection = 0;
  #failures = 0;
  #nodeAskedAt = -Infinity;
  #nodeTimer = null;

  constructor(jobs, listeners) {
    this.#jobs = jobs;
    this.#listeners = listeners;
  }

  start() {
    this.#open();
    addEventListener("online", () => this.refreshNode());
    document.addEventListener("visibilitychange", () => document.hidden || this.refreshNode());
  }

  /** Asks for the node's facts soon; many calls in a short time become one request. */
  refreshNode() {
    clearTimeout(this.#nodeTimer);
    const wait = Math.max(0, this.#nodeAskedAt + NODE_AT_MOST_EVERY_MS - performance.now());
    this.#nodeTimer = setTimeout(() => this.#askNode(), wait);
  }

  /**
   * Asks the server to cancel, pause, resume or retry a job. Answers with the refusal as a sentence, or null
   * when it was accepted.
   */
  async act(id, act) {
    const mark = this.#jobs.mark();
    try {
      const response = await (act === "cancel"
        ? ask(jobPath(id), { method: "DELETE" })
        : ask(`${jobPath(id)}/${act}`, { method: "POST" }));
      if (response.ok) {
        const job = await response.json().catch(() => null);
        if (job?.id === id) this.#jobs.takeAnswer(job, mark);
        return null;
      }
      const refusal = await problemText(response);
      if (response.status === 409 || response.status === 404) await this.#lookUp(id, mark).catch(() => {});
      return refusal;
    } catch {
      return "The server can’t be reached. Nothing was changed from here; try again.";
    }
  }

  #open() {
    this.#connection += 1;
    const source = new EventSource("/v1/events");
    this.#source = source;
    const on = (name, take) => source.addEventListener(name, (event) => take(JSON.parse(event.data)));
    on("snapshot", ({ jobs }) => this.#onSnapshot(jobs ?? []));
    on("progress", (progress) => this.#jobs.takeProgress(progress));
    on("state", (job) => {
      this.#jobs.takeJob(job);
      this.refreshNode();
    });
    source.addEventListener("error", () => this.#onError(source));
  }

  #onSnapshot(jobs) {
    this.#connection += 1;
    this.#failures = 0;
    const missing = this.#jobs.takeSnapshot(jobs);
    this.#listeners.onConnection("live");
    this.refreshNode();
    this.#complete(missing, this.#connection);
  }

  // A stream that ended or couldn't connect is opened again by the browser. One that was refused (503
  // while the server starts or stops) is closed for good, and only a new one helps.
  #onError(source) {
    if (source !== this.#source) return;
    this.#listeners.onConnection("reconnecting");
    if (source.readyState !== EventSource.CLOSED) return;
    this.#source = null;
    setTimeout(() => this.#open(), this.#backoff());
  }

  #backoff() {
    const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Spread out, so that all the open pages don't come back in the same moment.
    return most * (0.5 + Math.random() / 2);
  }

  // The snapshot holds no finished jobs: the newest come from the list, by their state, since a long queue
  // would fill a page of all. Those that were unfinished here and are in neither are looked up one by one.
  async #complete(missing, connection) {
    const mark = this.#jobs.mark();
    const pages = await Promise.all(OVER.map((state) => this.#recent(state, connection)));
    if (pages.includes(null)) return;
    const whole = (page) => page.next_cursor == null;
    pages.forEach((page, at) => this.#jobs.takePage(page.items, OVER[at], whole(page), mark));
    this.#listeners.onRecent(pages.every(whole));
    const listed = new Set(pages.flatMap((page) => page.items.map((job) => job.id)));
    const lost = missing.filter((id) => !listed.has(id));
    for (const id of lost.slice(LOOKED_UP_AT_MOST)) this.#jobs.forget(id);
    for (const id of lost.slice(0, LOOKED_UP_AT_MOST)) {
      if (connection !== this.#connection) return;
      await this.#lookUp(id, mark).catch(() => {});
    }
  }

  async #recent(state, connection) {
    for (let tries = 0; connection === this.#connection; tries += 1) {
      const response = await ask(`/v1/jobs?state=${state}&limit=${RECENT}`).catch(() => null);
      const page = response?.ok ? await response.json().catch(() => null) : null;
      if (connection !== this.#connection) return null;
      if (page) return page;
      await new Promise((resume) => setTimeout(resume, Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** tries)));
    }
    return null;
  }

  async #lookUp(id, mark) {
    const response = await ask(jobPath(id));
    if (response.status === 404) this.#jobs.forget(id);
    if (response.ok) this.#jobs.takeAnswer(await response.json(), mark);
  }

  async #askNode() {
    this.#nodeAskedAt = performance.now();
    const response = await ask("/v1/node").catch(() => null);
    const node = response?.ok ? await response.json().catch(() => null) : null;
    if (node) this.#listeners.onNode(node);
    clearTimeout(this.#nodeTimer);
    this.#nodeTimer = setTimeout(() => this.#askNode(), NODE_EVERY_MS);
  }
}
