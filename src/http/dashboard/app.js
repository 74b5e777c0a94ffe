// The dashboard: wires the feed, the jobs and the board together, and owns what stands around the list:
// the node's facts, the connection, the command of the empty page and what is read aloud.

import { Board } from "./board.js";
import { Feed } from "./feed.js";
import { plain } from "./format.js";
import { isOver, Jobs } from "./jobs.js";

const ANNOUNCE_EVERY_MS = 3000;

// What is worth saying of a server that doesn't start jobs.
const NODE_WORDS = {
  shutting_down: "shutting down",
  draining: "drained: starts no jobs",
  disk_low: "disk full: starts no jobs",
};

const byId = (id) => document.getElementById(id);

const ended = [];
let announceTimer = null;

// One sentence for all that ended in a while, so that a screen reader isn't talked to death.
function announce() {
  announceTimer = null;
  const words = ended.length > 3
    ? `${ended.length} jobs are over, ${ended.filter((job) => job.state === "failed").length} of them failed.`
    : ended.map((job) => `${plain(job.input)}: ${job.state}.`).join(" ");
  byId("announcer").textContent = words;
  ended.length = 0;
}

function noteEnd(job, before) {
  if (before === undefined || isOver(before) || !isOver(job.state)) return;
  ended.push(job);
  announceTimer ??= setTimeout(announce, ANNOUNCE_EVERY_MS);
}

function showConnection(word) {
  const connection = byId("connection");
  connection.dataset.connection = word;
  connection.textContent = word === "live" ? "live" : `${word}…`;
  byId("board").toggleAttribute("data-stale", word === "reconnecting");
}

function showFact(name, text) {
  const fact = document.querySelector(`[data-fact="${name}"]`);
  fact.lastElementChild.textContent = text ?? "";
  fact.hidden = !text;
}

function showNode(node) {
  const { total, busy } = node.slots ?? {};
  showFact("state", NODE_WORDS[node.state] ?? "");
  showFact("slots", total === undefined ? "" : `${busy ?? "–"} / ${total}`);
  showFact("version", node.version);
  showFact("ffmpeg", node.ffmpeg_version ?? node.ffmpeg?.version);
  byId("node").hidden = false;
}

function offerCommand() {
  const job = { input: "clip.mov", outputs: [{ name: "out.mp4", preset: "h264-720p" }] };
  const command = [
    `curl ${location.origin}/v1/jobs \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '${JSON.stringify(job)}'`,
  ].join("\n");
  byId("curl").textContent = command;
  byId("copy").addEventListener("click", async () => {
    // Browsers give the clipboard to https and localhost only; elsewhere the text is selected to be copied by hand.
    const copied = await navigator.clipboard?.writeText(command).then(() => true, () => false);
    if (!copied) getSelection().selectAllChildren(byId("curl"));
    byId("copy").textContent = copied ? "Copied" : "Selected";
    setTimeout(() => (byId("copy").textContent = "Copy"), 2000);
  });
}

const jobs = new Jobs((id, what, before) => {
  board.changed(id, what);
  if (what === "job") noteEnd(jobs.get(id), before);
});

const board = new Board(jobs, async (id, act) => {
  const row = board.row(id);
  const job = jobs.get(id);
  if (!row || !job || row.asking || job.state === "cancelling") return;
  row.ask(act, job);
  const refusal = await feed.act(id, act);
  const words = row.answer(refusal, jobs.get(id));
  if (words) byId("announcer").textContent = words;
});

const feed = new Feed(jobs, {
  onConnection: showConnection,
  onRecent: (whole) => board.ready(whole),
  onNode: showNode,
});

offerCommand();
feed.start();
