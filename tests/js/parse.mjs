// Reads the manifests of the package in the folder that is named, with the parsers of video.js, and prints what they
// found as one line of JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "m3u8-parser";
import { parse } from "mpd-parser";

const folder = process.argv[2];

function playlist(file) {
  const parser = new Parser();
  parser.on("warn", (problem) => warnings.push(`${file}: ${problem.message}`));
  parser.push(readFileSync(join(folder, file), "utf8"));
  parser.end();
  return parser.manifest;
}

const warnings = [];
const master = playlist("master.m3u8");
const groups = Object.values(master.mediaGroups.AUDIO).flatMap((group) => Object.entries(group));
const hls = {
  variants: master.playlists.map(({ uri, attributes }) => ({
    uri,
    codecs: attributes.CODECS,
    bandwidth: attributes.BANDWIDTH,
    resolution: attributes.RESOLUTION,
    rate: attributes["FRAME-RATE"],
  })),
  audio: groups.map(([name, { uri, language, default: first }]) => ({ name, uri, language: language ?? null, first })),
  media: [...master.playlists.map(({ uri }) => uri), ...groups.map(([, { uri }]) => uri)].map((uri) => {
    const { segments, endList, targetDuration, playlistType } = playlist(uri);
    const seconds = segments.reduce((sum, segment) => sum + segment.duration, 0);
    return { uri, endList, targetDuration, playlistType, segments: segments.length, seconds, map: segments[0].map.uri };
  }),
};

const manifest = parse(readFileSync(join(folder, "manifest.mpd"), "utf8"), {
  manifestUri: "http://localhost/manifest.mpd",
  eventHandler: ({ message }) => warnings.push(`manifest.mpd: ${message}`),
});
const dash = {
  duration: manifest.duration,
  endList: manifest.endList,
  variants: manifest.playlists.map(({ attributes, segments }) => ({
    codecs: attributes.CODECS,
    bandwidth: attributes.BANDWIDTH,
    resolution: attributes.RESOLUTION,
    segments: segments.length,
    last: segments.at(-1).resolvedUri,
  })),
  audio: Object.values(manifest.mediaGroups.AUDIO).flatMap((group) => Object.keys(group)),
};
console.log(JSON.stringify({ hls, dash, warnings }));
