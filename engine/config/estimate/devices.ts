import { exitCodes, SageError } from '../../errors.ts';
import { oneOf, quote } from '../text.ts';
import { deviceNames, type DeviceName, type GpuName } from './names.ts';

/** A GPU that torch models run on. */
export interface Gpu {
  /** As people call it. */
  title: string;
  /** Bytes, as the driver reports them. */
  memory: number;
  /** Peak operations a second by the maker's data sheet: dense, sums in float32; fp32 without TF32. */
  peak: { bf16: number; fp32: number };
  /** Share of the peak that is assumed to be reached by transformer, decoder and reward model. */
  achieved: { transformer: number; decoder: number; reward: number };
}

const dataCentre = { transformer: 0.4, decoder: 0.25, reward: 0.2 };
/** Chips with fewer operations a second are kept busy more easily. */
const smaller = { transformer: 0.5, decoder: 0.3, reward: 0.25 };

/** @param mebibytes of memory; the peaks are in TFLOP/s */
function gpu(title: string, mebibytes: number, bf16: number, fp32: number, achieved: Gpu['achieved']): Gpu {
  return { title, memory: mebibytes * 2 ** 20, peak: { bf16: bf16 * 1e12, fp32: fp32 * 1e12 }, achieved };
}

/** Every GPU that estimates know. To add one, add its name to `names.ts` and a row here. */
export const gpus: Readonly<Record<GpuName, Gpu>> = {
  b200: gpu('NVIDIA B200', 183_359, 2250, 75, dataCentre),
  h200: gpu('NVIDIA H200', 143_771, 989, 67, dataCentre),
  'a100-80gb': gpu('NVIDIA A100 80GB', 81_920, 312, 19.5, smaller),
  h100: gpu('NVIDIA H100 80GB', 81_559, 989, 67, dataCentre),
  l40s: gpu('NVIDIA L40S', 46_068, 362, 91.6, dataCentre),
  'a100-40gb': gpu('NVIDIA A100 40GB', 40_960, 312, 19.5, smaller),
  'rtx-5090': gpu('NVIDIA RTX 5090', 32_607, 209.5, 104.8, smaller),
  'rtx-4090': gpu('NVIDIA RTX 4090', 24_564, 165.2, 82.6, smaller),
};

/** What estimates of torch models are for when nothing else is said: the GPU of 80 GB of the paper's setting. */
export const usualGpu: GpuName = 'h100';

/** @throws SageError `estimate/unknown-device` (exit code 2) for a name that is not in the table */
export function deviceNamed(name: string): DeviceName {
  const found = deviceNames.find((each) => each === name.toLowerCase());
  if (found !== undefined) return found;
  throw new SageError(
    'estimate/unknown-device',
    `There is no device ${quote(name)} in the table of estimates.`,
    `The devices are ${oneOf(deviceNames, 'and')}.`,
    { exitCode: exitCodes.usage },
  );
}
