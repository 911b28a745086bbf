/** What an ONNX file of `inpaint export` says of its network. */

const METADATA = 14; // number of ModelProto.metadata_props in ONNX's protobuf

/** The metadata of an ONNX file: { key: value }. bytes: Uint8Array of the whole file. */
export function metadataOf(bytes) {
  const entries = fields(bytes).filter(({ number }) => number === METADATA);
  return Object.fromEntries(
    entries.map(({ value }) => fields(value).map((field) => new TextDecoder().decode(field.value))),
  );
}

/** What the network is made for, as tiling.js takes it; the defaults of TilingConfig without. */
export function tilingOf(bytes) {
  const notes = JSON.parse(metadataOf(bytes).notes ?? "{}");
  const { tiling = {}, reach = {} } = notes; // reach: in weight files of version 0.1
  return {
    holeRadius: tiling.hole_radius ?? reach.radius ?? 40,
    minSide: tiling.min_side ?? reach.least_side ?? 128,
    maxSide: tiling.max_side ?? reach.most_side ?? 512,
  };
}

/** The fields of a protobuf message that are bytes or messages: [{ number, value }]. */
function fields(bytes) {
  const found = [];
  let place = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (let byte = 128; byte & 128; scale *= 128) {
      byte = bytes[place++];
      value += (byte & 127) * scale;
    }
    return value;
  };
  while (place < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1 || kind === 5) place += kind === 1 ? 8 : 4;
    else if (kind === 2) {
      const length = varint();
      found.push({ number: Math.floor(tag / 8), value: bytes.subarray(place, place + length) });
      place += length;
    } else throw new Error(`not an ONNX file: field of kind ${kind}`);
  }
  return found;
}
