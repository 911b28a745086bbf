/** Texts and icons in sight with their contrasts: [what, contrast, kind]. */
() => {
  const root = document.querySelector('inpaint-editor').shadowRoot;
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const known = new Map(); // a canvas is slow, and the colours are few
  const paint = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const read = (colour) => {
    if (!known.has(colour)) known.set(colour, paint(colour));
    return known.get(colour);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const parent = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host;
  const behind = (node) => {
    const layers = [];
    for (let one = node; one; one = parent(one))
      layers.push(read(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  for (const node of root.querySelectorAll('*')) {
    const text = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    const icon = node.tagName === 'svg';
    const exempt = node.matches(':disabled, :disabled *, style, option');
    if ((!text && !icon) || exempt || !node.checkVisibility()) continue;
    const style = getComputedStyle(node), ground = behind(icon ? node.parentElement : node);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const large = size >= 24 || (bold && size >= 18.66);
    const kind = icon ? 'icon' : large ? 'large' : 'text';
    const what = `${node.closest('[id]')?.id} ${node.textContent.trim().slice(0, 30)}`;
    found.push([what, contrast(over(read(style.color), ground), ground), kind]);
  }
  return found;
}
