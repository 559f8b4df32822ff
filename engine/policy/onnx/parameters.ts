import * as ort from 'onnxruntime-node';

/** A named set of float32 parameters in one flat buffer, with a view and an onnxruntime tensor for each of them. */
export interface ParameterSet {
  readonly names: readonly string[];
  readonly shapes: readonly (readonly number[])[];
  /** All values, in the order of `names`. */
  readonly flat: Float32Array;
  readonly views: readonly Float32Array[];
  /** Feeds by graph input name. They alias `flat`: a change of the buffer is seen by the next run. */
  readonly feeds: Readonly<Record<string, ort.Tensor>>;
}

/** Lays out parameters of the given names and shapes over a flat buffer; over a new one of zeros by default. */
export function createParameterSet(
  names: readonly string[],
  shapes: readonly (readonly number[])[],
  buffer?: Float32Array,
): ParameterSet {
  const sizes = shapes.map((shape) => shape.reduce((product, size) => product * size, 1));
  const flat = buffer ?? new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
  const views: Float32Array[] = [];
  const feeds: Record<string, ort.Tensor> = {};
  let offset = 0;
  names.forEach((name, index) => {
    const view = flat.subarray(offset, offset + sizes[index]);
    offset += sizes[index];
    views.push(view);
    feeds[name] = new ort.Tensor('float32', view, [...shapes[index]]);
  });
  return { names, shapes, flat, views, feeds };
}
