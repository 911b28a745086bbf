/** Photos that are dropped on the window or pasted into it. */

/** Calls `take` with the first file. shown: the element that tells that a drop is possible. */
export function takeFiles(element, shown, take) {
  const first = (data) => element.checkVisibility() && data?.files?.[0];
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("paste", (event) => {
    const file = first(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  window.addEventListener("dragover", (event) => {
    if (!carries(event) || !element.checkVisibility()) return;
    event.preventDefault();
    shown.classList.add("over");
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) shown.classList.remove("over");
  });
  window.addEventListener("drop", (event) => {
    shown.classList.remove("over");
    if (!carries(event) || !element.checkVisibility()) return;
    event.preventDefault();
    const file = first(event.dataTransfer);
    if (file) take(file);
  });
}
