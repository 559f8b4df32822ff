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

/** Lays out parameters of the given names and shapes over a new flat buffer filled with zeros. */
export function createParameterSet(names: readonly string[], shapes: readonly (readonly number[])[]): ParameterSet {
  const sizes = shapes.map((shape) => shape.reduce((product, size) => product * size, 1));
  const flat = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
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

/** A parameter set of the same layout with the same values. */
export function cloneParameterSet(source: ParameterSet): ParameterSet {
  const copy = createParameterSet(source.names, source.shapes);
  copy.flat.set(source.flat);
  return copy;
}

/** Euclidean norm, accumulated in float64 by four sums, so that one addition need not wait for the last. */
export function norm(values: Float32Array): number {
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    sum0 += values[i] * values[i];
    sum1 += values[i + 1] * values[i + 1];
    sum2 += values[i + 2] * values[i + 2];
    sum3 += values[i + 3] * values[i + 3];
  }
  for (let i = whole; i < values.length; i++) sum0 += values[i] * values[i];
  return Math.sqrt(sum0 + sum1 + (sum2 + sum3));
}
