/** An array in shared memory; it is known by its identity. */
type SharedArray = Float32Array | Float64Array | Int32Array;

/** A message to another thread. Arrays in shared memory cross once and are named by their number ever after. */
export interface Parcel {
  content: unknown;
  /** What crosses for the first time; it takes the next numbers. */
  arrays: SharedArray[];
}

const key = '#shared';

/**
 * Packs plain objects for one receiver. To clone arrays of megabytes into every message would make the receiver's garbage
 * collector believe that it owns them all, and it could recognise none.
 */
export function createSender(): (value: unknown) => Parcel {
  const numbers = new WeakMap<SharedArray, number>();
  let count = 0;
  return (value) => {
    const arrays: SharedArray[] = [];
    const pack = (array: SharedArray) => {
      let number = numbers.get(array);
      if (number === undefined) {
        number = count++;
        numbers.set(array, number);
        arrays.push(array);
      }
      return { [key]: number };
    };
    return { content: replaced(value, (part) => (isShared(part) ? pack(part) : null)), arrays };
  };
}

/** Unpacks what one sender packed. Keeps every shared array that it has seen: senders use theirs again and again. */
export function createReceiver(): (parcel: Parcel) => unknown {
  const known: SharedArray[] = [];
  return ({ content, arrays }) => {
    known.push(...arrays);
    return replaced(content, (part) => (key in part ? known[part[key] as number] : null));
  };
}

/** A copy of plain objects and arrays, in which `change` may put something else for objects; null leaves them. */
function replaced(value: unknown, change: (part: Record<string, unknown>) => object | null): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const other = change(value as Record<string, unknown>);
  if (other || ArrayBuffer.isView(value)) return other ?? value;
  if (Array.isArray(value)) return value.map((part) => replaced(part, change));
  const copy: Record<string, unknown> = {};
  for (const name in value) copy[name] = replaced((value as Record<string, unknown>)[name], change);
  return copy;
}

function isShared(value: object): value is SharedArray {
  return ArrayBuffer.isView(value) && value.buffer instanceof SharedArrayBuffer;
}
