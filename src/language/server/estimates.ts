import type { Config } from '../../../engine/config/schema.ts';
import { count, countOf } from './figures.ts';

/** A figure of an estimate, and how it comes about. */
export interface Estimated {
  value: number;
  /** As a person says it. */
  words: string;
  /** Markdown: the arithmetic and what it assumes. */
  how: string;
}

/** What a config is estimated to need, as far as hints and hovers show it. */
export interface Estimates {
  /** Tokens of one video in the model's transformer. */
  tokens: Estimated;
  /** Parameters that are trained. */
  trained: Estimated;
  /** Seconds of the whole run. */
  seconds: Estimated;
  /** Peak bytes of one GPU, or of the trainer's process where the model runs on the CPU. */
  memory: Estimated;
}

/** Of an estimate of a config, what is shown here. */
export interface EstimateRecord {
  device: { name: string; title: string; memory: number | null };
  tokens: { video: number; text: number; latent: { frames: number; rows: number; columns: number } };
  parameters: { policy: number; trained: number };
  work: { evaluations: number };
  memory: { parts: { part: string; bytes: number; stage: string | null }[]; stage: string; total: number };
  seconds: { iteration: number; evaluation: number; run: number };
  assumptions: string[];
}

/** What is known of a config's needs; null where nothing is. @param _prompts of the evaluation, where they are known */
export function estimateOf(_config: Config, _prompts: number | null): Estimates | null {
  return null;
}

/** The estimate of a config in words. */
export function inWords(
  config: Config,
  { tokens, parameters, memory, seconds, ...estimate }: EstimateRecord,
): Estimates {
  const { frames, rows, columns } = tokens.latent;
  const assumes = ['*An estimate, not a measurement.*', '', ...estimate.assumptions.map((each) => `- ${each}`)].join(
    '\n',
  );
  const text = tokens.text === 0 ? '' : `, and ${count(tokens.text)} of the prompt`;
  const share = Math.round((100 * parameters.trained) / parameters.policy);
  const iterations = `${countOf(config.training.iterations, 'iteration')} × ${secondsWords(seconds.iteration)}`;
  const evaluations = `${countOf(estimate.work.evaluations, 'evaluation')} × ${secondsWords(seconds.evaluation)}`;
  const peak = memory.parts.filter(({ stage }) => stage === null || stage === memory.stage);
  const parts = peak.map(({ part, bytes }) => `| ${part} | ${bytesWords(bytes)} |`);
  const device =
    estimate.device.memory === null ? '' : ` of ${bytesWords(estimate.device.memory)} of an ${estimate.device.title}`;
  return {
    tokens: {
      value: tokens.video,
      words: count(tokens.video),
      how: `A latent of ${frames}×${rows}×${columns} makes ${countOf(tokens.video, 'token')} a video${text}.`,
    },
    trained: {
      value: parameters.trained,
      words: count(parameters.trained),
      how: `${share} % of the model's ${count(parameters.policy)}`,
    },
    seconds: {
      value: seconds.run,
      words: secondsWords(seconds.run),
      how: `${iterations} and ${evaluations} on ${estimate.device.title}.\n\n${assumes}`,
    },
    memory: {
      value: memory.total,
      words: bytesWords(memory.total),
      how: [
        `${bytesWords(memory.total)}${device} at the peak, in ${memory.stage}:`,
        ['| part | bytes |', '| --- | --- |', ...parts].join('\n'),
        assumes,
      ].join('\n\n'),
    },
  };
}

/** Seconds as a person says them: `0.48 s`, `45 s`, `12 min`, `3.4 h`, `2.1 days`. */
export function secondsWords(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** Bytes as a person says them: `412 MiB`, `31 GiB`. */
export function bytesWords(bytes: number): string {
  const [size, unit] = bytes < 1000 * 2 ** 20 ? [bytes / 2 ** 20, 'MiB'] : [bytes / 2 ** 30, 'GiB'];
  return `${size < 10 ? Number(size.toPrecision(2)) : Math.round(size)} ${unit}`;
}
