import { existsSync } from 'node:fs';
import path from 'node:path';
import { examine, type Examination } from '../python/examination.ts';
import { findPython, namedInVain, workerPins, type PassedOver } from '../python.ts';
import type { Finding } from './doctor.ts';
import { gib, weightsFindings } from './doctor-weights.ts';
import { neededWeights, type NeededWeights, type WeightsConfig } from './weights.ts';

/** A config whose needs are looked at; its folder is where relative paths in it begin. */
export interface Subject {
  config: WeightsConfig & { policy: { devices: number; precision: string } };
  folder: string;
}

const setup = {
  remedy: 'Install what training with PyTorch needs.',
  advice: [{ action: 'setup-torch' }],
} satisfies Partial<Finding>;
/** Modules that a video generator and its rewards import, where they are not called as their package. */
const moduleNames: Record<string, string> = { pillow: 'PIL', 'huggingface-hub': 'huggingface_hub' };
const notImported = ['protobuf', 'sentencepiece', 'ftfy', 'numpy', 'safetensors', 'torch'];

/**
 * What the torch policy needs of this machine. Without a config that runs on it, what is missing is only a note.
 * @param subject null: no config was named
 * @param named the Python to look at; without it, the one that training would take
 */
export async function torchFindings(subject: Subject | null, named?: string): Promise<Finding[]> {
  const needed = subject?.config.policy.backend === 'torch' ? subject : null;
  const found = named === undefined ? await findPython(['torch']) : { python: named };
  if (found.python === null) return [noPython(found.tried, needed !== null)];
  const large = needed !== null && needed.config.policy.model !== 'shapes';
  const pins = workerPins(['train']);
  const weights = needed ? neededWeights(needed.config).map((one) => resolved(one, needed.folder)) : [];
  const answer = await examine(found.python, {
    packages: Object.keys(pins),
    // Importing them takes a while, so it is left to where it matters.
    imports: large ? importsOf(pins) : [],
    weights: weights.map(({ name, kind }) => ({ name, kind })),
  });
  if ('failure' in answer) return [brokenPython(found.python, answer.failure, needed !== null)];
  return [
    { check: 'Python', state: 'ok', detail: `${found.python}: Python ${answer.python}` },
    ...torchFinding(answer, found.python, needed !== null),
    ...packageFindings(answer, pins, large),
    ...deviceFindings(answer, needed),
    ...(needed ? weightsFindings(weights, answer, found.python, needed.folder) : []),
  ];
}

function importsOf(pins: Record<string, string>): string[] {
  const names = Object.keys(pins).filter((name) => !notImported.includes(name));
  return names.map((name) => moduleNames[name] ?? name);
}

/** A relative folder of the config begins where the config lies. */
function resolved(weights: NeededWeights, folder: string): NeededWeights {
  const inFolder = path.resolve(folder, weights.name);
  return existsSync(inFolder) ? { ...weights, name: inFolder } : weights;
}

function noPython(tried: readonly PassedOver[], needed: boolean): Finding {
  const state = needed ? 'problem' : 'note';
  const vain = namedInVain(tried);
  if (vain !== null) return { check: 'Python', state, detail: vain.fault, remedy: vain.remedy };
  const reasons = tried.map(({ python, reason }) => `${python}: ${reason}`).join('; ');
  return {
    check: 'Python',
    state,
    detail: needed
      ? `none with torch was found (${reasons || 'no Python at all'})`
      : 'none with torch was found; the embedded model does not need it',
    ...setup,
    remedy: 'To train video generators, make a Python environment, or name a Python with torch in SAGE_PYTHON.',
  };
}

function brokenPython(python: string, failure: string, needed: boolean): Finding {
  return {
    check: 'Python',
    state: needed ? 'problem' : 'note',
    detail: `${python} cannot be used: ${failure}`,
    ...setup,
    remedy: `${setup.remedy} If the environment itself is broken, delete its folder first, or name another Python in SAGE_PYTHON.`,
  };
}

function torchFinding({ torch, packages }: Examination, python: string, needed: boolean): Finding[] {
  const state = needed ? 'problem' : 'note';
  if (torch === null || 'error' in torch) {
    const detail = `${python} has torch ${packages.torch ?? ''}, which cannot be imported: ${torch?.error ?? 'it is missing'}`;
    return [{ check: 'PyTorch', state, detail, ...setup }];
  }
  const build = torch.cuda === null ? ', for the CPU' : `, for CUDA ${torch.cuda}`;
  const nccl = torch.nccl === null ? '' : `, NCCL ${torch.nccl}`;
  return [{ check: 'PyTorch', state: 'ok', detail: `${torch.version}${build}${nccl}` }];
}

/** Each package against its pinned version: what is missing stands in the way of a video generator. */
function packageFindings({ packages, broken }: Examination, pins: Record<string, string>, large: boolean): Finding[] {
  const missing = Object.keys(pins).filter((name) => packages[name] === null);
  const other = Object.entries(pins).filter(
    ([name, pin]) => packages[name] !== null && packages[name]?.split('+')[0] !== pin,
  );
  const findings: Finding[] = Object.entries(broken).map(([name, error]) => ({
    check: name,
    state: 'problem',
    detail: `it cannot be imported: ${error}`,
    ...setup,
  }));
  if (missing.length > 0) {
    findings.push({
      check: 'packages',
      state: large ? 'problem' : 'note',
      detail: `not installed: ${missing.join(', ')}`,
      ...setup,
    });
  }
  if (other.length > 0) {
    const differences = other.map(([name, pin]) => `${name} ${packages[name]} (tested with ${pin})`);
    findings.push({ check: 'packages', state: 'note', detail: differences.join(', '), ...setup });
  }
  if (findings.length > 0) return findings;
  const shown = ['diffusers', 'transformers', 'peft', 'av'].map((name) => `${name} ${packages[name]}`);
  return [{ check: 'packages', state: 'ok', detail: shown.join(', ') }];
}

function deviceFindings(found: Examination, needed: Subject | null): Finding[] {
  const { torch, devices } = found;
  if (torch === null || 'error' in torch) return [];
  if (devices.length === 0) return [noDevice(torch.cuda, torch.reason, needed)];
  const findings = devices.map(({ name, total, free, capability, bf16, error }, index): Finding => {
    const check = `GPU ${index}`;
    const memory = free === null ? `${gib(total)} GiB` : `${gib(free)} of ${gib(total)} GiB free`;
    const detail = `${name}, ${memory}, compute capability ${capability}${bf16 ? ', bfloat16' : ''}`;
    if (error !== null)
      return { check, state: 'problem', detail: `${detail}: ${error}`, remedy: 'See with `nvidia-smi` who holds it.' };
    if (!bf16 && (needed === null || needed.config.policy.precision === 'bf16')) {
      const remedy = 'Use a GPU of compute capability 8.0 or later, or set policy.precision to fp32.';
      return { check, state: 'note', detail: `${detail}, no bfloat16`, remedy };
    }
    if (free !== null && free < 0.9 * total) {
      const remedy = 'Other programs hold the rest; `nvidia-smi` says which.';
      return { check, state: 'note', detail, remedy };
    }
    return { check, state: 'ok', detail };
  });
  const wanted = needed?.config.policy.devices ?? 1;
  if (wanted > devices.length) {
    const remedy = `Set policy.devices to ${devices.length}, see CUDA_VISIBLE_DEVICES, or use a machine with more.`;
    const detail = `the config asks for ${wanted}, PyTorch sees ${devices.length}`;
    findings.push({ check: 'GPUs', state: 'problem', detail, remedy });
  }
  if (wanted > 1 && torch.nccl === null) {
    findings.push({
      check: 'NCCL',
      state: 'problem',
      detail: 'this PyTorch has none, so several GPUs cannot train together',
      ...setup,
    });
  }
  return findings;
}

function noDevice(cuda: string | null, reason: string | null, needed: Subject | null): Finding {
  const driver = existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');
  // A folder of one's own may hold a small model; the released ones, and what would be downloaded, a CPU does not train.
  const { model = 'shapes', weights = null } = needed?.config.policy ?? {};
  const here = weights !== null && existsSync(path.resolve(needed?.folder ?? '', weights));
  const hopeless = model !== 'shapes' && !here;
  const state = hopeless ? 'problem' : 'note';
  if (driver && cuda === null) {
    const detail = 'an NVIDIA driver is here, but this PyTorch is the one for the CPU';
    return { check: 'GPU', state, detail, ...setup, remedy: 'Install the one for CUDA (without --cpu).' };
  }
  if (driver) {
    const detail = `PyTorch for CUDA ${cuda} finds no GPU: ${reason ?? 'it does not say why'}`;
    const remedy = /driver.*old/i.test(reason ?? '')
      ? `Update the NVIDIA driver to one for CUDA ${cuda} or later.`
      : 'See whether `nvidia-smi` lists it, and what CUDA_VISIBLE_DEVICES holds.';
    return { check: 'GPU', state, detail, remedy };
  }
  return {
    check: 'GPU',
    state,
    detail: 'no NVIDIA GPU is on this machine; its CPU trains Shapes and tiny models',
    remedy: 'Train video generators on a machine with a CUDA GPU; an estimate of the config says how large.',
    advice: [{ action: 'estimate' }],
  };
}
