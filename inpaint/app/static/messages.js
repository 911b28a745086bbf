/** Messages to the visitor. */

const SHOWN_MS = 8000; // how long a message stays

/** Shows messages one below the other; errors stay until they are closed. */
export class Messages {
  constructor(element) {
    this.element = element;
  }

  show(text, kind = "info") {
    const message = document.createElement("div");
    message.className = `message ${kind}`;
    message.setAttribute("role", kind === "error" ? "alert" : "status");
    message.append(Object.assign(document.createElement("span"), { textContent: text }));
    const close = Object.assign(document.createElement("button"), { textContent: "×" });
    close.setAttribute("aria-label", "Close message");
    close.addEventListener("click", () => message.remove());
    message.append(close);
    this.element.append(message);
    if (kind !== "error") setTimeout(() => message.remove(), SHOWN_MS);
  }

  clear() {
    this.element.replaceChildren();
  }
}
