/** PNG files with one bit a pixel, made piece by piece: masks of any size in little memory. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

/** A Blob. bands: async iterable of lines, each a filter byte and ceil(width / 8) bytes. */
export async function encodePng(width, height, bands) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 1); // bits a pixel; gray, no interlacing
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const pixels = await deflated(bands);
  const parts = [
    signature,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", pixels),
    chunk("IEND", new Uint8Array()),
  ];
  return new Blob(parts, { type: "image/png" });
}

async function deflated(bands) {
  const stream = new CompressionStream("deflate");
  const answer = new Response(stream.readable).arrayBuffer();
  const writer = stream.writable.getWriter();
  for await (const band of bands) await writer.write(band);
  await writer.close();
  return new Uint8Array(await answer);
}

function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}
