/** Photos that are dropped on the window or pasted into it. */

/** Calls `take` with the files. shown: the element that tells that a drop is possible. */
export function takeFiles(element, shown, take) {
  const files = (data) => (element.checkVisibility() ? [...(data?.files ?? [])] : []);
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("paste", (event) => {
    const pasted = files(event.clipboardData);
    if (!pasted.length) return;
    event.preventDefault();
    take(pasted);
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
    const dropped = files(event.dataTransfer);
    if (dropped.length) take(dropped);
  });
}
