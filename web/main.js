/** The page: which button, key or gesture does what. */

import { Editor } from "./editor.js";
import { Network } from "./network.js";
import { Gestures } from "./vendor/editor/gestures.js";
import { icon } from "./vendor/editor/icons.js";
import { Pointer } from "./vendor/editor/pointer.js";
import { Stage } from "./vendor/editor/stage.js";
import { Tools } from "./vendor/editor/tools.js";

const MODEL = new URL("./vendor/model.onnx", import.meta.url).href;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOL_KEYS = { b: "brush", e: "erase", l: "lasso", h: "hand" };

const part = (id) => document.getElementById(id);
for (const element of document.querySelectorAll("[data-icon]"))
  element.innerHTML = icon(element.dataset.icon);
part("incomplete").remove(); // what is shown where this script does not start
part("drop_icon").innerHTML = icon("photo");

const stage = new Stage(document.querySelector(".stage"));
const tools = new Tools(stage);
const pointer = new Pointer(stage, tools);
const gestures = new Gestures(stage.element, pointer);
const network = new Network();
export const editor = new Editor(stage, network, refresh);
let loaded = null; // promise of the network
let working = null; // what goes on, as the page says it

function refresh() {
  const { marks, patches } = editor.photo ? editor.state : { marks: [], patches: [] };
  document.body.dataset.state = editor.photo ? "open" : "empty";
  part("undo").disabled = !editor.canUndo || working !== null;
  part("redo").disabled = !editor.canRedo || working !== null;
  part("fill").disabled = !marks.length || working !== null;
  part("save").disabled = part("compare").disabled = !patches.length;
  stage.element.dataset.tool = tools.name;
  for (const button of document.querySelectorAll(".tool"))
    button.setAttribute("aria-pressed", button.dataset.tool === tools.name);
  part("size").value = tools.share;
  pointer.refresh();
}

function show(text, { cancellable = false } = {}) {
  working = text;
  part("doing").textContent = text;
  part("progress").value = 0;
  part("cancel").hidden = !cancellable;
  part("status").hidden = false;
}

/** Shows what is going on until it ends; an error becomes a message. */
async function during(text, action) {
  part("message").hidden = true;
  show(text);
  refresh();
  try {
    return await action();
  } catch (error) {
    part("message").textContent = error.message;
    part("message").hidden = false;
  } finally {
    working = null;
    part("status").hidden = true;
    refresh();
  }
}

function showProgress(share) {
  part("progress").value = share;
}

export function loadNetwork() {
  loaded ??= network.load(MODEL, showProgress).catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

async function open(file) {
  if (!file || working) return;
  await during("Opening", () => editor.open(file));
  if (!editor.photo) return;
  const { width, height } = editor.photo.size;
  part("about").textContent = `${editor.photo.file.name}, ${width} × ${height}`;
  tools.suit(editor.photo.size);
  refresh();
  loadNetwork().catch(() => {}); // meanwhile; a fill says what is wrong
}

async function fill() {
  if (!editor.photo || working || !editor.state.marks.length) return;
  await during("Loading the network", async () => {
    await loadNetwork();
    show("Filling", { cancellable: true });
    await editor.fill(showProgress);
  });
}

async function save() {
  if (part("save").disabled) return;
  const file = await during("Saving", () => editor.save());
  if (!file) return;
  const address = URL.createObjectURL(file.blob);
  Object.assign(document.createElement("a"), { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function compare(shown) {
  stage.showsOriginal = shown;
  part("original").hidden = !shown;
  stage.changed();
}

function keyAction(event) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const undo = () => (working ? null : event.shiftKey ? editor.redo() : editor.undo());
    return { z: undo, y: () => working ?? editor.redo(), enter: fill, s: save }[key];
  }
  if (event.target === stage.element) {
    if (event.key in ARROWS) return () => pointer.step(...ARROWS[event.key].map((n) => n * 2));
    if (key === "enter") return () => pointer.toggleStroke();
  }
  if (key in TOOL_KEYS) return () => tools.choose(TOOL_KEYS[key]);
  if (key === "[" || key === "]")
    return () => pointer.resize(() => (key === "]" ? tools.grow() : tools.shrink()));
  return { c: () => compare(!part("compare").disabled), 0: () => stage.fit() }[key];
}

function listen(id, kind, action) {
  part(id).addEventListener(kind, action);
}

tools.onMark = (mark) => editor.mark(mark);
tools.onChange = refresh;
for (const button of document.querySelectorAll(".tool"))
  button.addEventListener("click", () => tools.choose(button.dataset.tool));
listen("photo", "change", ({ target }) => {
  open(target.files[0]);
  target.value = "";
});
listen("open", "click", () => part("photo").click());
listen("undo", "click", () => editor.undo());
listen("redo", "click", () => editor.redo());
listen("fill", "click", fill);
listen("save", "click", save);
listen("cancel", "click", () => network.cancel());
listen("message", "click", () => (part("message").hidden = true));
listen("compare", "pointerdown", () => compare(true));
for (const kind of ["pointerup", "pointerleave", "pointercancel"])
  listen("compare", kind, () => compare(false));
listen("size", "input", ({ target }) => {
  tools.share = Number(target.value);
  pointer.showInMiddle();
});
listen("size", "change", () => pointer.leave());
document.querySelector(".drop").addEventListener("pointerdown", () => document.body.classList.remove("by-keys"), true);
addEventListener("keydown", (event) => {
  document.body.classList.add("by-keys");
  if (event.key === "Enter" || event.key === " ") part("photo").click();
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape") return working ? network.cancel() : gestures.abort();
  if (!editor.photo || event.altKey || event.target.matches("input")) return;
  const action = keyAction(event);
  if (!action) return;
  event.preventDefault();
  action();
});
addEventListener("keyup", ({ key }) => key.toLowerCase() === "c" && compare(false));
addEventListener("paste", ({ clipboardData }) => open(clipboardData?.files[0]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
addEventListener("dragleave", () => document.body.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  open(event.dataTransfer.files[0]);
});
addEventListener("beforeunload", (event) => editor.canUndo && event.preventDefault());
refresh();
