// Uploads a file with the official client of tus, in one of several ways, and prints what happened as lines of JSON.
import { createReadStream, statSync } from "node:fs";
import { PassThrough } from "node:stream";
import { FileUrlStorage, Upload } from "tus-js-client";

const [endpoint, file, how, urls] = process.argv.slice(2);
const size = statSync(file).size;
const chunk = 256 * 1024;
const say = (what) => console.log(JSON.stringify(what));

let retries = 0;

// Resolves with the upload's URL, or rejects; `during` is called after every chunk.
function upload(options, during = () => {}) {
  return new Promise((resolve, reject) => {
    const made = new Upload(options.source ?? createReadStream(file), {
      endpoint,
      chunkSize: chunk,
      uploadSize: size,
      metadata: { filename: "ü.mp4", filetype: "video/mp4" },
      retryDelays: Array(200).fill(50),
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        return ++retries > 0 && (status < 400 || status >= 500 || status === 409 || status === 423);
      },
      onChunkComplete: (_, accepted) => during(made, accepted, resolve),
      onSuccess: () => resolve(made.url),
      onError: reject,
      ...options,
    });
    const start = async () => {
      if (options.urlStorage) {
        const [previous] = await made.findPreviousUploads();
        if (previous) made.resumeFromPreviousUpload(previous);
        say({ found: Boolean(previous) });
      }
      made.start();
    };
    start().catch(reject);
  });
}

const ways = {
  // The first bytes come with the creation.
  whole: () => upload({ uploadDataDuringCreation: true }),
  // Its length is told only with the last bytes. (Of a file the client would know it, and never tell.)
  deferred: () =>
    upload({ source: createReadStream(file).pipe(new PassThrough()), uploadLengthDeferred: true, uploadSize: null }),
  // Left half way; another client, which has kept the URL, goes on.
  async abort() {
    const urlStorage = new FileUrlStorage(urls);
    const fingerprint = async () => "the file";
    await upload({ urlStorage, fingerprint }, (made, accepted, left) => {
      if (accepted >= 4 * chunk) made.abort().then(left);
    });
    say({ left: true });
    return upload({ urlStorage, fingerprint });
  },
  // Removed half way.
  async terminate() {
    let url;
    await upload({}, (made, accepted, left) => {
      url = made.url;
      if (accepted >= 2 * chunk) made.abort(true).then(left);
    });
    return url;
  },
  // Whoever reads the lines may do something to the server.
  patient: () => upload({}, (made, accepted) => say({ accepted, url: made.url })),
};

try {
  say({ url: await ways[how](), retries });
} catch (error) {
  say({ error: String(error) });
  process.exit(1);
}
