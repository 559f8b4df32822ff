import { existsSync } from 'node:fs';
import path from 'node:path';
import { SageError } from '../../errors.ts';
import { readSafetensors, writeSafetensors, type Tensor } from '../../run/safetensors.ts';
import { weightsFolder } from '../../shapes/weights.ts';
import type { AdamWState } from './adamw.ts';
import type { Graphs } from './graphs.ts';
import { createParameterSet } from './parameters.ts';
import type { ParameterLayout } from './tasks.ts';
import { changeSet, type Weights } from './weights.ts';

const policyFile = 'policy.safetensors';
const anchorFile = 'anchor.safetensors';
const optimizerFile = 'optimizer.safetensors';
const gradientPrefix = 'grad:';
const firstPrefix = 'first_moment:';
const secondPrefix = 'second_moment:';

/** Names and shapes of the parameters, in the order of the update graph's gradients. */
export function readLayout(graphs: Graphs): ParameterLayout {
  const metadata = new Map(graphs.update.inputMetadata.map((input) => [input.name, input]));
  const names = graphs.update.outputNames
    .filter((name) => name.startsWith(gradientPrefix))
    .map((name) => name.slice(gradientPrefix.length));
  const shapes = names.map((name) => {
    const input = metadata.get(name);
    if (!input?.isTensor) throw new Error(`the update graph has a gradient of "${name}" and no such input`);
    return input.shape.map(Number);
  });
  return { names, shapes };
}

/**
 * Reads policy weights in the given layout; the packaged pre-trained ones by default. `[parameters]`
 * @throws SageError `policy/weights` when the file is of another model
 */
export async function readWeights(
  layout: ParameterLayout,
  file = path.join(weightsFolder(), policyFile),
): Promise<Float32Array> {
  return readFlat(file, layout, '');
}

/** Writes weights, anchor and optimizer moments into an existing folder; returns the file names. */
export async function saveState(folder: string, weights: Weights, optimizer: AdamWState): Promise<string[]> {
  const { names, shapes } = weights.layout;
  const tensors = (prefix: string, flat: Float32Array) => {
    const set = createParameterSet(names, shapes);
    set.flat.set(flat);
    return names.map((name, i): [string, Tensor] => [
      prefix + name,
      { dtype: 'float32', shape: [...shapes[i]], data: new Float32Array(set.views[i]) },
    ]);
  };
  const files: string[] = [];
  const write = async (file: string, entries: [string, Tensor][], metadata: Record<string, string>) => {
    await writeSafetensors(path.join(folder, file), entries, metadata);
    files.push(file);
  };
  const { current, anchor } = weights.sets;
  await write(policyFile, tensors('', current.flat), { model: 'shapes' });
  if (weights.hasAnchor) await write(anchorFile, tensors('', anchor.flat), { model: 'shapes' });
  const moments = [...tensors(firstPrefix, optimizer.firstMoment), ...tensors(secondPrefix, optimizer.secondMoment)];
  await write(optimizerFile, moments, { step: String(optimizer.step) });
  return files;
}

/** Restores what `saveState` wrote, in place. */
export async function loadState(folder: string, weights: Weights, optimizer: AdamWState): Promise<void> {
  const { layout, sets } = weights;
  changeSet(sets.current, await readFlat(path.join(folder, policyFile), layout, ''));
  const anchor = path.join(folder, anchorFile);
  weights.hasAnchor = existsSync(anchor);
  if (weights.hasAnchor) changeSet(sets.anchor, await readFlat(anchor, layout, ''));
  const file = path.join(folder, optimizerFile);
  optimizer.firstMoment.set(await readFlat(file, layout, firstPrefix));
  optimizer.secondMoment.set(await readFlat(file, layout, secondPrefix));
  const step = Number((await readSafetensors(file)).metadata.step);
  if (!Number.isInteger(step) || step < 0) throw otherModel(file, 'step');
  optimizer.step = step;
}

async function readFlat(file: string, layout: ParameterLayout, prefix: string): Promise<Float32Array> {
  const { tensors } = await readSafetensors(file);
  const set = createParameterSet(layout.names, layout.shapes);
  layout.names.forEach((name, i) => {
    const tensor = tensors.get(prefix + name);
    const fits = tensor?.dtype === 'float32' && tensor.shape.join() === layout.shapes[i].join();
    if (!fits) throw otherModel(file, prefix + name);
    set.views[i].set(tensor.data as Float32Array);
  });
  return set.flat;
}

function otherModel(file: string, name: string): SageError {
  return new SageError(
    'policy/weights',
    `${file} holds no float32 tensor "${name}" of the right shape: it is not of the Shapes model.`,
    'Give a policy.safetensors of a Shapes run, or leave policy.weights out.',
    { place: { file } },
  );
}
