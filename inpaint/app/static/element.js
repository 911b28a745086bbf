/** The element <inpaint-editor>: its parts, and which button or key does what. */

import { root } from "./api.js";
import { Candidates } from "./candidates.js";
import { Damage } from "./damage.js";
import { Divider } from "./divider.js";
import { Filmstrip } from "./filmstrip.js";
import { Gestures } from "./gestures.js";
import { Keys } from "./keys.js";
import { Messages } from "./messages.js";
import { Options } from "./options.js";
import { Output } from "./output.js";
import { Pointer } from "./pointer.js";
import { Pointing } from "./pointing.js";
import { Server } from "./server.js";
import { Stage } from "./stage.js";
import { Tasks } from "./tasks.js";
import { template } from "./template.js";
import { Timeline } from "./timeline.js";
import { takeFiles } from "./transfer.js";
import { TOOLS, Tools } from "./tools.js";
import { Work } from "./work.js";

const WIDE = 1100; // CSS pixels from which the fills are shown without being asked for
const DISCARD = "Discard the work? It was not downloaded.";

export class InpaintEditor extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return; // moved in the page
    const settings = JSON.parse(this.getAttribute("settings"));
    this.attachShadow({ mode: "open" });
    this.shadowRoot.innerHTML = template(`${root()}/editor`, settings);
    this.#build(settings);
    this.#listen();
    this.#fillWindow();
    this.work.resume();
  }

  /** A part by its id. */
  part(id) {
    return this.shadowRoot.getElementById(id);
  }

  find(selector) {
    return this.shadowRoot.querySelector(selector);
  }

  #build(settings) {
    this.messages = new Messages(this.find(".messages"));
    this.stage = new Stage(this.find(".stage"));
    this.tools = new Tools(this.stage);
    this.pointer = new Pointer(this.stage, this.tools);
    this.gestures = new Gestures(this.find(".stage"), this.pointer);
    this.options = new Options((id) => this.part(id), this.find(".panel"));
    const server = new Server(settings.prefix, (text, kind) => this.messages.show(text, kind));
    const view = { stage: this.stage, messages: this.messages };
    const tasks = new Tasks(this.find(".status"));
    this.work = new Work(server, view, tasks, () => this.options.values, {
      onChange: () => this.#update(),
      onQuick: (quick) => this.options.suggestFillOnRelease(quick),
    });
    this.output = new Output(this.work);
    this.pointing = new Pointing(this.work);
    this.damage = new Damage(this.work, (id) => this.part(id));
    this.filmstrip = new Filmstrip(this.part("film"), {
      onShow: (shot) => this.work.show(shot), onClose: (shot) => this.#closeShot(shot),
    });
    this.divider = new Divider(this.part("divider"), this.stage);
    this.timeline = new Timeline(this.part("fills"), (fills) => this.work.goTo(fills));
    this.#showTimeline(this.options.chosen.timeline ?? window.innerWidth > WIDE);
    this.candidates = new Candidates(this.part("candidates"), {
      onChoose: (candidate) => this.work.choose(candidate),
      onClose: () => this.#choosing(false),
    });
    this.tools.onMark = (mark) => this.work.mark(mark);
    this.tools.onPoint = (stroke) => this.pointing.add(stroke);
    this.tools.onChange = () => this.#showTool();
    this.stage.onView = () => this.#showZoom();
  }

  #listen() {
    const { work, tools, output } = this;
    const actions = this.#actions();
    const choose = () => this.part("photo").click();
    const buttons = {
      choose, add: choose, add_photos: choose, fill_all: () => work.fillAll(),
      save_all: () => output.downloadAll(), mark_all: () => work.markAll(), copy: actions.copy,
      open_mask: () => this.part("mask_file").click(),
      close: () => this.close(), undo: actions.undo, redo: actions.redo, fill: actions.fill,
      another: actions.another, keep: () => this.#keepCandidate(), download: actions.download,
      cancel: () => work.cancel(),
      plus: () => this.#pointMinus(false), minus: () => this.#pointMinus(true),
      find_damage: actions.findDamage, damage_done: () => this.damage.close(),
      clear: actions.clear, invert: () => work.invert(), save_mask: () => output.saveMask(),
      "zoom-in": actions.zoomIn, "zoom-out": actions.zoomOut, zoom: () => this.#toggleZoom(),
      divide: actions.divide, timeline: actions.timeline, show_fills: actions.timeline,
      options: () => this.options.toggle(), help: actions.help,
    };
    for (const [id, action] of Object.entries(buttons)) this.#onClick(this.part(id), action);
    for (const tool of this.shadowRoot.querySelectorAll("[data-tool].tool"))
      this.#onClick(tool, () => tools.choose(tool.dataset.tool));
    for (const example of this.shadowRoot.querySelectorAll(".example"))
      this.#onClick(example, () => work.openExample(Number(example.dataset.index)));
    this.#onFiles("photo", (files) => this.open(files));
    this.#onFiles("mask_file", ([file]) => work.openMask(file));
    this.part("size").addEventListener("input", (event) => {
      tools.share = event.target.valueAsNumber;
      this.pointer.showInMiddle();
    });
    this.#holdToCompare(this.part("compare"));
    this.keys = new Keys(this, actions);
    this.#showFocus();
    takeFiles(this, this.find(".editor"), (files) => this.open(files));
  }

  #actions() {
    const { work, tools, stage, pointer } = this;
    const open = (action) => () => (work.photo && !tools.drawing ? action() : undefined);
    return {
      undo: open(() => work.undo()), redo: open(() => work.redo()), fill: open(() => work.fill()),
      another: open(() => this.another()), download: open(() => this.output.download()),
      copy: open(() => this.output.copy()), nextPhoto: (by) => this.#nextPhoto(by),
      findDamage: open(() => this.#findDamage()),
      clear: open(() => work.clear()), choose: (name) => tools.choose(name),
      smaller: () => pointer.resize(() => tools.shrink()),
      larger: () => pointer.resize(() => tools.grow()),
      zoomIn: () => stage.zoom(1.25), zoomOut: () => stage.zoom(0.8), fit: () => stage.fit(),
      fullSize: () => stage.showFullSize(), compare: (on) => this.#compare(on),
      divide: open(() => this.#divide(!this.divider.on)),
      timeline: () => this.#showTimeline(this.part("fills").hidden, true),
      holdHand: (on) => this.#holdHand(on), help: () => this.part("shortcuts").showModal(),
      moveBrush: (dx, dy) => pointer.step(dx, dy), toggleStroke: () => pointer.toggleStroke(),
      takeAway: (on) => this.#pointMinus(on),
      candidate: (key, target) => this.#candidateKey(key, target),
      cancel: () => (tools.drawing ? this.#cancelStroke() : work.cancel()),
    };
  }

  /** Shows candidates of the latest fill, and makes those that are missing. */
  async another() {
    if (!this.work.history.openFill) return;
    this.candidates.show(this.work.shot);
    this.#choosing(true);
    await this.work.another();
  }

  /** The panel makes room for the photo and its marks. */
  #findDamage() {
    if (this.part("find_damage").hidden) return; // the server has no detector
    if (!this.part("panel").hidden) this.options.toggle();
    this.damage.find();
  }

  #divide(on) {
    this.divider.toggle(on);
    this.part("divide").setAttribute("aria-pressed", on);
  }

  #showTimeline(on, chosen = false) {
    this.part("fills").hidden = !on;
    this.part("timeline").setAttribute("aria-pressed", on);
    if (chosen) this.options.keep({ timeline: on });
    this.timeline.update(this.work.shot);
  }

  #pointMinus(on) {
    this.tools.minus = on;
    this.part("plus").setAttribute("aria-pressed", !on);
    this.part("minus").setAttribute("aria-pressed", on);
  }

  #choosing(on) {
    this.find(".editor").classList.toggle("choosing", on);
  }

  #keepCandidate() {
    this.work.cancel();
    this.candidates.close();
  }

  /** What a key does while candidates are shown. */
  #candidateKey(key, target) {
    const { candidates } = this;
    if (!candidates.open) return null;
    if (/^[1-9]$/.test(key)) return () => candidates.choose(Number(key));
    if (target.matches?.("input, select, button:not([role=radio])")) return null;
    const keys = {
      ArrowLeft: () => candidates.step(-1), ArrowRight: () => candidates.step(1),
      Enter: () => this.#keepCandidate(), Escape: () => this.#keepCandidate(),
    };
    return keys[key];
  }

  /** Opens photos beside those that may be open. */
  open(files) {
    this.messages.clear();
    this.work.open(files);
  }

  /** Back to the empty page. */
  close() {
    if (this.work.unsaved && !window.confirm(DISCARD)) return;
    this.messages.clear();
    this.work.close();
  }

  #closeShot(shot) {
    if (!shot.unsaved || window.confirm(DISCARD)) this.work.closeShot(shot);
  }

  #nextPhoto(by) {
    const { shots, shot } = this.work.album;
    const next = shots[shots.indexOf(shot) + by];
    if (next && !this.tools.drawing) this.work.show(next);
  }

  #onClick(element, action) {
    element.addEventListener("click", (event) => {
      action();
      // The space bar moves the photo after a click, and does not press the button again.
      if (event.detail > 0) this.find(".stage").focus({ preventScroll: true });
    });
  }

  #onFiles(id, action) {
    this.part(id).addEventListener("change", ({ target }) => {
      const files = [...target.files];
      target.value = ""; // the same file can be chosen again
      if (files.length) action(files);
    });
  }

  #holdToCompare(button) {
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.#compare(true);
    });
    for (const kind of ["pointerup", "pointercancel", "blur", "keyup"])
      button.addEventListener(kind, () => this.#compare(false));
    button.addEventListener("keydown", ({ key }) => {
      if (key === " " || key === "Enter") this.#compare(true);
    });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #compare(on) {
    if (this.stage.showsOriginal === on) return;
    this.stage.showsOriginal = on;
    this.find(".original").hidden = !on;
    this.part("compare").setAttribute("aria-pressed", on);
    this.stage.draw();
  }

  #holdHand(on) {
    this.gestures.spaceHeld = on;
    this.find(".stage").classList.toggle("panning", on);
  }

  #cancelStroke() {
    this.gestures.abort();
    this.tools.cancel();
  }

  #toggleZoom() {
    if (this.stage.view.fitted) this.stage.showFullSize();
    else this.stage.fit();
  }

  #update() {
    const { history, photo, job } = this.work;
    this.find(".editor").dataset.state = photo ? "open" : "empty";
    if (photo && photo !== this.shown) {
      this.tools.suit(photo);
      this.options.suit(photo);
      if (this.divider.on) this.#divide(false);
      this.part("about").textContent = `${photo.name} · ${photo.width} × ${photo.height}`;
    }
    this.shown = photo;
    this.part("undo").disabled = !history.canUndo;
    this.part("redo").disabled = !history.canRedo;
    this.part("fill").disabled = job !== null;
    this.part("another").disabled = job !== null || !history.openFill || !history.canUndo;
    this.part("fill_all").disabled = job !== null;
    this.filmstrip.update(this.work.album.shots, this.work.shot);
    this.timeline.update(this.work.shot);
    this.candidates.update(this.work.shot, job !== null);
    this.damage.update();
  }

  #showTool() {
    this.find(".stage").dataset.tool = this.tools.name;
    this.part("pointing").hidden = this.tools.name !== "select";
    this.part("excluding").hidden = this.tools.name !== "exclude";
    this.part("size").disabled = !this.tools.hasRing;
    for (const name of TOOLS)
      this.find(`[data-tool=${name}].tool`).setAttribute("aria-pressed", name === this.tools.name);
    const size = `${(2 * this.tools.radius).toFixed(this.tools.radius < 5 ? 1 : 0)} px`;
    this.part("size").value = this.tools.share;
    this.part("size").setAttribute("aria-valuetext", size);
    this.part("size_shown").textContent = size;
    this.pointer.refresh();
  }

  #showZoom() {
    const percent = 100 * this.stage.view.scale;
    this.part("zoom").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
    this.pointer.refresh();
  }

  /** The photo shows that it has the focus when it was reached by keys. */
  #showFocus() {
    const { classList } = this.find(".editor");
    window.addEventListener("keydown", ({ key }) => key === "Tab" && classList.add("by-keys"));
    window.addEventListener("pointerdown", () => classList.remove("by-keys"), { capture: true });
  }

  /** The editor reaches down to the end of the window. */
  #fillWindow() {
    const measure = () => {
      const top = this.getBoundingClientRect().top + window.scrollY;
      this.style.setProperty("--height", `calc(100dvh - ${Math.ceil(top) + 8}px)`);
    };
    new ResizeObserver(measure).observe(document.body);
    measure();
  }
}
