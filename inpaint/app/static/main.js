import { InpaintEditor } from "./element.js";

customElements.define("inpaint-editor", InpaintEditor);
