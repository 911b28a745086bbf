/** Icons of 24 x 24, drawn with lines. */

const PATHS = {
  brush: "M20 4 10 14m-3-1c-3 0-3 3-4 6 3 1 7 0 7-3 0-2-1-3-3-3Z",
  erase: "m4 16 9-10 7 6-7 8H8ZM9 10l7 6",
  rectangle: "M4 6h16v12H4Z",
  lasso: "M12 4c5 0 9 2.5 9 6s-4 6-9 6-9-2.5-9-6 4-6 9-6ZM6 15c-2 2 0 4 2 3s1-3-1-3m1 3c0 2-1 3-2 3",
  exclude: "M8 8h11v11H8ZM5 16H4V4h12v1M3 21 21 3",
  hand: "M8 12V6a1.5 1.5 0 0 1 3 0v5-6.5a1.5 1.5 0 0 1 3 0V11 6a1.5 1.5 0 0 1 3 0v8c0 4-2 7-6 7-3 0-4-2-7-7 0-2 2-2 4 1",
  select: "M4 9V5h4m8 0h4v4M4 15v4h4m8 0h4v-4M12 8c3 0 4 2 4 4s-1 4-4 4-4-2-4-4 1-4 4-4Z",
  plus: "M12 6v12M6 12h12",
  minus: "M6 12h12",
  undo: "M9 6 4 11l5 5M4 11h9c4 0 7 2 7 7",
  redo: "m15 6 5 5-5 5m5-5h-9c-4 0-7 2-7 7",
  "zoom-in": "M12 5v14M5 12h14",
  "zoom-out": "M5 12h14",
  compare: "M3 12c3-5 6-6 9-6s6 1 9 6c-3 5-6 6-9 6s-6-1-9-6Zm6.5 0a2.5 2.5 0 1 0 5 0 2.5 2.5 0 0 0-5 0Z",
  divide: "M12 3v18M9 9l-4 3 4 3m6-6 4 3-4 3",
  timeline: "M12 8v4l3 2M4 12a8 8 0 1 1 2.5 5.8M4 12l-2-2m2 2 2-2",
  options: "M4 7h9m4 0h3M4 17h3m4 0h9M13 7a2 2 0 1 0 4 0 2 2 0 0 0-4 0ZM7 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0Z",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2m0 3v.5",
  close: "M11 5H4v14h16v-7M4 16l5-5 4 4 2-2 5 4M17 2v8M13 6h8",
  another: "M19 8a8 8 0 1 0 1 6m0-10v5h-5",
  copy: "M9 9h11v11H9ZM5 15H4V4h11v1",
  download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
  photo: "M4 5h16v14H4Zm0 11 5-5 4 4 2-2 5 4M15 9.5h.5",
};

/** An icon as markup. */
export function icon(name) {
  return `<svg viewBox="0 0 24 24" width="22" height="22" fill="none" stroke="currentColor"
    stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"
    ><path d="${PATHS[name]}"/></svg>`;
}
