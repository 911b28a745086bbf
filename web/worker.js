/**
 * The network, in a thread of its own, so that the page answers while it fills.
 *
 * Takes { kind: "load", model } (address of the ONNX file), { kind: "fill", pixels, hole, size }
 * (buffers) and { kind: "cancel" }. Answers { kind: "loading", share }, { kind: "ready", threads },
 * { kind: "progress", share }, { kind: "filled", pixels }, { kind: "cancelled" } and
 * { kind: "failed", message }.
 */

import { fillHoles } from "./fill.js";
import { tilingOf } from "./notes.js";
import * as ort from "./vendor/ort/ort.wasm.min.mjs";

const MOST_THREADS = 4;

// Threads need a server that isolates the page, see docs/web.md.
const threads = self.crossOriginIsolated
  ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1)
  : 1;
ort.env.wasm.numThreads = threads;
ort.env.wasm.wasmPaths = new URL("./vendor/ort/", import.meta.url).href;

let session = null;
let tiling = null;
let cancelled = false;

class Cancelled extends Error {}

async function load(model) {
  const bytes = await download(model);
  tiling = tilingOf(bytes);
  session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  postMessage({ kind: "ready", threads });
}

async function download(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const length = Number(answer.headers.get("content-length"));
  const chunks = [];
  let loaded = 0;
  for (let reader = answer.body.getReader(), chunk; !(chunk = await reader.read()).done; ) {
    chunks.push(chunk.value);
    loaded += chunk.value.length;
    postMessage({ kind: "loading", share: length ? Math.min(loaded / length, 1) : 0 });
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function network(image, mask) {
  const tensor = ({ data, channels, height, width }) =>
    new ort.Tensor("float32", data, [1, channels, height, width]);
  const { output } = await session.run({ image: tensor(image), mask: tensor(mask) }, ["output"]);
  return { ...image, data: output.data };
}

async function fill({ pixels, hole, size }) {
  cancelled = false;
  const photo = new Uint8ClampedArray(pixels);
  await fillHoles(photo, new Uint8Array(hole), size, network, tiling, async (share) => {
    postMessage({ kind: "progress", share });
    await new Promise((resolve) => setTimeout(resolve)); // lets a cancel arrive
    if (cancelled) throw new Cancelled();
  });
  postMessage({ kind: "filled", pixels }, [pixels]);
}

async function answer({ data }) {
  try {
    if (data.kind === "load") await load(data.model);
    else if (data.kind === "fill") await fill(data);
    else cancelled = true;
  } catch (error) {
    if (error instanceof Cancelled) postMessage({ kind: "cancelled" });
    else postMessage({ kind: "failed", message: String(error.message ?? error) });
  }
}

addEventListener("message", answer);
