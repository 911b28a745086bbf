/** Calls of Gradio's queue: uploads, calls with progress, and the connection that tells of leaving. */

export const OFFLINE =
  "The page's server does not answer. Your marks are kept; try again when it does.";

/** What went wrong with a call, in words for the visitor. */
export class CallError extends Error {}

/** A random name that nobody can guess. */
export function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Address of the page, without a slash at its end. */
export function root() {
  return (window.gradio_config?.root ?? "").replace(/\/$/, "");
}

/** Sends a file; resolves to what stands for it in a call. onShare takes the share that is sent. */
export async function upload(blob, name, { signal, onShare } = {}) {
  const form = new FormData();
  form.append("files", blob, name);
  const answer = await send("upload", form, { signal, onShare });
  if (!answer.ok) throw new CallError(await reason(answer));
  const [path] = await answer.json();
  return { path, orig_name: name, meta: { _type: "gradio.FileData" } };
}

/** As fetch, which does not tell how much is sent. */
function send(path, body, { signal, onShare }) {
  const request = new XMLHttpRequest();
  const abort = () => request.abort();
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort);
    request.upload.onprogress = ({ loaded, total }) => onShare?.(loaded / total);
    request.onload = () => resolve(new Response(request.response, { status: request.status }));
    request.onerror = () => reject(new CallError(OFFLINE));
    request.onabort = () => reject(signal.reason);
    request.open("POST", address(path));
    request.send(body);
  }).finally(() => signal?.removeEventListener("abort", abort));
}

/** Names of calls that have ended, for the next ones: the server keeps something for each name. */
const free = [];

/**
 * Calls a function of the page's server. sent: files as upload gave them.
 *
 * onEvent takes Gradio's messages before the answer: "estimation", "process_starts", "progress",
 * "log". Resolves to { values, files }, files with their `url`. Rejects with CallError.
 */
export async function call(name, request = {}, sent = [], { onEvent, signal } = {}) {
  const session_hash = free.pop() ?? newName();
  const body = { data: [request, sent], fn_index: functionIndex(name), session_hash };
  await reach("queue/join", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  const stream = await reach(`queue/data?session_hash=${session_hash}`, { signal });
  let completed = null;
  try {
    for await (const message of messages(stream, signal)) {
      if (message.msg === "process_completed") completed = message;
      else if (message.msg === "unexpected_error") throw new CallError(message.message || OFFLINE);
      else onEvent?.(message);
    }
    // Only after the stream's end: before it, a new call of this name would be ended with it.
    if (completed) free.push(session_hash);
  } catch (error) {
    if (!completed || signal?.aborted) throw error; // else the connection broke after the answer
  }
  if (!completed) throw new CallError(OFFLINE);
  return answerOf(completed);
}

/** The connection by whose end the server knows that the page was closed. */
export class Presence {
  constructor() {
    this.connect();
  }

  connect() {
    this.name = newName(); // one that has ended stays so
    this.source = new EventSource(address(`heartbeat/${this.name}`));
    this.source.onerror = () => {
      this.source.close();
      setTimeout(() => this.connect(), 2000);
    };
  }
}

function address(path) {
  return `${root()}${window.gradio_config?.api_prefix ?? "/gradio_api"}/${path}`;
}

function functionIndex(name) {
  const found = window.gradio_config.dependencies.find((one) => one.api_name === name);
  if (!found) throw new CallError(`The page offers no ${name}; please load it again.`);
  return found.id;
}

async function reach(path, options) {
  let answer;
  try {
    answer = await fetch(address(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new CallError(OFFLINE);
  }
  if (!answer.ok) throw new CallError(await reason(answer));
  return answer;
}

async function reason(answer) {
  if (answer.status === 401) return "Please log in again: load the page anew.";
  if (answer.status === 413) return "The file is larger than this page takes.";
  const text = await answer.text();
  try {
    return String(JSON.parse(text).detail);
  } catch {
    return text.slice(0, 300) || `The server answered ${answer.status}.`;
  }
}

async function* messages(answer, signal) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (text + value).split("\n\n");
      text = events.pop();
      for (const event of events)
        if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
    }
  } catch (error) {
    if (signal?.aborted || error instanceof CallError) throw error;
    throw new CallError(OFFLINE);
  } finally {
    reader.cancel().catch(() => {});
  }
}

function answerOf({ success, output }) {
  if (!success) throw new CallError(output?.error || "The server failed at this; its log tells why.");
  const [values, files] = output.data;
  return { values, files: files ?? [] };
}
