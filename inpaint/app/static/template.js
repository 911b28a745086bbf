/** The markup of the editor. */

import { icon } from "./icons.js";
import { SHORTCUTS } from "./keys.js";

/** Names, and captions where there is room for them. */
const TOOL_NAMES = {
  brush: ["Brush (B)", "Brush"], select: ["Select an object (S)", "Select"],
  erase: ["Eraser (E)", "Eraser"], rectangle: ["Rectangle (R)", "Rectangle"],
  lasso: ["Lasso (L)", "Lasso"], exclude: ["Do not copy from here (X)", "Don’t copy"],
  hand: ["Hand (H)", "Move"],
};

const FORMATS = {
  jpg: "JPEG", png: "PNG", webp: "WebP", avif: "AVIF", heic: "HEIC", tiff: "TIFF",
};

/** address: of the page's modules. settings: see element.js. */
export function template(address, settings) {
  return `
<link rel="stylesheet" href="${address}/editor.css">
<div class="editor" data-state="empty">
  <input type="file" id="photo" accept="image/*,.heic,.heif,.avif" multiple aria-label="Photos" tabindex="-1">
  <input type="file" id="mask_file" accept="image/*" aria-label="Mask" tabindex="-1">
  ${start(address, settings)}
  <div class="work">
    ${head()}
    <div class="main">${rail()}${stage()}${timeline()}${pointing()}${damage()}${candidates()}${panel(settings)}</div>
    ${foot()}
    ${film()}
  </div>
  <div class="messages"></div>
  <div class="status" role="status" hidden>
    <span class="text"></span><progress max="1" aria-label="Progress"></progress>
    <button id="cancel">Cancel</button>
  </div>
  ${shortcuts(settings)}
</div>`;
}

function start(address, { examples, maxFileBytes, maxPixels }) {
  const limits = `Up to ${Math.round(maxFileBytes / 1e6)} MB and ${Math.round(maxPixels / 1e6)} megapixels`;
  const pictures = examples.map((name, index) => {
    const url = `${address}/examples/${encodeURIComponent(name)}`;
    return `<button class="example" data-index="${index}" aria-label="Example ${name.split(".")[0]}">
      <img src="${url}" alt="" loading="lazy"></button>`;
  });
  return `
  <section class="start" aria-label="Start">
    <button id="choose" class="drop">${icon("photo")}
      <strong class="mouse">Drop photos here, paste one, or click to choose</strong>
      <strong class="touch">Tap to choose photos</strong>
      <small>Then brush over what should go, or circle it. All else stays exactly as it is.<br>${limits}</small>
    </button>
    ${pictures.length ? `<p>Or try one of these</p><div class="examples">${pictures.join("")}</div>` : ""}
  </section>`;
}

function button(id, label, { text = "", pressed = null, kind = "", keys = "" } = {}) {
  const state = pressed === null ? "" : `aria-pressed="${pressed}"`;
  const title = keys ? `${label} (${keys})` : label;
  return `<button id="${id}" class="${kind}" aria-label="${label}" title="${title}" ${state}
    >${icon(id)}${text && `<span>${text}</span>`}</button>`;
}

function head() {
  return `
    <header class="head">
      ${button("close", "New photo", { kind: "labelled", text: "New photo" })}
      <span id="about"></span>
      ${button("undo", "Undo", { keys: "Ctrl+Z" })}
      ${button("redo", "Redo", { keys: "Ctrl+Shift+Z" })}
      ${button("compare", "Hold to see the original", { pressed: false, keys: "C" })}
      ${button("divide", "Divide into original and result", { pressed: false, keys: "D" })}
      ${button("timeline", "Pictures of all fills", { pressed: false, kind: "wide", keys: "T" })}
      ${button("options", "Options").replace("<button", '<button aria-expanded="false" aria-controls="panel"')}
      ${button("help", "Keyboard shortcuts", { keys: "?" })}
    </header>`;
}

function rail() {
  const tools = Object.entries(TOOL_NAMES).map(([name, [label, caption]]) =>
    `<button class="tool" data-tool="${name}" aria-label="${label.split(" (")[0]}" title="${label}"
      aria-pressed="false">${icon(name)}<span aria-hidden="true">${caption}</span></button>`);
  return `
    <div class="rail" role="toolbar" aria-label="Tools">
      ${tools.join("")}
      <span class="gap"></span>
      ${button("zoom-in", "Zoom in", { kind: "wide", keys: "+" })}
      <button id="zoom" title="Fit (0) or 100 % (1)"></button>
      ${button("zoom-out", "Zoom out", { kind: "wide", keys: "-" })}
    </div>`;
}

function stage() {
  return `
    <div class="stage" tabindex="0" role="application" aria-label="Photo. Arrow keys move the brush,
      Enter starts and ends a stroke, Control Enter fills.">
      <canvas class="photo"></canvas><canvas class="marks"></canvas>
      <canvas class="excluded"></canvas>
      <div class="ring" hidden></div>
      <div class="original" hidden>Original</div>
      <div class="divider" id="divider" role="slider" tabindex="0" aria-label="Original on the left"
        aria-valuemin="0" aria-valuemax="100" hidden></div>
    </div>`;
}

function timeline() {
  return '<nav class="timeline" id="fills" aria-label="Fills" hidden></nav>';
}

function pointing() {
  return `
    <div class="pointing" id="pointing" hidden>
      <span>Circle an object, or draw on it</span>
      ${button("plus", "Add to the selection", { pressed: true })}
      ${button("minus", "Take away from the selection", { pressed: false, keys: "Alt" })}
      <label><input type="checkbox" id="shadow"> Shadow</label>
    </div>
    <div class="pointing" id="excluding" hidden>
      <span>Draw where fills must not copy from</span>
    </div>`;
}

function damage() {
  return `
    <div class="damage" id="damage" role="group" aria-label="Damage" hidden>
      <label class="size"><span>Sensitivity</span>
        <input type="range" id="sensitivity" min="0" max="100" step="1" value="50"
          aria-label="Sensitivity of finding damage"
          title="Left marks what is certain, right what is possible"></label>
      <output id="damage_share" for="sensitivity"></output>
      <button id="damage_done" aria-label="Close sensitivity" title="Close sensitivity">×</button>
    </div>`;
}

function candidates() {
  return `
    <div class="candidates" id="candidates" hidden>
      <div class="pictures" role="radiogroup" aria-label="Candidates for the last fill"></div>
      <button id="keep" class="primary" title="Keep the chosen one (Enter)">Keep</button>
    </div>`;
}

function film() {
  return `
    <section class="film" id="film" aria-label="Open photos" hidden>
      <ul class="shots"></ul>
      <div class="buttons">
        <button id="add">Add</button>
        <button id="mark_all" title="Mark all photos of this size like this one">Mark all</button>
        <button id="fill_all">Fill all</button>
        <button id="save_all">Save all</button>
      </div>
    </section>`;
}

function foot() {
  return `
    <footer class="foot">
      <label class="size"><span>Brush</span>
        <input type="range" id="size" min="0" max="1" step="any" aria-label="Brush size"
          title="Brush size ([ and ])">
        <output id="size_shown" for="size"></output></label>
      ${button("another", "Other candidates for the last fill", { keys: "N" })}
      ${button("copy", "Copy to the clipboard", { kind: "wide", keys: "Ctrl+C" })}
      ${button("download", "Download", { kind: "labelled", text: "Download", keys: "Ctrl+S" })}
      <button id="fill" class="primary" title="Fill (Ctrl+Enter)">Fill</button>
    </footer>`;
}

function panel({ networks, formats, findsDamage }) {
  const names = formats.map((name) => `<option value="${name}">${FORMATS[name]}</option>`).join("");
  const choices = networks.map((name) => `<option>${name}</option>`).join("");
  return `
    <aside class="panel" id="panel" aria-label="Options" hidden>
      <fieldset><legend>Style</legend>
        <label><input type="radio" name="style" value="natural" checked> Natural
          <small>looks real</small></label>
        <label><input type="radio" name="style" value="faithful"> Faithful
          <small>invents nothing, and is softer</small></label>
      </fieldset>
      <label class="check"><input type="checkbox" id="on_release"> Fill on release
        <small>after each stroke</small></label>
      <label>Grow the marks <input type="number" id="grow" min="-50" max="50" value="0"> px</label>
      <label>Grow selections <input type="number" id="selection_grow" min="0" max="200" value="3"> px</label>
      <label>Soft edge <input type="number" id="soft" min="0" max="50" value="0"> px</label>
      <label>Download as <select id="format"><option value="">the photo's format</option>${names}
        </select></label>
      <div class="buttons">
        <button id="find_damage" title="Mark scratches, dust and date stamps (F)"
          ${findsDamage ? "" : "hidden"}>Find damage</button>
        <button id="add_photos">Add photos</button>
        <button id="open_mask">Open mask</button><button id="save_mask">Save mask</button>
        <button id="invert">Invert</button><button id="clear">Clear</button>
        <button id="show_fills" class="narrow">Pictures of fills</button>
      </div>
      <label ${networks.length > 1 ? "" : "hidden"}>Network
        <select id="weights">${choices}</select></label>
    </aside>`;
}

function shortcuts({ findsDamage }) {
  const shown = SHORTCUTS.filter(([keys]) => findsDamage || keys !== "F");
  const rows = shown.map(([keys, text]) => `<dt>${keys}</dt><dd>${text}</dd>`).join("");
  return `
  <dialog id="shortcuts" aria-label="Keyboard shortcuts">
    <h2>Keyboard shortcuts</h2><dl>${rows}</dl>
    <form method="dialog"><button class="primary" autofocus>Close</button></form>
  </dialog>`;
}
